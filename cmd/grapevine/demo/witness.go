package demo

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// observers returns the gateways that the probers ask: what they see is what their clients live with.
func (e *experiment) observers() []chaos.Observer {
	var observers []chaos.Observer
	for _, c := range e.mesh.Clusters {
		observers = append(observers, c.Gateways[0].observer())
	}
	return observers
}

// watchSent asks the observers again and again when they last sent a connection to whom.
func (e *experiment) watchSent(ctx context.Context) {
	for sleepUntil(ctx, time.Now().Add(500*time.Millisecond)) {
		e.askLinks(ctx)
	}
}

// askLinks asks all observers at once, but for one that is down: a stopped one would keep the heal waiting.
func (e *experiment) askLinks(ctx context.Context) {
	var asked sync.WaitGroup
	for _, o := range e.observers() {
		if cluster, _, _ := strings.Cut(o.Gateway, "/"); e.isDown(cluster) {
			continue
		}
		asked.Go(func() {
			if links, err := o.Links(ctx); err == nil {
				e.notices.sent(o.Gateway, links)
			}
		})
	}
	asked.Wait()
}

// awaitFirstSent waits until an observer sends a connection to the one gateway that was healed: the answers alone don't
// tell which gateway they came through.
func (e *experiment) awaitFirstSent(ctx context.Context, healed time.Time) {
	for {
		var first time.Time
		e.askLinks(ctx)
		for _, o := range e.observers() {
			if at := e.notices.lastSentTo(o.Gateway, e.fault.Gateways[0]); at.After(healed) && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
		if !first.IsZero() {
			after := chaos.MillisOf(first.Sub(healed))
			e.mu.Lock()
			e.heal.FirstAnswer = &after
			e.mu.Unlock()
			e.story.tell(first, chaos.ReturnEvent, "%s serves again: the first connection after %s", e.fault.Gateways[0], after)
			return
		}
		if !sleepUntil(ctx, time.Now().Add(20*time.Millisecond)) {
			return
		}
	}
}

func (n *notices) lastSentTo(observer, gateway string) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lastSent[observer][gateway]
}

// died takes the end of a process that nobody had asked for, on a goroutine of its own. Before the clock starts it ends the demo; later it is part of
// the story: somebody may have taken the invitation to kill something.
func (e *experiment) died(p *chaos.Process, at time.Time, status string) {
	e.mu.Lock()
	begun := e.begun
	e.mu.Unlock()
	if !begun {
		select {
		case e.ended <- endedError(p, status):
		default:
		}
		return
	}
	e.tally.SetOutage(chaos.Outage{From: at.Add(-reapTime), Gone: at})
	e.story.problem("%s ended by itself (%s)", p.Name, status)
	e.story.tell(at, chaos.DeathEvent, "%s ended by itself (%s)", p.Name, status)
	e.screen.line("%s", logTail(p))
	cluster, name, _ := strings.Cut(p.Name, "/")
	if e.mesh.cluster(cluster).Gateways[0].ID.Name == name {
		e.pause(cluster)
		e.resume(e.life, cluster) // here, because nobody waits any more for tasks that begin this late
	}
}

// reapTime is how long before a process is reaped its connections may have been closed: the kernel does that first, and then
// frees its memory.
const reapTime = 100 * time.Millisecond
