package tunnel

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
)

const (
	// One connection is one core and one congestion window, so a link that is busy has several. The first is there as
	// soon as the link is: neither the first stream nor a failover pays for a handshake.
	mostData   = 4
	busyData   = 2            // open streams on each, and there is one more
	acceptData = 2 * mostData // some are being replaced
)

// dataConn is one connection that carries data streams, and the datagrams of those that are flows. Both ends open streams
// on it.
type dataConn struct {
	conn      *quic.Conn
	dialled   bool      // by us
	until     time.Time // see validUntil
	streams   atomic.Int32
	freshness freshness

	flows        flows
	outbox       *outbox
	messageBytes atomic.Int64 // of datagrams that wait for their flows' streams
}

// newDataConn makes a data connection that was dialled with our own credentials, or accepted where they are nil.
func (e *Endpoint) newDataConn(conn *quic.Conn, own *credentials) *dataConn {
	return &dataConn{conn: conn, dialled: own != nil, until: validUntil(conn, own), outbox: newOutbox(flowOutboxSize, &e.counters.datagramsDropped)}
}

// tend keeps the data connections of a link to which we dialled the control connection: who could dial that one can dial
// these, and to the same address. It lives as long as the control connection.
func (c *control) tend(ctx context.Context) {
	var pause backoff
	for {
		for c.peer.wantsData(c) {
			err := c.dialData(ctx)
			if err == nil && !c.shortLived.Swap(false) {
				pause.reset()
				continue
			}
			c.endpoint.cfg.Log.Debug().Stringer("gateway", c.gateway).Err(err).Msg("data connection failed")
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause.next(rand.Float64())):
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-c.more:
		}
	}
}

// wantsData tells whether c is the connection that is used, and there are too few data connections beside it.
func (p *peer) wantsData(c *control) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bestLocked() != c || p.link.State == Down {
		return false
	}
	fresh := 0
	for _, d := range p.data {
		switch {
		case d.freshness.stale():
		case d.streams.Load() < busyData:
			return false
		default:
			fresh++
		}
	}
	return fresh < mostData && len(p.data) < acceptData
}

func (c *control) dialData(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	e := c.endpoint
	own := e.cfg.Identity.current.Load()
	conn, err := e.transport.Dial(ctx, c.conn.RemoteAddr(), e.clientTLS(own, alpnData, c.gateway), e.quicConfig(dataIdle))
	if err != nil {
		return err
	}
	d := e.newDataConn(conn, own)
	if !c.peer.addData(d) || !e.tasks.start(func() { e.serveData(c.peer, d) }) {
		conn.CloseWithError(codeDown, "link is down")
	}
	return nil
}

// addData makes a connection one of the link's, unless the link is down or has enough.
func (p *peer) addData(d *dataConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.link.State == Down || len(p.data) >= acceptData {
		return false
	}
	p.data = append(p.data, d)
	p.wakeLocked()
	return true
}

func (p *peer) removeData(d *dataConn, shortLived bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.data = slices.DeleteFunc(p.data, func(other *dataConn) bool { return other == d })
	if best := p.bestLocked(); best != nil {
		best.shortLived.Store(shortLived)
		best.wakeTender()
	}
}

// serveData accepts the streams of a data connection, and carries its datagrams, until it ends.
func (e *Endpoint) serveData(p *peer, d *dataConn) {
	began := time.Now()
	ctx := d.conn.Context()
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { d.sendDatagrams(ctx) })
	group.Go(func() { e.receiveDatagrams(ctx, d) })
	for {
		s, err := d.conn.AcceptStream(ctx)
		if err != nil {
			break
		}
		p.acceptStream(d, s)
	}
	p.removeData(d, time.Since(began) < lasting)
}

// acquire returns the data connection with the fewest streams, counting one more on it. It waits for one as long as ctx
// allows and the link isn't down.
func (p *peer) acquire(ctx context.Context) (*dataConn, error) {
	for {
		p.mu.Lock()
		changed := p.changed
		if p.link.State == Down {
			p.mu.Unlock()
			return nil, ErrNoLink
		}
		if len(p.data) > 0 {
			d := slices.MinFunc(p.data, lessLoaded)
			p.countLocked(d)
			p.mu.Unlock()
			return d, nil
		}
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ErrNoLink
		}
	}
}

// lessLoaded orders connections by their streams, stale ones last.
func lessLoaded(a, b *dataConn) int {
	if a.freshness.stale() != b.freshness.stale() {
		if a.freshness.stale() {
			return 1
		}
		return -1
	}
	return int(a.streams.Load() - b.streams.Load())
}

// countLocked counts one more stream on d, and sees whether there are connections enough for it.
func (p *peer) countLocked(d *dataConn) {
	p.endpoint.open.Add(1)
	if best := p.bestLocked(); d.streams.Add(1) >= busyData && best != nil {
		best.wakeTender()
	}
}

// release counts one stream less.
func (p *peer) release(d *dataConn) {
	p.endpoint.open.Add(-1)
	d.streams.Add(-1)
}
