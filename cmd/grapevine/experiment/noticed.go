package experiment

import (
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// observations returns what each observer noticed until the given time.
func (n *notices) observations(observers []string, until time.Time) []chaos.Observation {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := []chaos.Observation{}
	if n.hit == nil {
		return all
	}
	if !n.hit.healed.IsZero() && !n.hit.fault.Fleeting {
		until = n.hit.healed
	}
	for _, observer := range observers {
		sent := n.lastSent[observer]
		if n.hit.fault.Fleeting { // what was sent there after its return can't be told apart
			sent = nil
		}
		if n.hit.misses(observer) {
			all = append(all, chaos.Observe(observer, n.hit.fault.Gateways, n.hit.at, until, n.events, sent))
		}
	}
	return all
}

// backAt returns when an observer's link to a gateway that was hit came up again; the zero time where it hasn't yet.
func (n *notices) backAt(observer, gateway string) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.events {
		if e.Observer == observer && e.Gateway == gateway && e.Type == "link" && e.State == "up" && !e.Time.Before(n.hit.at) {
			return e.Time
		}
	}
	return time.Time{}
}
