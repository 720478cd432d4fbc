package chaos

import (
	"net/netip"
	"syscall"
)

// ports are a host's bound sockets of one kind: packet sockets, listeners, or streams that were dialled.
type ports[S comparable] struct {
	bound map[netip.AddrPort]S
	users map[uint16]int // sockets by port
	next  uint16         // where the search for a free port begins
}

// The ports that are given out where port 0 is asked for (RFC 6335 §6).
const (
	firstEphemeral = 49152
	lastEphemeral  = 65535
)

// bind takes an address for a socket; port 0 takes a free port. As in Linux, an unspecified address and a specific one
// can't share a port.
func (p *ports[S]) bind(addr netip.AddrPort, socket S) (netip.AddrPort, error) {
	if addr.Port() == 0 {
		free, ok := p.freePort()
		if !ok {
			return addr, syscall.EADDRINUSE
		}
		addr = netip.AddrPortFrom(addr.Addr(), free)
	}
	if _, taken := p.at(addr); taken || addr.Addr().IsUnspecified() && p.users[addr.Port()] > 0 {
		return addr, syscall.EADDRINUSE
	}
	if p.bound == nil {
		p.bound, p.users = make(map[netip.AddrPort]S), make(map[uint16]int)
	}
	p.bound[addr] = socket
	p.users[addr.Port()]++
	return addr, nil
}

// freePort returns a port that nobody uses at any address, a different one each time for as long as there are some.
func (p *ports[S]) freePort() (uint16, bool) {
	for range lastEphemeral - firstEphemeral + 1 {
		port := max(p.next, firstEphemeral)
		p.next = port + 1 // 0 after the last one
		if p.users[port] == 0 {
			return port, true
		}
	}
	return 0, false
}

// release gives an address back, if it is that socket's.
func (p *ports[S]) release(addr netip.AddrPort, socket S) {
	if owner, ok := p.bound[addr]; !ok || owner != socket {
		return
	}
	delete(p.bound, addr)
	if p.users[addr.Port()]--; p.users[addr.Port()] == 0 {
		delete(p.users, addr.Port())
	}
}

// at returns the socket that gets what is sent to an address.
func (p *ports[S]) at(addr netip.AddrPort) (S, bool) {
	candidates := [...]netip.Addr{addr.Addr(), netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	for _, a := range candidates {
		if a == netip.IPv4Unspecified() && !addr.Addr().Is4() {
			continue
		}
		if socket, ok := p.bound[netip.AddrPortFrom(a, addr.Port())]; ok {
			return socket, true
		}
	}
	var none S
	return none, false
}
