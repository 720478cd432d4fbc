package experiment

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// watchSent asks the observers again and again when they last sent a connection to whom.
func (e *experiment) watchSent(ctx context.Context) {
	for sleepUntil(ctx, time.Now().Add(500*time.Millisecond)) {
		e.askLinks(ctx)
	}
}

// askLinks asks all observers at once, but for one that is down: a stopped one would keep the heal waiting.
func (e *experiment) askLinks(ctx context.Context) {
	var asked sync.WaitGroup
	for _, o := range e.stage.Observers() {
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
		for _, o := range e.stage.Observers() {
			back := healed
			if e.fault.Fleeting { // until the link is up again, what is sent there is sent in vain
				back = e.notices.backAt(o.Gateway, e.fault.Gateways[0])
			}
			if at := e.notices.lastSentTo(o.Gateway, e.fault.Gateways[0]); !back.IsZero() && at.After(back) && (first.IsZero() || at.Before(first)) {
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
