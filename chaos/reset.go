package chaos

import "syscall"

// resetLocked breaks the stream at both ends. The peer learns it from one packet; where that gets lost, from the answer to
// the next that it sends.
func (s *streamConn) resetLocked() {
	s.breakLocked(syscall.ECONNRESET)
	if s.peer == nil {
		return
	}
	n := s.host.network
	at, ok := n.passageLocked(s.host, s.local.Addr(), s.remote.Addr(), 0)
	if !ok {
		return
	}
	n.agenda.addLocked(notBefore(at, s.sending.last), func() {
		if n.reachesLocked(s.host, s.local.Addr(), s.remote.Addr()) && !s.peer.host.down {
			s.peer.breakLocked(syscall.ECONNRESET)
		}
	})
}

// breakLocked ends this end, whatever the peer thinks of it. What is under way still arrives.
func (s *streamConn) breakLocked(err error) {
	if s.err == nil {
		s.err = err
	}
	s.sending.buffer, s.sending.sent = nil, 0
	s.waiters.Broadcast()
	s.releaseLocked()
}

// releaseLocked lets the host forget an end that is over.
func (s *streamConn) releaseLocked() {
	if s.err != nil || s.closed && s.finished && s.sending.final == arrived {
		delete(s.host.streams, s)
		s.host.dialed.release(s.local, s)
	}
}
