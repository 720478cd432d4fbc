package chaos

import (
	"context"
	"net"
	"net/netip"
	"syscall"
)

// packetConn is a packet socket that is connected to one address: it hears nobody else, and is told when nobody listens
// there.
type packetConn struct{ *packetSocket }

// DialPacket connects a packet socket, as net.Dialer.DialContext does for "udp": at once, whether or not anybody is there.
// Where the other host lives and nobody listens at that address, it says so to each datagram that arrives (ICMP), and the
// next Read or Write here fails with syscall.ECONNREFUSED, once.
func (h *Host) DialPacket(_ context.Context, to netip.AddrPort) (net.Conn, error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	h.network.mu.Lock()
	defer h.network.mu.Unlock()
	s, err := h.connectLocked(to)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "udp", Addr: net.UDPAddrFromAddrPort(to), Err: err}
	}
	return packetConn{s}, nil
}

func (h *Host) connectLocked(to netip.AddrPort) (*packetSocket, error) {
	switch {
	case h.network.closed || h.down:
		return nil, syscall.ENETDOWN
	case !to.IsValid() || to.Addr().IsUnspecified() || to.Port() == 0:
		return nil, syscall.EINVAL
	}
	s := newPacketSocket(h)
	s.remote = to
	local, err := h.packets.bind(netip.AddrPortFrom(h.sourceLocked(to.Addr()), 0), s)
	s.local = local
	return s, err
}

// Read implements net.Conn: one datagram at a time. What doesn't fit into b is lost.
func (c packetConn) Read(b []byte) (int, error) {
	n, _, err := c.ReadFrom(b)
	return n, err
}

// Write implements net.Conn: one datagram at a time.
func (c packetConn) Write(b []byte) (int, error) {
	if err := c.takeRefusal("write"); err != nil {
		return 0, err
	}
	return c.WriteTo(b, c.RemoteAddr())
}

// RemoteAddr implements net.Conn; it is a *net.UDPAddr.
func (c packetConn) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(c.remote) }

// hears tells whether what comes from an address is for this socket.
func (s *packetSocket) hears(from netip.AddrPort) bool {
	return !s.remote.IsValid() || s.remote == from
}

func (s *packetSocket) takeRefusal(op string) error {
	s.host.network.mu.Lock()
	defer s.host.network.mu.Unlock()
	if !s.refused {
		return nil
	}
	s.refused = false
	return s.failure(op, syscall.ECONNREFUSED)
}

// unheardLocked is the answer of a host to a datagram that nobody listens for: only a connected socket is told of it.
func (n *Network) unheardLocked(sender, receiver *Host, from, to netip.AddrPort) {
	socket, ok := sender.packets.at(from)
	if !ok || socket.remote != to || receiver.down {
		return
	}
	at, ok := n.passageLocked(receiver, to.Addr(), from.Addr(), 0)
	if !ok {
		return
	}
	n.agenda.addLocked(at, func() {
		if n.reachesLocked(receiver, to.Addr(), from.Addr()) {
			socket.refused = true
			socket.waiters.Broadcast()
		}
	})
}
