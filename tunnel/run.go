package tunnel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quic-go/quic-go"
)

// Run accepts and keeps connections until ctx ends, takes leave as [Config.Grace] allows, and returns nil when nothing is
// left running. It returns an error when the socket fails, and [ErrTwin] when another process has our name and started
// later. It runs once.
func (e *Endpoint) Run(ctx context.Context) error {
	listener, err := e.transport.Listen(e.serverTLS(), e.quicConfig(dataIdle))
	if err != nil {
		return fmt.Errorf("listening on %s: %w", e.cfg.Conn.LocalAddr(), err)
	}
	accepting := make(chan error, 1)
	e.mu.Lock()
	e.running = true
	e.clock.tick(time.Now(), 0)
	e.tasks.start(func() { accepting <- e.accept(listener) })
	e.tasks.start(func() { e.pulse(e.life) })
	e.tasks.start(func() { every(e.life, recheckEvery, e.recheck) })
	e.tasks.start(func() { every(e.life, refreshEvery, e.refresh) })
	for _, f := range e.waiting {
		e.tasks.start(f)
	}
	e.waiting = nil
	e.mu.Unlock()

	select {
	case <-ctx.Done():
		e.farewell()
	case err = <-e.twin:
		e.farewell()
	case err = <-accepting: // the socket is gone: nobody can be told
		e.mu.Lock()
		e.closed = true
		e.mu.Unlock()
	}
	e.end()
	listener.Close()
	e.transport.Close()
	e.tasks.wait()
	return err
}

// accept takes the connections of others, and never waits for any of them.
func (e *Endpoint) accept(listener *quic.Listener) error {
	for {
		conn, err := listener.Accept(e.life)
		if err != nil && e.life.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("socket %s: %w", e.cfg.Conn.LocalAddr(), err)
		}
		e.tasks.start(func() { e.serve(conn) })
	}
}

// serve runs a connection that was accepted.
func (e *Endpoint) serve(conn *quic.Conn) {
	if conn.ConnectionState().TLS.NegotiatedProtocol == alpnControl {
		c, err := e.welcome(e.life, conn)
		if err != nil {
			e.cfg.Log.Debug().Stringer("from", conn.RemoteAddr()).Err(err).Msg("no greeting")
			code := codeProtocol
			if errors.Is(err, errStale) {
				code = codeTwin
			}
			conn.CloseWithError(code, "no greeting")
			return
		}
		c.serve()
		return
	}
	g, _, err := e.peerOf(conn)
	p := e.peer(g)
	if err != nil || p == nil {
		conn.CloseWithError(codeDown, "no link")
		return
	}
	d := e.newDataConn(conn, nil)
	if !p.addData(d) {
		conn.CloseWithError(codeDown, "no link")
		return
	}
	e.serveData(p, d)
}
