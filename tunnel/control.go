package tunnel

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/grapevine-mesh/grapevine/registry"
)

const (
	kindHello Kind = 0 // the first stream of a control connection

	// What opens a stream says at once what it is for.
	kindPatience = 5 * time.Second
)

// control is one control connection to a peer. It carries beats and the ring's packets in datagrams, packets that are
// too large for one on unidirectional streams, and everything else on bidirectional streams, each of which begins with
// its kind.
type control struct {
	endpoint *Endpoint
	peer     *peer // set by attach
	gateway  registry.Gateway
	chain    [][]byte
	conn     *quic.Conn
	dialled  bool
	until    time.Time // see validUntil
	pedigree pedigree
	outbox   *outbox
	large    chan struct{} // a slot for each large packet under way

	closeAt   time.Time // under the peer's lock; zero: not to be closed
	freshness freshness // so is this

	more       chan struct{} // one slot: the data connections may be too few
	shortLived atomic.Bool   // one of them ended soon after it began
}

// newControl makes a control connection that was dialled with our own credentials, or accepted where they are nil.
func (e *Endpoint) newControl(conn *quic.Conn, own *credentials) (*control, error) {
	g, chain, err := e.peerOf(conn)
	if err != nil {
		return nil, err
	}
	c := &control{
		endpoint: e, gateway: g, chain: chain, conn: conn, dialled: own != nil, until: validUntil(conn, own),
		outbox: newOutbox(outboxSize, &e.counters.dropped),
		more:   make(chan struct{}, 1),
		large:  make(chan struct{}, packetsAtime),
	}
	return c, nil
}

// serve runs an attached connection until it ends.
func (c *control) serve() {
	var group sync.WaitGroup
	ctx := c.conn.Context()
	group.Go(func() { c.send(ctx) })
	group.Go(func() { c.receiveDatagrams(ctx) })
	group.Go(func() { c.receivePackets(ctx, &group) })
	group.Go(func() { c.acceptStreams(ctx, &group) })
	if c.dialled {
		group.Go(func() { c.tend(ctx) })
	}
	<-ctx.Done()
	c.endpoint.detach(c, context.Cause(ctx))
	group.Wait()
}

func (c *control) acceptStreams(ctx context.Context, group *sync.WaitGroup) {
	for {
		s, err := c.conn.AcceptStream(ctx)
		if err != nil {
			return
		}
		if !c.admit() {
			s.CancelRead(codeBusy)
			s.CancelWrite(codeBusy)
			continue
		}
		group.Go(func() {
			defer c.peer.incoming.control.Add(-1)
			c.handle(newStream(c.conn, s, nil))
		})
	}
}

// admit counts one more stream that the peer opened, unless it has too many.
func (c *control) admit() bool {
	if int(c.peer.incoming.control.Add(1)) > c.endpoint.cfg.Limits.Control {
		c.peer.incoming.control.Add(-1)
		return false
	}
	return true
}

// handle reads the kind of a stream and hands it to who deals with that.
func (c *control) handle(s *stream) {
	defer s.Close()
	s.SetReadDeadline(time.Now().Add(kindPatience))
	var kind [1]byte
	if _, err := io.ReadFull(s, kind[:]); err != nil {
		return
	}
	s.SetReadDeadline(time.Time{})
	if h := c.endpoint.streamHandlers[Kind(kind[0])]; h != nil {
		h(c.gateway, s)
	}
}

// open opens a control stream of a kind.
func (c *control) open(kind Kind) (net.Conn, error) {
	s, err := c.conn.OpenStream()
	if err != nil {
		return nil, err
	}
	wrapped := newStream(c.conn, s, nil)
	if _, err := wrapped.Write([]byte{byte(kind)}); err != nil { // before the first byte a peer doesn't see a stream
		wrapped.Reset()
		return nil, err
	}
	return wrapped, nil
}

func (c *control) wakeTender() {
	select {
	case c.more <- struct{}{}:
	default:
	}
}
