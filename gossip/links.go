package gossip

import (
	"context"
	"net"
	"net/netip"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Links carries the ring's packets and streams to other gateways. What it says about who is at the other end has been
// proven (mutual TLS): the ring takes the sender's name from it and from nowhere else.
type Links interface {
	// Send sends a packet of at most 1,200 bytes, at best. It is called for peers that can't be reached, too. It keeps
	// the packet. It should return at once; where it doesn't, packets to that peer are dropped and nobody else waits.
	Send(to registry.Gateway, packet []byte)

	// Open opens a stream to a peer and gives up when ctx ends. The stream has deadlines.
	Open(ctx context.Context, to registry.Gateway) (net.Conn, error)

	// Connect dials an address and tells which gateway answers there. It returns this gateway's own name where the
	// address turns out to be our own. Send and Open then reach that gateway.
	Connect(ctx context.Context, addr netip.AddrPort) (registry.Gateway, error)

	// Learn says where a gateway may be dialled, in the order to try; it replaces what was known. It must not block.
	Learn(g registry.Gateway, addrs []netip.AddrPort)
}
