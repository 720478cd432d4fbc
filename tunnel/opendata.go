package tunnel

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/grapevine-mesh/grapevine/registry"
)

// openData opens a data stream to the peer and returns when it is connected to an endpoint there. Where the connection
// ends under it while the link lives on, another one is used.
func (p *peer) openData(ctx context.Context, t Target) (net.Conn, error) {
	p.mu.Lock()
	p.useLocked(time.Now())
	p.mu.Unlock()
	for {
		d, err := p.acquire(ctx)
		if err != nil {
			return nil, err
		}
		conn, err := p.openOn(ctx, d, t)
		if !errors.Is(err, net.ErrClosed) || ctx.Err() != nil { // what quic-go says when a connection is over
			return conn, err
		}
		p.removeData(d, false)
	}
}

// openOn opens a data stream on one connection. When ctx ends first, the stream is reset.
func (p *peer) openOn(ctx context.Context, d *dataConn, t Target) (net.Conn, error) {
	raw, err := d.conn.OpenStream()
	if err != nil {
		p.release(d)
		if _, full := errors.AsType[quic.StreamLimitReachedError](err); full {
			return nil, Overloaded
		}
		return nil, err
	}
	s := newStream(d.conn, raw, func() { p.release(d) })
	var f *flow
	if t.Protocol == registry.UDP {
		f = p.endpoint.newFlow(d, s)
	}
	stop := context.AfterFunc(ctx, func() { s.abort(codeAbandoned) })
	_, err = raw.Write(appendHeader(nil, t))
	if err == nil {
		err = readReply(raw)
	}
	if !stop() { // too late: it is being reset
		err = context.Cause(ctx)
	}
	if err == nil && f != nil && !p.endpoint.tasks.start(f.listen) {
		err = errClosed
	}
	if err != nil {
		s.abort(codeAbandoned)
		return nil, err
	}
	if f != nil {
		return f, nil
	}
	return s, nil
}

// took remembers how long an attempt took that was connected.
func (p *peer) took(err error, d time.Duration) {
	if err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.patient.took(d)
	}
}

// localPatience is the patience with endpoints of our own.
type localPatience struct {
	mu sync.Mutex
	patience
}

func (l *localPatience) took(err error, d time.Duration) {
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.patience.took(d)
	}
}

// patienceWith returns how long to wait for w before the next one is tried as well.
func (e *Endpoint) patienceWith(w way) time.Duration {
	if e.cfg.HedgeDelay > 0 {
		return e.cfg.HedgeDelay
	}
	if w.gateway == e.cfg.Self {
		e.local.mu.Lock()
		defer e.local.mu.Unlock()
		return e.local.lasts(0, false)
	}
	p := e.peer(w.gateway)
	if p == nil {
		return leastPatience
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.patient.lasts(w.rtt, w.suspect)
}
