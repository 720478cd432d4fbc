package tunnel

import (
	"errors"
	"net"
	"slices"
	"syscall"
)

// transient are what a UDP socket says of one packet, or of one peer: an ICMP message that came back, a route or an
// address that is away for a moment, a firewall, a full queue. quic-go would close a connection over each in sending, and
// the whole transport in receiving; for us such a packet is lost, as packets are.
var transient = []error{
	syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EHOSTDOWN,
	syscall.EPERM, syscall.EACCES, syscall.ENOBUFS, syscall.EADDRNOTAVAIL,
}

func isTransient(err error) bool {
	return slices.ContainsFunc(transient, func(t error) bool { return errors.Is(err, t) })
}

// unheard are what a connected socket says where nobody listens at the other end, or there is no way to it.
var unheard = []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN}

func isUnheard(err error) bool {
	return slices.ContainsFunc(unheard, func(u error) bool { return errors.Is(err, u) })
}

// tolerant wraps the endpoint's socket so that no single packet's fate is the transport's. A *net.UDPConn stays one for
// quic-go (batches, GSO, ECN, path MTU discovery); it is not connected, and so is not told of errors in receiving.
func tolerant(conn net.PacketConn) net.PacketConn {
	if udp, ok := conn.(*net.UDPConn); ok {
		return &udpSocket{udp}
	}
	return &packetSocket{conn}
}

type udpSocket struct{ *net.UDPConn }

func (s *udpSocket) WriteMsgUDP(b, oob []byte, to *net.UDPAddr) (n, oobn int, err error) {
	n, oobn, err = s.UDPConn.WriteMsgUDP(b, oob, to)
	if errors.Is(err, syscall.EPERM) {
		n, oobn, err = s.UDPConn.WriteMsgUDP(b, oob, to) // Linux says so once too often (golang/go#63322)
	}
	if err != nil && isTransient(err) {
		return len(b), len(oob), nil
	}
	return n, oobn, err
}

type packetSocket struct{ net.PacketConn }

func (s *packetSocket) ReadFrom(b []byte) (n int, from net.Addr, err error) {
	for {
		n, from, err = s.PacketConn.ReadFrom(b)
		if err == nil || !isTransient(err) {
			return n, from, err
		}
	}
}

func (s *packetSocket) WriteTo(b []byte, to net.Addr) (int, error) {
	n, err := s.PacketConn.WriteTo(b, to)
	if err != nil && isTransient(err) {
		return len(b), nil
	}
	return n, err
}

// SetReadBuffer and SetWriteBuffer are what quic-go asks every socket for; one without buffers to set has enough.
func (s *packetSocket) SetReadBuffer(size int) error {
	if sized, ok := s.PacketConn.(interface{ SetReadBuffer(int) error }); ok {
		return sized.SetReadBuffer(size)
	}
	return nil
}

func (s *packetSocket) SetWriteBuffer(size int) error {
	if sized, ok := s.PacketConn.(interface{ SetWriteBuffer(int) error }); ok {
		return sized.SetWriteBuffer(size)
	}
	return nil
}
