package chaos

import (
	"net"
	"net/netip"
	"sync"
)

// listener is the net.Listener of a host. All fields are guarded by the network's lock.
type listener struct {
	host    *Host
	local   netip.AddrPort
	queue   []*streamConn // handshake done, not yet accepted
	closed  bool
	waiters *sync.Cond // those in Accept
}

// maxAcceptQueue is how many streams wait for Accept; what comes on top has to try again.
const maxAcceptQueue = 128

// Listen opens a listener for streams, as net.Listen("tcp", …) does. It takes addresses as ListenPacket does, and likewise
// powers a crashed host on.
func (h *Host) Listen(addr netip.AddrPort) (net.Listener, error) {
	h.network.mu.Lock()
	defer h.network.mu.Unlock()
	l := &listener{host: h, waiters: sync.NewCond(&h.network.mu)}
	bound, err := bindLocked(h, &h.listeners, addr, l)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: net.TCPAddrFromAddrPort(addr), Err: err}
	}
	l.local = bound
	return l, nil
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	l.host.network.mu.Lock()
	defer l.host.network.mu.Unlock()
	for {
		switch {
		case l.closed:
			return nil, l.failure("accept", net.ErrClosed)
		case len(l.queue) > 0 && !l.host.frozen:
			s := l.queue[0]
			l.queue = l.queue[1:]
			return s, nil
		}
		l.waiters.Wait()
	}
}

// Close implements net.Listener. Streams that weren't accepted are reset.
func (l *listener) Close() error {
	l.host.network.mu.Lock()
	defer l.host.network.mu.Unlock()
	if l.closed {
		return l.failure("close", net.ErrClosed)
	}
	for _, s := range l.queue {
		s.resetLocked()
	}
	l.closeLocked()
	return nil
}

func (l *listener) closeLocked() {
	l.closed = true
	l.queue = nil
	l.host.listeners.release(l.local, l)
	l.waiters.Broadcast()
}

// Addr implements net.Listener; it is a *net.TCPAddr.
func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.local) }

func (l *listener) fullLocked() bool { return !l.closed && len(l.queue) >= maxAcceptQueue }

func (l *listener) acceptLocked(s *streamConn) {
	l.queue = append(l.queue, s)
	l.waiters.Signal()
}

func (l *listener) failure(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: l.Addr(), Err: err}
}
