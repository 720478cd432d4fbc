package tunnel

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// attemptTimeout ends an attempt that is not answered though the link is up: the endpoint there hangs.
const attemptTimeout = 5 * time.Second

// attempt is one try to reach the target through one gateway.
type attempt struct {
	gateway registry.Gateway
	conn    net.Conn
	err     error
}

// Open connects to the target through the best candidate that answers, and returns who that was. A refusal makes it try
// the next one. So does silence, after the hedge delay, while it goes on listening to the first: the first "connected"
// wins, and the others are reset. Until then no byte of the application's was sent to anybody, so nothing can be done
// twice.
//
// For a UDP target the connection is a flow: each Write is one datagram, each Read returns one, and neither promises that it
// arrives. A Read that fails with [DialFailed] says that no endpoint there listened, and that nothing was answered before.
//
//	Open ──▶ 1st: west/w-0 ─────────────── silence ───────────────────────── ✕ reset
//	              └─ hedge delay ─▶ 2nd: north/n-1 ── no-endpoint
//	                                                 └──▶ 3rd: west/w-1 ── connected ──▶ the application's bytes
func (e *Endpoint) Open(ctx context.Context, t Target, candidates []registry.Candidate) (net.Conn, registry.Gateway, error) {
	ctx, abandon := context.WithCancel(ctx)
	order := newPlan(e.ways(candidates), rand.IntN)
	answers := make(chan attempt, attemptsMost(candidates))
	var failures []error
	pending := 0
	hedge := time.NewTimer(time.Hour)
	defer hedge.Stop()
	try := func() bool {
		w, ok := order.next()
		if !ok {
			return false
		}
		pending++
		hedge.Reset(e.patienceWith(w))
		if !e.tasks.start(func() { answers <- e.attempt(ctx, w.gateway, t) }) {
			answers <- attempt{gateway: w.gateway, err: errClosed}
		}
		return true
	}
	try()
	for pending > 0 {
		select {
		case a := <-answers:
			pending--
			if a.err == nil {
				e.hearOut(answers, pending, abandon)
				e.counters.opened.Add(1)
				if t.Protocol == registry.UDP {
					e.counters.flowsOpened.Add(1)
				}
				return a.conn, a.gateway, nil
			}
			failures = append(failures, fmt.Errorf("%s: %w", a.gateway, a.err))
			order.failed(a.gateway, a.err)
			try()
		case <-hedge.C:
			if try() {
				e.counters.hedged.Add(1)
			}
		case <-ctx.Done():
			e.hearOut(answers, pending, abandon)
			e.counters.failed.Add(1)
			return nil, registry.Gateway{}, context.Cause(ctx)
		}
	}
	abandon()
	e.counters.failed.Add(1)
	return nil, registry.Gateway{}, errors.Join(append([]error{ErrNoRoute}, failures...)...)
}

func attemptsMost(candidates []registry.Candidate) (n int) {
	for _, c := range candidates {
		n += len(c.Gateways)
	}
	return n
}

// hearOut takes care of the attempts that are still pending when Open returns. They are given time to answer, because
// only so it can be learnt that a gateway is slow rather than dead: if slow answers were never heard, the patience with
// it would stay too short for ever. Then they are reset. None of them ever carries a byte.
func (e *Endpoint) hearOut(answers <-chan attempt, pending int, abandon context.CancelFunc) {
	if pending == 0 || !e.tasks.start(func() {
		defer time.AfterFunc(mostPatience, abandon).Stop()
		defer abandon()
		for range pending {
			if a := <-answers; a.conn != nil {
				reset(a.conn)
			}
		}
	}) {
		abandon()
	}
}

// ways looks up how the candidates' gateways can be reached now. Those with a link that is down, or which take no new
// streams, are left out.
func (e *Endpoint) ways(candidates []registry.Candidate) []cluster {
	clusters := make([]cluster, 0, len(candidates))
	for _, candidate := range candidates {
		c := cluster{name: candidate.Cluster}
		for _, g := range candidate.Gateways {
			if g == e.cfg.Self {
				c.ways = append(c.ways, way{gateway: g})
				continue
			}
			if p := e.peer(g); p != nil {
				if l := p.snapshot(); l.State != Down && !l.Draining {
					c.ways = append(c.ways, way{gateway: g, suspect: l.State == Suspect, rtt: l.RTT, streams: l.Streams})
				}
			}
		}
		clusters = append(clusters, c)
	}
	return clusters
}

// attempt tries one gateway, ourselves included.
func (e *Endpoint) attempt(ctx context.Context, g registry.Gateway, t Target) attempt {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	begin := time.Now()
	if g == e.cfg.Self {
		conn, err := e.dialBackend(ctx, g.Cluster, t)
		e.local.took(err, time.Since(begin))
		return attempt{g, conn, err}
	}
	p := e.peer(g)
	if p == nil {
		return attempt{gateway: g, err: ErrNoLink}
	}
	conn, err := p.openData(ctx, t)
	p.took(err, time.Since(begin))
	return attempt{g, conn, err}
}
