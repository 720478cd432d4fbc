package chaos

import "time"

// Observation is when one gateway noticed that others were gone, counted from the fault. Where several gateways were hit,
// each time is that of the last one. A missing time means that it did not happen while the experiment watched.
type Observation struct {
	Gateway     string  `json:"gateway"`
	LinkSuspect *Millis `json:"link_suspect_ms"` // no new connection is sent there from here on, while there is another way
	LinkDown    *Millis `json:"link_down_ms"`    // open connections are given up
	LastSent    *Millis `json:"last_sent_ms"`    // the last connection that was sent there; 0: none after the fault
	RingDead    *Millis `json:"ring_dead_ms"`    // the ring's verdict, dead or left
}

// LastSentText says when the last request was sent there, for people.
func (o Observation) LastSentText() string {
	switch {
	case o.LastSent == nil:
		return "–"
	case *o.LastSent == 0:
		return "none"
	}
	return o.LastSent.String()
}

// Observe works out what an observer noticed of the victims between the fault and until, out of its events and of the last
// connections that it sent them (nil: it could not be asked).
func Observe(observer string, victims []string, fault, until time.Time, events []MeshEvent, lastSent map[string]time.Time) Observation {
	o := Observation{
		Gateway:     observer,
		LinkSuspect: new(Millis), LinkDown: new(Millis), LastSent: new(Millis), RingDead: new(Millis),
	}
	if lastSent == nil {
		o.LastSent = nil
	}
	first := func(victim, kind string, states ...string) *Millis {
		for _, e := range events {
			if e.Observer != observer || e.Gateway != victim || e.Type != kind || e.Time.Before(fault) || e.Time.After(until) {
				continue
			}
			for _, state := range states {
				if e.State == state {
					return new(MillisOf(e.Time.Sub(fault)))
				}
			}
		}
		return nil
	}
	for _, victim := range victims {
		o.LinkSuspect = later(o.LinkSuspect, first(victim, "link", "suspect", "down"))
		o.LinkDown = later(o.LinkDown, first(victim, "link", "down"))
		o.RingDead = later(o.RingDead, first(victim, "member", "dead", "left"))
		if sent := lastSent[victim]; sent.After(fault) && sent.Before(until) {
			o.LastSent = later(o.LastSent, new(MillisOf(sent.Sub(fault))))
		}
	}
	return o
}

// later returns the later of two times; a missing one makes the whole missing.
func later(a, b *Millis) *Millis {
	if a == nil || b == nil {
		return nil
	}
	return new(max(*a, *b))
}
