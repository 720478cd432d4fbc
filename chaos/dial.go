package chaos

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Linux knocks at once and 6 times again, after 1, 2, 4 … 64 seconds (tcp_syn_retries): 127 s in all.
const (
	firstKnock = time.Second
	maxKnocks  = 7
)

// Dial opens a stream, as net.Dialer.DialContext does for "tcp". It takes a round trip, is refused where nobody listens,
// and where nothing answers at all it knocks on until ctx ends or two minutes have passed.
func (h *Host) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	n := h.network
	n.mu.Lock()
	defer n.mu.Unlock()
	s, err := h.dialLocked(ctx, to)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	return s, nil
}

func (h *Host) dialLocked(ctx context.Context, to netip.AddrPort) (*streamConn, error) {
	switch {
	case h.network.closed || h.down:
		return nil, syscall.ENETDOWN
	case !to.IsValid() || to.Addr().IsUnspecified() || to.Port() == 0:
		return nil, syscall.EINVAL
	}
	s := newStream(h, netip.AddrPort{}, to)
	local, err := h.dialed.bind(netip.AddrPortFrom(h.sourceLocked(to.Addr()), 0), s)
	if err != nil {
		delete(h.streams, s)
		return nil, err
	}
	s.local = local
	defer context.AfterFunc(ctx, func() {
		h.network.mu.Lock()
		defer h.network.mu.Unlock()
		s.waiters.Broadcast()
	})()
	for s.knockLocked(0); s.err == nil && (s.peer == nil || h.frozen); {
		if ctx.Err() != nil {
			s.breakLocked(ctx.Err())
		} else {
			s.waiters.Wait()
		}
	}
	return s, s.err
}

// knockLocked asks for a stream, and goes on asking.
func (s *streamConn) knockLocked(knocks int) {
	switch {
	case s.err != nil || s.peer != nil:
		return
	case knocks == maxKnocks:
		s.breakLocked(syscall.ETIMEDOUT)
		return
	}
	n := s.host.network
	n.agenda.addLocked(time.Now().Add(firstKnock<<knocks), func() { s.knockLocked(knocks + 1) })
	if at, ok := n.passageLocked(s.host, s.local.Addr(), s.remote.Addr(), 0); ok {
		n.agenda.addLocked(at, s.knockedLocked)
	}
}

// knockedLocked is the knock's arrival: a host that is there answers whether somebody listens.
func (s *streamConn) knockedLocked() {
	n := s.host.network
	asked := n.hosts[s.remote.Addr()]
	if s.host.owns(s.remote.Addr()) {
		asked = s.host
	}
	if asked == nil || asked.down || !n.reachesLocked(s.host, s.local.Addr(), s.remote.Addr()) {
		return
	}
	door, open := asked.listeners.at(s.remote)
	at, ok := n.passageLocked(asked, s.remote.Addr(), s.local.Addr(), 0)
	if !ok {
		return
	}
	n.agenda.addLocked(at, func() {
		switch {
		case s.err != nil || s.peer != nil || !n.reachesLocked(asked, s.remote.Addr(), s.local.Addr()):
		case open:
			s.meetLocked(newStream(asked, s.remote, s.local), door)
		default:
			s.breakLocked(syscall.ECONNREFUSED)
		}
	})
}

// meetLocked ends the handshake for the dialling end. The listener's end is there from now on, and is accepted when the
// dialling end's first segment arrives.
func (s *streamConn) meetLocked(peer *streamConn, door *listener) {
	s.peer, peer.peer = peer, s
	s.door = door
	s.pumpLocked()
	s.waiters.Broadcast()
}
