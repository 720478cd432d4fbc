package registry

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// SetPeers says which other gateways are alive. One that is new counts as synchronised only after everything was compared
// with it, which begins at once.
func (s *Sync) SetPeers(alive []Gateway) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stays := map[Gateway]bool{}
	for _, g := range alive {
		stays[g] = g != s.config.Store.config.Self
		if stays[g] && s.peers[g] == nil {
			s.peers[g] = newPeer(g)
		}
	}
	for g, p := range s.peers {
		if stays[g] {
			continue
		}
		delete(s.peers, g)
		if p.stop != nil {
			p.stop()
		}
	}
	s.settleLocked()
	raise(s.regrouped)
}

// Resync compares everything with g now. Until that is done g doesn't count as synchronised: its link was down, and it may
// have missed, or changed, anything. Of a gateway that isn't alive nothing is known to do.
func (s *Sync) Resync(g Gateway) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.peers[g]; p != nil {
		p.resync, p.synced = true, false
		raise(p.wake)
		raise(p.hurry)
	}
}

// SyncedWith tells whether everything was compared with g since it came, or came back.
func (s *Sync) SyncedWith(g Gateway) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.peers[g]
	return p != nil && p.synced
}

// Synced tells whether everything was compared with most of the peers since the start: whether what isn't known here isn't
// there. One peer alone may have started just now as well. Once true it stays so.
func (s *Sync) Synced() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.synced
}

func (s *Sync) settleLocked() {
	compared := 0
	for _, p := range s.peers {
		if p.synced {
			compared++
		}
	}
	s.synced = s.synced || 2*compared > len(s.peers)
}

// regroup begins to talk with the peers that are new.
func (s *Sync) regroup(ctx context.Context, talks *sync.WaitGroup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.peers {
		if p.stop == nil {
			var peerCtx context.Context
			peerCtx, p.stop = context.WithCancel(ctx)
			talks.Go(func() { s.attend(peerCtx, p) })
			raise(p.wake)
		}
	}
}

// aliveLocked returns the peers in order, for draw to be a matter of Pick alone.
func (s *Sync) aliveLocked() []*peer {
	return slices.SortedFunc(maps.Values(s.peers), func(a, b *peer) int { return a.gateway.Compare(b.gateway) })
}
