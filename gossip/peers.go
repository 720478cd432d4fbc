package gossip

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// maxAcquaintances bounds the peers that are remembered over a restart.
const maxAcquaintances = 1024

// acquaintance is a gateway that was in the ring at some time, in this life or an earlier one.
type acquaintance struct {
	Gateway   registry.Gateway `json:"gateway"`
	Advertise []netip.AddrPort `json:"advertise"`
	Seen      time.Time        `json:"seen"`           // when it was last heard of
	Left      bool             `json:"left,omitempty"` // it went of its own will
}

// peers are all gateways ever met. They are what a gateway goes by that starts while every seed is dead, and whom it
// looks for after a split.
type peers struct {
	mu     sync.Mutex
	known  map[registry.Gateway]acquaintance
	change chan struct{} // holds one token while the file is behind
}

func newPeers() *peers {
	return &peers{known: make(map[registry.Gateway]acquaintance), change: make(chan struct{}, 1)}
}

// meet remembers a, instead of what was known of that gateway.
func (p *peers) meet(a acquaintance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, known := p.known[a.Gateway]
	if !known && len(p.known) >= maxAcquaintances {
		p.forgetOneLocked()
	}
	p.known[a.Gateway] = a
	if known && old.Left == a.Left && slices.Equal(old.Advertise, a.Advertise) {
		return // heard of again: no reason to write to the disk
	}
	select {
	case p.change <- struct{}{}:
	default:
	}
}

// left remembers that g went of its own will. It is kept: where everybody restarts in turn, the last one to come back
// must know somebody.
func (p *peers) left(g registry.Gateway, now time.Time) {
	p.mu.Lock()
	a, known := p.known[g]
	p.mu.Unlock()
	if known {
		a.Left, a.Seen = true, now
		p.meet(a)
	}
}

// seen says that those of whom present is true are there now.
func (p *peers) seen(present func(registry.Gateway) bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for g, a := range p.known {
		if present(g) {
			a.Seen = now
			p.known[g] = a
		}
	}
}

// forgetOneLocked makes room: one that left goes before one that is missed, and then who was not seen for longest.
func (p *peers) forgetOneLocked() {
	first := func(a, b acquaintance) bool {
		if a.Left != b.Left {
			return a.Left
		}
		return a.Seen.Before(b.Seen)
	}
	var worst acquaintance
	for _, a := range p.known {
		if worst.Gateway.IsZero() || first(a, worst) {
			worst = a
		}
	}
	delete(p.known, worst.Gateway)
}

// list returns all of them, sorted.
func (p *peers) list() []acquaintance {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.SortedFunc(maps.Values(p.known), func(a, b acquaintance) int { return a.Gateway.Compare(b.Gateway) })
}
