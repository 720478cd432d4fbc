package tunnel

import (
	"context"
	"net"
	"time"

	"github.com/quic-go/quic-go"
)

// Connections are replaced, new before old, for two reasons. What they carry goes on over the old one; nothing is added to it.
//
// A route becomes much longer (50 to 500 ms): quic-go's estimate of the RTT stays what it was for many minutes, since what
// comes late is taken for lost, sent again, and its acknowledgement is no sample. Then each connection sends 50 to 300
// packets a second although it has nothing to say, and carries little. The beats know better.
//
// A certificate ends that the connection was made with, the peer's or our own. By then there should be a newer one, which
// only a new handshake shows.
const (
	refreshEvery   = 5 * time.Second
	staleFactor    = 3
	staleLeast     = 20 * time.Millisecond // the difference that matters at all
	staleSightings = 2                     // in a row: jitter alone doesn't last

	renewAhead = 2 * time.Minute
	renewPause = 30 * time.Second // before it is tried again, should nobody have renewed anything
)

// freshness is what was seen of a connection. The peer's lock guards it.
type freshness struct {
	sightings int  // of an RTT far below that of the beats
	outlived  bool // the link's control connection has newer certificates
}

func (f *freshness) look(beats, own time.Duration) {
	if beats > staleFactor*own && beats-own > staleLeast {
		f.sightings++
	} else if f.sightings < staleSightings {
		f.sightings = 0
	}
}

// stale connections stay so.
func (f *freshness) stale() bool { return f.sightings >= staleSightings || f.outlived }

// validUntil returns when the first certificate ends that a connection was made with. Our own count where we dialled:
// then it is up to us to dial again.
func validUntil(conn *quic.Conn, own *credentials) time.Time {
	until := expiry(conn.ConnectionState().TLS.PeerCertificates)
	if own != nil && expiry(own.chain).Before(until) {
		return expiry(own.chain)
	}
	return until
}

// refresh replaces stale connections.
func (e *Endpoint) refresh(ctx context.Context) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, p := range e.peers {
		p.refresh(ctx, time.Now())
	}
}

func (p *peer) refresh(ctx context.Context, now time.Time) {
	p.mu.Lock()
	defer p.unlock()
	best, rtt := p.bestLocked(), p.heart.rtt
	if best == nil || p.link.State != Up {
		return
	}
	for _, d := range p.data {
		d.freshness.look(rtt, d.conn.ConnectionStats().SmoothedRTT)
		if d.until.Sub(now) < renewAhead && d.until.Before(best.until) {
			d.freshness.outlived = true
		}
		if d.freshness.stale() && d.dialled && d.streams.Load() == 0 {
			p.doomed = append(p.doomed, doom{d.conn, codeDuplicate, "replaced"})
		}
	}
	best.wakeTender()
	best.freshness.look(rtt, best.conn.ConnectionStats().SmoothedRTT)
	ending := best.until.Sub(now) < renewAhead && now.Sub(p.renewed) >= renewPause
	if !best.dialled || !ending && !best.freshness.stale() {
		return
	}
	if ending {
		p.renewed = now
	}
	// The newer of two connections with the same dialler wins at both ends; the old one is closed a little later.
	p.endpoint.tasks.start(func() {
		to := best.conn.RemoteAddr().(*net.UDPAddr).AddrPort()
		if _, err := p.endpoint.dialControl(ctx, to, p.gateway); err != nil {
			p.endpoint.cfg.Log.Debug().Stringer("gateway", p.gateway).Err(err).Msg("connection not replaced")
		}
	})
}
