package gossip

import (
	"github.com/hashicorp/memberlist"

	"github.com/grapevine-mesh/grapevine/registry"
)

// maxPeers bounds the gateways that a ring deals with.
const maxPeers = 4096

// route is the way to one peer.
type route struct {
	to      registry.Gateway
	outbox  outbox
	streams int // that the peer opened and memberlist has not closed
}

// introduce makes g reachable. Only gateways whose name is proven are introduced: a ping carries the name that its
// answer goes to, and nobody shall fill our memory with names.
func (t *transport) introduce(g registry.Gateway) *route {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known := t.routes[g.String()]; known != nil || len(t.routes) >= 2*maxPeers {
		return known
	}
	r := &route{to: g}
	r.outbox.send = func(packet []byte) { t.links.Send(g, packet) }
	r.outbox.spawn = t.spawn
	r.outbox.drop = func() { t.dropped.Add(1) }
	t.routes[g.String()], t.routes[joinAddr(g)] = r, r
	return r
}

func (t *transport) route(to memberlist.Address) *route {
	t.mu.Lock()
	defer t.mu.Unlock()
	if to.Name == "" {
		return t.routes[to.Addr]
	}
	return t.routes[to.Name]
}

// spawn runs work on a goroutine that Shutdown waits for.
func (t *transport) spawn(work func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return false
	}
	t.working.Go(work)
	return true
}
