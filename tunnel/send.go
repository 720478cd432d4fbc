package tunnel

import (
	"context"
	"net"
	"slices"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Send sends a packet to a gateway. It never blocks and never fails: where there is no connection, or too much is under
// way already, the packet is lost, as packets are. The caller may reuse it.
func (e *Endpoint) Send(to registry.Gateway, packet []byte) {
	p := e.peer(to)
	if p == nil || len(packet) > packetMost {
		e.counters.dropped.Add(1)
		return
	}
	best := p.best()
	if best == nil {
		e.counters.dropped.Add(1)
		return
	}
	best.outbox.put(letter{packet: slices.Clone(packet), at: time.Now()})
}

// OpenStream opens a control stream to a gateway that was learnt or is connected, waiting for a connection as long as ctx
// allows. The stream has CloseWrite, and is closed by the caller.
func (e *Endpoint) OpenStream(ctx context.Context, to registry.Gateway, kind Kind) (net.Conn, error) {
	p := e.peer(to)
	if p == nil {
		return nil, ErrNoLink
	}
	c, err := p.await(ctx)
	if err != nil {
		return nil, err
	}
	return c.open(kind)
}
