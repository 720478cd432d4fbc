package chaos

import (
	"net"
	"sync"
	"time"
)

// socket is what packet sockets and the ends of streams have in common: a host, waits that have deadlines, and an end. The
// network's lock guards its fields.
type socket struct {
	host    *Host
	closed  bool
	waiters *sync.Cond // readers, writers, and dialers
	reading deadline
	writing deadline
	failure func(op string, err error) error // makes an error of this socket's
}

func newSocket(h *Host, failure func(op string, err error) error) socket {
	return socket{host: h, waiters: sync.NewCond(&h.network.mu), failure: failure}
}

// SetDeadline implements net.PacketConn and net.Conn.
func (s *socket) SetDeadline(t time.Time) error {
	return s.set("set deadline", func() {
		s.reading.setLocked(t, s.waiters)
		s.writing.setLocked(t, s.waiters)
	})
}

// SetReadDeadline implements net.PacketConn and net.Conn.
func (s *socket) SetReadDeadline(t time.Time) error {
	return s.set("set deadline", func() { s.reading.setLocked(t, s.waiters) })
}

// SetWriteDeadline implements net.PacketConn and net.Conn.
func (s *socket) SetWriteDeadline(t time.Time) error {
	return s.set("set deadline", func() { s.writing.setLocked(t, s.waiters) })
}

// set does something under the lock, unless the socket is closed.
func (s *socket) set(op string, do func()) error {
	s.host.network.mu.Lock()
	defer s.host.network.mu.Unlock()
	if s.closed {
		return s.failure(op, net.ErrClosed)
	}
	do()
	return nil
}

// closeLocked ends the socket. Who waits looks again.
func (s *socket) closeLocked() {
	s.closed = true
	s.reading.stopLocked()
	s.writing.stopLocked()
	s.waiters.Broadcast()
}
