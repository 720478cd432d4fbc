package tunnel

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/grapevine-mesh/grapevine/registry"
)

// peer is all about one other gateway: where it may be dialled, the connections to it, and what is thought of the link.
type peer struct {
	endpoint *Endpoint
	gateway  registry.Gateway
	incoming incoming

	mu        sync.Mutex
	addrs     []netip.AddrPort
	forget    context.CancelFunc // ends the dialling; nil: nobody told us to dial it
	elsewhere context.CancelFunc // ends an attempt, because the addresses are others
	conns     []*control         // best first
	data      []*dataConn
	link      Link
	heart     heart
	patient   patience
	attended  bool          // its link beats as if it were in use
	renewed   time.Time     // when it was last tried to replace connections whose certificates end
	changed   chan struct{} // closed when the link changes, and replaced
	doomed    []doom        // to be closed when the lock is released
}

// incoming counts what the peer has open here, for the limits.
type incoming struct {
	streams  atomic.Int32
	halfOpen atomic.Int32
	flows    atomic.Int32 // of the streams
	control  atomic.Int32
}

type doom struct {
	conn *quic.Conn
	code quic.ApplicationErrorCode
	why  string
}

func newPeer(e *Endpoint, g registry.Gateway, now time.Time) *peer {
	return &peer{
		endpoint: e,
		gateway:  g,
		link:     Link{Gateway: g, State: Down, Reason: "not connected yet", Since: now},
		changed:  make(chan struct{}),
	}
}

// unlock releases the lock and closes what was doomed while it was held: closing waits for the connection's loop.
func (p *peer) unlock() {
	doomed := p.doomed
	p.doomed = nil
	p.mu.Unlock()
	for _, d := range doomed {
		p.endpoint.tasks.start(func() { d.conn.CloseWithError(d.code, d.why) })
	}
}

// bestLocked returns the control connection to use, or nil.
func (p *peer) bestLocked() *control {
	if len(p.conns) == 0 {
		return nil
	}
	return p.conns[0]
}

func (p *peer) best() *control {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bestLocked()
}

// await returns the control connection to use, waiting for one as long as ctx allows.
func (p *peer) await(ctx context.Context) (*control, error) {
	for {
		p.mu.Lock()
		best, changed := p.bestLocked(), p.changed
		p.mu.Unlock()
		if best != nil {
			return best, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ErrNoLink
		}
	}
}

// moveLocked takes the link to a state. A link that goes down takes its data connections with it: the applications'
// connections are reset at once, rather than hang until some timeout of theirs.
func (p *peer) moveLocked(now time.Time, to LinkState, reason string) {
	if p.link.State == to {
		return
	}
	p.endpoint.cfg.Log.Info().Stringer("gateway", p.gateway).Str("state", string(to)).Str("was", string(p.link.State)).
		Str("reason", reason).Dur("rtt", p.heart.rtt).Msg("link")
	p.link.State, p.link.Reason, p.link.Since = to, reason, now
	if to == Down {
		p.doomDataLocked(reason)
		p.patient = patience{}
	}
	p.announceLocked()
}

func (p *peer) doomDataLocked(reason string) {
	for _, d := range p.data {
		p.doomed = append(p.doomed, doom{d.conn, codeDown, reason})
	}
	p.data = nil
}

// announceLocked tells everybody who waits, and who listens, that the link is another.
func (p *peer) announceLocked() {
	p.wakeLocked()
	if best := p.bestLocked(); best != nil {
		best.wakeTender()
	}
	p.endpoint.cfg.OnLink(p.snapshotLocked())
}

// wakeLocked wakes who waits for a change.
func (p *peer) wakeLocked() {
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *peer) snapshotLocked() Link {
	link := p.link
	link.RTT = p.heart.rtt
	for _, d := range p.data {
		link.Streams += int(d.streams.Load())
	}
	return link
}

func (p *peer) snapshot() Link {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.snapshotLocked()
}
