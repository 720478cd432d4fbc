package gossip

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Bounds of the search for keys. Anybody in the ring can announce names with keys that don't exist, so that only so many
// are looked for, each for so long and ever more slowly.
const (
	maxWanted     = 64
	wantedFor     = 30 * time.Second
	firstRetry    = 250 * time.Millisecond
	fetchTimeout  = 2 * time.Second
	fetchesAtOnce = 8
)

// wanted are announcements that can't be verified yet, for want of the certificate that signed them.
type wanted struct {
	mu   sync.Mutex
	list map[registry.Gateway]*wish
	wake chan struct{} // holds one token while there is a new one
}

type wish struct {
	meta  []byte
	since time.Time
	wait  time.Duration // before the next attempt
	due   time.Time
}

func newWanted() *wanted {
	return &wanted{list: make(map[registry.Gateway]*wish), wake: make(chan struct{}, 1)}
}

// want remembers that g announced itself with a key that isn't known. It is called under memberlist's lock.
func (w *wanted) want(g registry.Gateway, wire []byte, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if old := w.list[g]; old != nil {
		old.meta = bytes.Clone(wire)
		return
	}
	if len(w.list) == maxWanted {
		return
	}
	w.list[g] = &wish{meta: bytes.Clone(wire), since: now, wait: firstRetry, due: now}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// due returns the announcements to try now, and when to ask again. Those that were tried for too long are forgotten.
func (w *wanted) due(now time.Time) (due map[registry.Gateway][]byte, next time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	due, next = make(map[registry.Gateway][]byte), wantedFor
	for g, sought := range w.list {
		if now.Sub(sought.since) >= wantedFor {
			delete(w.list, g)
			continue
		}
		if !now.Before(sought.due) {
			due[g] = sought.meta
			sought.due, sought.wait = now.Add(sought.wait), 2*sought.wait
		}
		next = min(next, sought.due.Sub(now))
	}
	return due, next
}

func (w *wanted) forget(g registry.Gateway) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.list, g)
}

// fetchKeys looks for the keys of announcements until ctx ends. A gateway whose announcement then proves true is as good
// as met before: the rejoin loop contacts it.
func (r *Ring) fetchKeys(ctx context.Context) {
	for {
		due, next := r.keys.due(time.Now())
		var fetches errgroup.Group
		fetches.SetLimit(fetchesAtOnce)
		for g, wire := range due {
			fetches.Go(func() error { r.fetchKey(ctx, g, wire); return nil })
		}
		_ = fetches.Wait()
		select {
		case <-ctx.Done():
			return
		case <-r.keys.wake:
		case <-time.After(next):
		}
	}
}

func (r *Ring) fetchKey(ctx context.Context, g registry.Gateway, wire []byte) {
	m, err := openMeta(g, wire, r.cfg.Keyring)
	if errors.Is(err, registry.ErrUnknownKey) && r.cfg.FetchKey != nil {
		ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
		defer cancel()
		if err := r.cfg.FetchKey(ctx, m.Signer); err != nil {
			r.cfg.Log.Debug().Err(err).Stringer("gateway", g).Stringer("certificate", m.Signer).Msg("certificate not found yet")
			return
		}
		m, err = openMeta(g, wire, r.cfg.Keyring)
	}
	switch {
	case errors.Is(err, registry.ErrUnknownKey):
		return
	case err != nil:
		r.refuse(g.String(), refusal(err))
	case g == r.cfg.Self:
		r.claim(wire, time.Now())
	case r.view.state(g).present(): // with another certificate; it announces a new one more than once
	default:
		r.meet(g, m.Advertise)
	}
	r.keys.forget(g)
}
