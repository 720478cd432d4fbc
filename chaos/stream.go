package chaos

import (
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// streamConn is one end of a stream: a net.Conn that behaves as a TCP connection does, reset and half-close included. All
// fields are guarded by the network's lock.
type streamConn struct {
	socket
	local  netip.AddrPort
	remote netip.AddrPort
	peer   *streamConn // the other end; nil until the handshake made it
	door   *listener   // of the dialling end: where it asks for

	sending  transfer // this end's direction; the other one is the peer's
	received []byte   // arrived, not yet read
	finished bool     // the peer's end arrived
	abrupt   bool     // SetLinger(0): Close resets
	err      error    // why it broke
}

func newStream(h *Host, local, remote netip.AddrPort) *streamConn {
	s := &streamConn{local: local, remote: remote}
	s.socket = newSocket(h, func(op string, err error) error {
		return &net.OpError{Op: op, Net: "tcp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: err}
	})
	if h.streams == nil {
		h.streams = make(map[*streamConn]struct{})
	}
	h.streams[s] = struct{}{}
	return s
}

// Read implements net.Conn. What arrived before a reset is still read, as in Linux.
func (s *streamConn) Read(b []byte) (int, error) {
	s.host.network.mu.Lock()
	defer s.host.network.mu.Unlock()
	for {
		switch {
		case s.closed:
			return 0, s.failure("read", net.ErrClosed)
		case s.reading.passedLocked():
			return 0, s.failure("read", os.ErrDeadlineExceeded)
		case len(b) == 0:
			return 0, nil
		case s.host.frozen:
		case len(s.received) > 0:
			n := copy(b, s.received)
			s.received = s.received[n:]
			s.peer.pumpLocked()
			return n, nil
		case s.finished:
			return 0, io.EOF
		case s.err != nil:
			return 0, s.failure("read", s.err)
		}
		s.waiters.Wait()
	}
}

// Write implements net.Conn. It waits where the peer doesn't read, or can't be reached, and the buffers are full.
func (s *streamConn) Write(b []byte) (n int, err error) {
	s.host.network.mu.Lock()
	defer s.host.network.mu.Unlock()
	for {
		switch room := sendBuffer - len(s.sending.buffer); {
		case n > 0 && n == len(b):
			return n, nil
		case s.closed:
			return n, s.failure("write", net.ErrClosed)
		case s.writing.passedLocked():
			return n, s.failure("write", os.ErrDeadlineExceeded)
		case s.err != nil:
			return n, s.failure("write", s.err)
		case s.sending.end:
			return n, s.failure("write", syscall.EPIPE)
		case len(b) == 0:
			return 0, nil
		case room > 0:
			taken := b[n:min(len(b), n+room)]
			s.sending.buffer = append(s.sending.buffer, taken...)
			n += len(taken)
			s.pumpLocked()
			continue
		}
		s.waiters.Wait()
	}
}

// CloseWrite ends this end's direction: the peer reads io.EOF after all that was written.
func (s *streamConn) CloseWrite() error {
	return s.set("close", func() {
		s.sending.end = true
		s.pumpLocked()
	})
}

// Close implements net.Conn. What was written still arrives; but where something that arrived wasn't read, or after
// SetLinger(0), the peer gets a reset, as from Linux.
func (s *streamConn) Close() error {
	return s.set("close", func() {
		s.closeLocked()
		if s.abrupt || len(s.received) > 0 {
			s.resetLocked()
		}
		s.sending.end = true
		s.pumpLocked()
	})
}

// SetLinger with 0 makes Close reset the stream, as that of *net.TCPConn. Other values do nothing.
func (s *streamConn) SetLinger(seconds int) error {
	return s.set("set linger", func() { s.abrupt = seconds == 0 })
}

// LocalAddr implements net.Conn; it is a *net.TCPAddr.
func (s *streamConn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(s.local) }

// RemoteAddr implements net.Conn; it is a *net.TCPAddr.
func (s *streamConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(s.remote) }
