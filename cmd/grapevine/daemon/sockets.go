package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Sockets is where a gateway gets its sockets from: the machine's ([Machine]), or a host of a simulated network.
type Sockets interface {
	ListenPacket(addr netip.AddrPort) (net.PacketConn, error)
	DialPacket(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	Listen(addr netip.AddrPort) (net.Listener, error)
	Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error)
}

// dialBackend connects to an endpoint.
func dialBackend(sockets Sockets) func(context.Context, registry.Protocol, netip.AddrPort) (net.Conn, error) {
	return func(ctx context.Context, protocol registry.Protocol, to netip.AddrPort) (net.Conn, error) {
		if protocol == registry.UDP {
			return sockets.DialPacket(ctx, to)
		}
		return sockets.Dial(ctx, to)
	}
}

// Machine gives this machine's own sockets.
type Machine struct{}

// ListenPacket binds a UDP socket.
func (Machine) ListenPacket(addr netip.AddrPort) (net.PacketConn, error) {
	return net.ListenPacket("udp", addr.String())
}

// DialPacket connects a UDP socket.
func (Machine) DialPacket(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "udp", to.String())
}

// Listen binds a TCP socket.
func (Machine) Listen(addr netip.AddrPort) (net.Listener, error) {
	return net.Listen("tcp", addr.String())
}

// Dial opens a TCP connection.
func (Machine) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", to.String())
}

// bound are the sockets that a gateway holds from before its start until its end, so that a taken port fails at once.
type bound struct {
	mesh    net.PacketConn
	dnsUDP  net.PacketConn
	dnsTCP  net.Listener
	admin   net.Listener
	metrics net.Listener
}

func bind(sockets Sockets, s settings) (*bound, error) {
	b := new(bound)
	var err error
	open := func(key string, addr netip.AddrPort, listen func() error) {
		if err == nil {
			if failed := listen(); failed != nil {
				err = bindError(key, addr, failed)
			}
		}
	}
	open("mesh.listen", s.listen, func() (err error) { b.mesh, err = sockets.ListenPacket(s.listen); return err })
	open("dns.listen", s.dns, func() (err error) { b.dnsUDP, err = sockets.ListenPacket(s.dns); return err })
	dns := s.dns
	if err == nil { // port 0 picks one port, for UDP and TCP alike
		dns = netip.AddrPortFrom(s.dns.Addr(), portOf(b.dnsUDP.LocalAddr()))
	}
	open("dns.listen", dns, func() (err error) { b.dnsTCP, err = sockets.Listen(dns); return err })
	open("admin", s.admin, func() (err error) { b.admin, err = sockets.Listen(s.admin); return err })
	open("metrics", s.metrics, func() (err error) { b.metrics, err = sockets.Listen(s.metrics); return err })
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func bindError(key string, addr netip.AddrPort, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: %s is taken by another process; end it, or choose another port: %w", key, addr, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: no permission for %s; ports below 1024 need a privilege: %w", key, addr, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s: %s is no address of this host: %w", key, addr, err)
	}
	return fmt.Errorf("%s: %s: %w", key, addr, err)
}

func (b *bound) close() {
	for _, packet := range []net.PacketConn{b.mesh, b.dnsUDP} {
		if packet != nil {
			packet.Close()
		}
	}
	for _, listener := range []net.Listener{b.dnsTCP, b.admin, b.metrics} {
		if listener != nil {
			listener.Close()
		}
	}
}

func portOf(addr net.Addr) uint16 {
	return addrPortOf(addr).Port()
}

func addrPortOf(addr net.Addr) netip.AddrPort {
	switch addr := addr.(type) {
	case *net.UDPAddr:
		return addr.AddrPort()
	case *net.TCPAddr:
		return addr.AddrPort()
	}
	return netip.AddrPort{}
}

// advertised returns the addresses that others are told to dial, where none is configured: the one that the socket is
// bound to, or those of the interfaces that are up, global ones before loopback.
func advertised(listen netip.AddrPort) ([]netip.AddrPort, error) {
	if !listen.Addr().IsUnspecified() {
		return []netip.AddrPort{netip.AddrPortFrom(listen.Addr().Unmap(), listen.Port())}, nil
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("mesh.advertise: the interfaces' addresses: %w", err)
	}
	var global, loopback []netip.AddrPort
	for _, addr := range interfaces {
		network, isNetwork := addr.(*net.IPNet)
		if !isNetwork {
			continue
		}
		ip, _ := netip.AddrFromSlice(network.IP)
		switch ip = ip.Unmap(); {
		case ip.IsLoopback():
			loopback = append(loopback, netip.AddrPortFrom(ip, listen.Port()))
		case ip.IsGlobalUnicast():
			global = append(global, netip.AddrPortFrom(ip, listen.Port()))
		}
	}
	if len(global) > 0 {
		return global, nil
	}
	if len(loopback) > 0 {
		return loopback, nil
	}
	return nil, fmt.Errorf("mesh.advertise: this host has no address that others could dial; a valid example is `%s`", exampleOf("mesh.advertise"))
}
