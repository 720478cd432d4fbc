package tunnel

import (
	"context"
	"slices"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// askAgain is when a beat that wanted an answer is taken for lost.
const askAgain = 100 * time.Millisecond

// Ping returns the time of one round trip to a gateway over its link.
func (e *Endpoint) Ping(ctx context.Context, g registry.Gateway) (time.Duration, error) {
	p := e.peer(g)
	if p == nil {
		return 0, ErrNoLink
	}
	return p.ping(ctx)
}

// ping returns when the peer has answered a beat that was written after the call.
func (p *peer) ping(ctx context.Context) (time.Duration, error) {
	answered := make(chan time.Duration, 1)
	p.mu.Lock()
	p.heart.waiting = append(p.heart.waiting, waiter{p.heart.stamp + time.Microsecond, answered})
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.heart.waiting = slices.DeleteFunc(p.heart.waiting, func(w waiter) bool { return w.rtt == answered })
	}()
	for {
		p.mu.Lock()
		best := p.bestLocked()
		p.heart.ask = true
		p.mu.Unlock()
		if best == nil {
			return 0, ErrNoLink
		}
		best.outbox.beat()
		select {
		case rtt := <-answered:
			return rtt, nil
		case <-time.After(askAgain):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
