package gossip

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// trySeed asks everybody behind a seed into the ring, or to let us in, and waits for all of them. One that answers is
// enough for the seed to be well.
func (r *Ring) trySeed(ctx context.Context, s *seed, join func(registry.Gateway)) {
	addrs, err := s.resolve(ctx, r.cfg.Resolve)
	if err != nil {
		r.seedSettled(ctx, s, unresolved, nil, err)
		return
	}
	var (
		attempts sync.WaitGroup
		mu       sync.Mutex
		failure  error
	)
	before, found := s.answered(), make(map[netip.AddrPort]registry.Gateway)
	for _, addr := range addrs {
		attempts.Go(func() {
			g, err := r.connect(ctx, before[addr], addr)
			mu.Lock()
			if err != nil {
				failure = fmt.Errorf("%s: %w", addr, err)
			} else {
				found[addr] = g
				r.seedSettled(ctx, s, well, maps.Clone(found), nil)
			}
			mu.Unlock()
			if err == nil && g != r.cfg.Self {
				join(g)
			}
		})
	}
	attempts.Wait()
	if len(found) == 0 {
		r.seedSettled(ctx, s, unreached, nil, failure)
	}
}

// connect tells which gateway answers at an address. Who was found there before, and is in the ring, isn't asked again:
// that would be a second connection to somebody we are talking to.
func (r *Ring) connect(ctx context.Context, before registry.Gateway, addr netip.AddrPort) (registry.Gateway, error) {
	if r.accounted(before) {
		return before, nil
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return r.cfg.Links.Connect(ctx, addr)
}

// accounted tells whether a gateway is ourselves, or a member that is there.
func (r *Ring) accounted(g registry.Gateway) bool {
	return g == r.cfg.Self || r.view.state(g).present()
}

// seedsWell tells whether every seed led to somebody who is in the ring.
func (r *Ring) seedsWell() bool {
	for _, s := range r.seeds {
		found := s.answered()
		for _, g := range found {
			if !r.accounted(g) {
				return false
			}
		}
		if len(found) == 0 {
			return false
		}
	}
	return true
}

func (r *Ring) seedSettled(ctx context.Context, s *seed, f fault, found map[netip.AddrPort]registry.Gateway, err error) {
	if ctx.Err() != nil || !s.settle(f, found, err, time.Now()) {
		return
	}
	if err != nil {
		r.cfg.Log.Warn().Err(err).Str("seed", s.text).Msg("seed can't be reached, trying on")
	} else {
		r.cfg.Log.Info().Str("seed", s.text).Msg("seed reached")
	}
}
