package tunnel

import (
	"errors"
	"slices"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

const (
	// The control connection that isn't used is closed only after this, since what was sent on it may still be under way.
	duplicateLife = 5 * time.Second
	mostControls  = 4 // to one peer
)

var (
	errStale  = errors.New("connection of an instance that is gone")
	errClosed = errors.New("endpoint is closed")
)

// attach makes a greeted control connection one of its peer's. From here on the peer is connected.
func (e *Endpoint) attach(c *control) error {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errClosed
	}
	p := e.peerLocked(c.gateway, now)
	p.mu.Lock()
	defer p.unlock()
	if c.pedigree.instance < p.link.Instance && len(p.conns) > 0 {
		return errStale
	}
	c.peer = p
	if p.link.Instance != 0 && p.link.Instance != c.pedigree.instance {
		p.buryLocked(now)
	}
	p.conns = append(p.conns, c)
	slices.SortFunc(p.conns, func(a, b *control) int {
		if a.pedigree.better(b.pedigree) {
			return -1
		}
		return 1
	})
	for i, loser := range p.conns[1:] {
		if loser.closeAt.IsZero() {
			loser.closeAt = now.Add(duplicateLife)
		}
		if i+1 >= mostControls {
			loser.closeAt = now
		}
	}
	if p.conns[0] == c {
		if p.link.State == Down && now.Sub(p.link.Since) >= lasting {
			e.news.tell()
		}
		c.closeAt = time.Time{}
		p.link.Instance, p.link.Chain = c.pedigree.instance, c.chain
		p.heart.restart(e.clock.at(now), now, e.cfg.Heartbeat, c.conn.ConnectionStats().LatestRTT)
		p.moveLocked(now, Up, "connected")
		e.hurryUp() // the sooner the first beat, the sooner its absence means something
	}
	return nil
}

// buryLocked takes note that the peer is another process than before: whatever was connected to the old one is dead.
func (p *peer) buryLocked(now time.Time) {
	for _, c := range p.conns {
		p.doomed = append(p.doomed, doom{c.conn, codeDuplicate, "replaced"})
	}
	p.conns, p.link.Draining = nil, false
	p.moveLocked(now, Down, "restarted")
}

// detach takes a control connection out, whose end has the given cause.
func (e *Endpoint) detach(c *control, cause error) {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	p := c.peer
	p.mu.Lock()
	defer p.unlock()
	p.conns = slices.DeleteFunc(p.conns, func(other *control) bool { return other == c })
	if best := p.bestLocked(); best != nil {
		best.closeAt = time.Time{} // if it had lost to this one
		best.wakeTender()
		return
	}
	p.heart.stop()
	p.moveLocked(now, Down, reasonOf(cause))
	p.wakeLocked() // it may have been down before, by its beats: from now on it is dialled
	p.dropIfUnknownLocked()
}

// dropIfUnknownLocked forgets a peer that is neither connected nor to be dialled. The endpoint's lock is held as well.
func (p *peer) dropIfUnknownLocked() {
	if len(p.conns) == 0 && p.forget == nil && p.endpoint.peers[p.gateway] == p {
		delete(p.endpoint.peers, p.gateway)
	}
}

// peerLocked returns the peer, new if need be.
func (e *Endpoint) peerLocked(g registry.Gateway, now time.Time) *peer {
	p := e.peers[g]
	if p == nil {
		p = newPeer(e, g, now)
		p.attended = e.attended[g]
		e.peers[g] = p
	}
	return p
}

// peer returns what is known of a gateway, or nil.
func (e *Endpoint) peer(g registry.Gateway) *peer {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.peers[g]
}

// closeDuplicatesLocked closes connections that lost, when their time has come.
func (p *peer) closeDuplicatesLocked(now time.Time) {
	for _, c := range p.conns {
		if !c.closeAt.IsZero() && !now.Before(c.closeAt) {
			p.doomed = append(p.doomed, doom{c.conn, codeDuplicate, "duplicate"})
			c.closeAt = now.Add(time.Hour) // once is enough
		}
	}
}
