package tunnel

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Drain tells every peer that this gateway takes no new streams, or that it does again, and refuses them from now on.
// Streams that are open go on. It returns when every peer whose link is up has confirmed, or ctx ends.
func (e *Endpoint) Drain(ctx context.Context, on bool) error {
	e.draining.Store(on)
	var group sync.WaitGroup
	var mu sync.Mutex
	var unheard []error
	e.mu.RLock()
	for _, p := range e.peers {
		if p.snapshot().State != Up {
			continue
		}
		group.Go(func() {
			// A beat carries the state of draining, so any answered beat confirms it.
			if _, err := p.ping(ctx); err != nil && !errors.Is(err, ErrNoLink) {
				mu.Lock()
				defer mu.Unlock()
				unheard = append(unheard, err)
			}
		})
	}
	e.mu.RUnlock()
	group.Wait()
	return errors.Join(unheard...)
}

// drainingLocked takes note of what a peer says of itself.
func (p *peer) drainingLocked(on bool) {
	if p.link.Draining != on {
		p.link.Draining = on
		p.endpoint.cfg.Log.Info().Stringer("gateway", p.gateway).Bool("draining", on).Msg("link")
		p.announceLocked()
	}
}

// farewell is the end of Run: no new streams, the open ones end within the grace period, and then every connection is
// closed with a word, so that peers don't wait for silence. The order is the point: a connection that is closed takes
// its streams with it, and the transport says nothing when it is closed.
func (e *Endpoint) farewell() {
	e.draining.Store(true)
	e.hurryUp()
	deadline := time.Now().Add(e.cfg.Grace)
	for e.open.Load() > 0 && time.Now().Before(deadline) {
		time.Sleep(min(drainPoll, time.Until(deadline)))
	}

	e.mu.Lock()
	e.closed = true
	var group sync.WaitGroup
	for _, p := range e.peers {
		p.mu.Lock()
		for _, c := range p.conns {
			group.Go(func() { c.conn.CloseWithError(codeFarewell, "farewell") })
		}
		for _, d := range p.data {
			group.Go(func() { d.conn.CloseWithError(codeFarewell, "farewell") })
		}
		p.mu.Unlock()
	}
	e.mu.Unlock()
	group.Wait()
}

// drainPoll is how often the end looks whether the last stream is gone.
const drainPoll = 10 * time.Millisecond
