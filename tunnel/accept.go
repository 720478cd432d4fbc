package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/grapevine-mesh/grapevine/registry"
)

const (
	headerPatience = 5 * time.Second
	// An endpoint that doesn't answer must not hold up the one after it for long: the caller has the same patience.
	backendTimeout = time.Second
)

// acceptStream takes a data stream that the peer opened, within the limits.
func (p *peer) acceptStream(d *dataConn, s *quic.Stream) {
	limits := p.endpoint.cfg.Limits
	streams, halfOpen := p.incoming.streams.Add(1), p.incoming.halfOpen.Add(1)
	p.mu.Lock()
	p.countLocked(d)
	p.mu.Unlock()
	wrapped := newStream(d.conn, s, func() {
		p.incoming.streams.Add(-1)
		p.release(d)
	})
	if int(streams) > limits.Streams || int(halfOpen) > limits.HalfOpen {
		p.incoming.halfOpen.Add(-1)
		p.endpoint.refuse(wrapped, Overloaded)
		return
	}
	if !p.endpoint.tasks.start(func() { p.serve(d, wrapped) }) {
		p.incoming.halfOpen.Add(-1)
		wrapped.Reset()
	}
}

// serve connects a stream to an endpoint that it may reach, and carries bytes until both sides are done.
func (p *peer) serve(d *dataConn, s *stream) {
	e := p.endpoint
	s.SetReadDeadline(time.Now().Add(headerPatience))
	t, err := readHeader(s)
	p.incoming.halfOpen.Add(-1)
	s.SetReadDeadline(time.Time{})
	if err != nil {
		e.refuse(s, Malformed)
		return
	}
	if e.draining.Load() {
		e.refuse(s, Draining)
		return
	}
	if t.Protocol == registry.UDP {
		defer p.incoming.flows.Add(-1)
		if int(p.incoming.flows.Add(1)) > e.cfg.Limits.Flows {
			e.refuse(s, Overloaded)
			return
		}
	}
	// The stream's context ends when the caller gives up.
	backend, err := e.dialBackend(s.Context(), p.gateway.Cluster, t)
	if err != nil {
		refusal, is := errors.AsType[Refusal](err)
		if !is {
			refusal = DialFailed
		}
		e.refuse(s, refusal)
		return
	}
	carry := func() { splice(s, backend) }
	if t.Protocol == registry.UDP {
		f := e.newFlow(d, s)
		carry = func() { e.serveFlow(f, backend) }
	}
	if _, err := s.Write(appendReply(nil, "")); err != nil {
		s.Reset()
		reset(backend)
		return
	}
	e.counters.accepted.Add(1)
	carry()
}

// serveFlow carries datagrams until either side ends.
func (e *Endpoint) serveFlow(f *flow, backend net.Conn) {
	if !e.tasks.start(f.listen) {
		f.Reset()
		backend.Close()
		return
	}
	e.counters.flowsAccepted.Add(1)
	if err := relay(f, backend, forgottenFlow); errors.Is(err, errUnused) {
		e.counters.flowsExpired.Add(1)
	}
}

// refuse tells the caller why, and ends the stream.
func (e *Endpoint) refuse(s *stream, why Refusal) {
	e.counters.refuse(why)
	s.Stream.Write(appendReply(nil, why)) // two bytes, which any fresh stream has room for
	s.Close()
}

// dialBackend connects to the first endpoint that takes the connection. It never dials anything but what Backends says.
func (e *Endpoint) dialBackend(ctx context.Context, caller registry.Cluster, t Target) (net.Conn, error) {
	addrs, err := e.cfg.Backends.Backends(caller, t)
	if err != nil {
		return nil, err
	}
	if len(addrs) == 0 {
		return nil, NoEndpoint
	}
	if t.Protocol == registry.UDP {
		return e.dialPackets(addrs)
	}
	var last error
	for _, addr := range addrs {
		attempt, cancel := context.WithTimeout(ctx, backendTimeout)
		conn, err := e.cfg.DialBackend(attempt, t.Protocol, addr)
		cancel()
		if err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		last = err
	}
	return nil, fmt.Errorf("%w: %w", DialFailed, last)
}
