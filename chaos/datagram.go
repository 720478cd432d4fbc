package chaos

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
)

// packetSocket is the net.PacketConn of a host. All fields are guarded by the network's lock.
type packetSocket struct {
	socket
	local   netip.AddrPort
	remote  netip.AddrPort // where it is connected; the zero value: nowhere
	refused bool           // and nobody listens there, which wasn't told yet
	queue   []datagram
	queued  int // bytes in queue
	room    int // bytes that queue may hold
}

type datagram struct {
	from netip.AddrPort
	data []byte // shared with its duplicate: read only
}

const (
	// defaultRoom is what a receive queue holds: Linux's default of 208 KiB counts the kernel's own overhead, which
	// leaves about this much.
	defaultRoom = 128 << 10
	// maxRoom is what SetReadBuffer may ask for; quic-go asks for 7 MiB.
	maxRoom = 8 << 20
	// overhead is what a datagram costs beside its bytes, so that empty ones can't pile up.
	overhead = 64
	// maxDatagram is the largest payload of UDP over IPv4.
	maxDatagram = 65507
)

func newPacketSocket(h *Host) *packetSocket {
	s := &packetSocket{room: defaultRoom}
	s.socket = newSocket(h, func(op string, err error) error {
		return &net.OpError{Op: op, Net: "udp", Source: s.LocalAddr(), Err: err}
	})
	return s
}

// acceptLocked queues a datagram for the readers; false: the queue is full.
func (s *packetSocket) acceptLocked(d datagram) bool {
	cost := len(d.data) + overhead
	if s.queued+cost > s.room {
		return false
	}
	s.queued += cost
	s.queue = append(s.queue, d)
	s.waiters.Signal()
	return true
}

// ReadFrom implements net.PacketConn. What doesn't fit into b is lost, as with recvfrom.
func (s *packetSocket) ReadFrom(b []byte) (int, net.Addr, error) {
	s.host.network.mu.Lock()
	defer s.host.network.mu.Unlock()
	for {
		switch {
		case s.closed:
			return 0, nil, s.failure("read", net.ErrClosed)
		case s.reading.passedLocked():
			return 0, nil, s.failure("read", os.ErrDeadlineExceeded)
		case s.refused && !s.host.frozen:
			s.refused = false
			return 0, nil, s.failure("read", syscall.ECONNREFUSED)
		case len(s.queue) > 0 && !s.host.frozen:
			d := s.queue[0]
			s.queue[0] = datagram{}
			s.queue = s.queue[1:]
			s.queued -= len(d.data) + overhead
			return copy(b, d.data), net.UDPAddrFromAddrPort(d.from), nil
		}
		s.waiters.Wait()
	}
}

// WriteTo implements net.PacketConn. It never waits, and a datagram that gets lost is no error.
func (s *packetSocket) WriteTo(b []byte, addr net.Addr) (int, error) {
	to, err := addrPort(addr)
	if err != nil {
		return 0, s.failure("write", err)
	}
	n := s.host.network
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case s.closed:
		return 0, s.failure("write", net.ErrClosed)
	case s.writing.passedLocked():
		return 0, s.failure("write", os.ErrDeadlineExceeded)
	case len(b) > maxDatagram:
		return 0, s.failure("write", syscall.EMSGSIZE)
	}
	from := s.local
	if from.Addr().IsUnspecified() {
		from = netip.AddrPortFrom(s.host.sourceLocked(to.Addr()), from.Port())
	}
	if !s.host.frozen {
		n.conveyLocked(s.host, from, to, b)
	} else if len(s.host.held) < maxHeld {
		b := slices.Clone(b)
		s.host.held = append(s.host.held, func() { n.conveyLocked(s.host, from, to, b) })
	} else {
		s.host.counts.Sent++
		s.host.counts.SentBytes += uint64(len(b))
		s.host.counts.Overrun++
	}
	return len(b), nil
}

// Close implements net.PacketConn.
func (s *packetSocket) Close() error { return s.set("close", s.closeLocked) }

func (s *packetSocket) closeLocked() {
	s.socket.closeLocked()
	s.queue = nil
	s.host.packets.release(s.local, s)
}

// LocalAddr implements net.PacketConn; it is a *net.UDPAddr.
func (s *packetSocket) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(s.local) }

// SetReadBuffer sets how many bytes wait for a reader before datagrams are dropped, up to 8 MiB.
func (s *packetSocket) SetReadBuffer(bytes int) error {
	return s.set("set buffer", func() { s.room = min(max(bytes, 0), maxRoom) })
}

// SetWriteBuffer does nothing: what is written leaves at once. quic-go logs a warning where it is missing.
func (s *packetSocket) SetWriteBuffer(int) error { return nil }

// addrPort reads what callers of WriteTo give: a *net.UDPAddr, or an address of their own in that form.
func addrPort(addr net.Addr) (netip.AddrPort, error) {
	var to netip.AddrPort
	if udp, ok := addr.(*net.UDPAddr); ok && udp != nil {
		to = udp.AddrPort()
	} else if addr != nil {
		var err error
		if to, err = netip.ParseAddrPort(addr.String()); err != nil {
			return to, err
		}
	}
	if !to.Addr().IsValid() || to.Port() == 0 {
		return to, syscall.EINVAL
	}
	return netip.AddrPortFrom(to.Addr().Unmap(), to.Port()), nil
}
