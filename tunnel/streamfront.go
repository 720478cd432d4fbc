package tunnel

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// streamFront is a TCP front.
type streamFront struct {
	fronts   *Fronts
	listener net.Listener
	target   atomic.Pointer[Target]
}

func (s *streamFront) lead(to Target) { s.target.Store(&to) }

func (s *streamFront) leave() bool {
	s.listener.Close()
	return true
}

func (s *streamFront) cut() {} // the connections are cut one by one

func (s *streamFront) run() {
	f := s.fronts
	for {
		conn, err := s.listener.Accept()
		switch {
		case err == nil:
			if !f.tasks.start(func() { f.serve(conn, *s.target.Load()) }) {
				reset(conn)
			}
		case errors.Is(err, net.ErrClosed):
			return
		default:
			f.cfg.Log.Warn().Err(err).Msg("cannot accept")
			select {
			case <-f.life.Done():
				return
			case <-time.After(acceptPause):
			}
		}
	}
}

// serve carries one application's connection.
func (f *Fronts) serve(conn net.Conn, t Target) {
	if caller, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		t.Caller = caller
	}
	f.track(conn)
	defer f.untrack(conn)
	ctx, cancel := context.WithTimeout(f.life, openTimeout)
	defer cancel()
	other, _, err := f.cfg.Open(ctx, t, f.cfg.Route(t))
	if err != nil {
		f.cfg.Log.Debug().Stringer("service", t.Name).Err(err).Msg("connection not carried")
		reset(conn)
		return
	}
	splice(conn, other)
}

func (f *Fronts) track(conn net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns[conn] = struct{}{}
}

func (f *Fronts) untrack(conn net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, conn)
}
