package chaos

import (
	"net"
	"net/netip"
	"syscall"
)

// Host is one machine, or one process with a network namespace of its own.
type Host struct {
	network *Network
	addrs   []netip.Addr
	counts  Counts

	packets   ports[*packetSocket]
	listeners ports[*listener]
	dialed    ports[*streamConn]
	streams   map[*streamConn]struct{} // both dialled and accepted, until they are over

	frozen bool
	held   []func() // datagrams that were written while frozen
	down   bool     // powered off: answers nothing, not even with a reset
}

var localhost = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// ListenPacket opens a packet socket, as net.ListenPacket("udp", …) does. Port 0 takes a free port; 0.0.0.0 or :: receive
// for all of the host's addresses. A taken port is an error that wraps syscall.EADDRINUSE. It powers a crashed host on.
func (h *Host) ListenPacket(addr netip.AddrPort) (net.PacketConn, error) {
	h.network.mu.Lock()
	defer h.network.mu.Unlock()
	s := newPacketSocket(h)
	bound, err := bindLocked(h, &h.packets, addr, s)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: net.UDPAddrFromAddrPort(addr), Err: err}
	}
	s.local = bound
	return s, nil
}

// bindLocked takes an address of h for a socket.
func bindLocked[S comparable](h *Host, p *ports[S], addr netip.AddrPort, socket S) (netip.AddrPort, error) {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	switch {
	case h.network.closed:
		return addr, syscall.ENETDOWN
	case !addr.Addr().IsValid() || !addr.Addr().IsUnspecified() && !h.owns(addr.Addr()):
		return addr, syscall.EADDRNOTAVAIL
	}
	h.down = false
	return p.bind(addr, socket)
}

// owns tells whether an address is one of the host's own.
func (h *Host) owns(addr netip.Addr) bool { return addr.IsLoopback() || h.network.hosts[addr] == h }

// sourceLocked returns the address that something sent to a destination comes from, where the socket has none.
func (h *Host) sourceLocked(to netip.Addr) netip.Addr {
	switch {
	case to.Is4() && to.IsLoopback():
		return localhost
	case to.IsLoopback() || h.network.hosts[to] == h:
		return to
	}
	for _, addr := range h.addrs {
		if addr.Is4() == to.Is4() {
			return addr
		}
	}
	return h.addrs[0]
}

// Counts returns what became of the datagrams that h sent.
func (h *Host) Counts() Counts {
	h.network.mu.Lock()
	defer h.network.mu.Unlock()
	return h.counts
}
