package tunnel

import (
	"context"
	"net"
	"time"
)

// When a route becomes much longer (50 to 500 ms), quic-go's estimate of the RTT stays what it was for many minutes: what
// comes late is taken for lost, sent again, and its acknowledgement is no sample. Then each connection sends 50 to 300
// packets a second although it has nothing to say, and carries little. The beats know better, so connections whose
// own RTT is far below that of the beats are replaced, new before old.
const (
	refreshEvery   = 5 * time.Second
	staleFactor    = 3
	staleLeast     = 20 * time.Millisecond // the difference that matters at all
	staleSightings = 2                     // in a row: jitter alone doesn't last
)

// freshness is what was seen of a connection's RTT. The peer's lock guards it.
type freshness struct{ sightings int }

func (f *freshness) look(beats, own time.Duration) {
	if beats > staleFactor*own && beats-own > staleLeast {
		f.sightings++
	} else if f.sightings < staleSightings {
		f.sightings = 0
	}
}

// stale connections stay so: what they carry goes on, and nothing new is added.
func (f *freshness) stale() bool { return f.sightings >= staleSightings }

// refresh replaces stale connections, for ever.
func (e *Endpoint) refresh(ctx context.Context) {
	ticker := time.NewTicker(refreshEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		e.mu.RLock()
		for _, p := range e.peers {
			p.refresh(ctx)
		}
		e.mu.RUnlock()
	}
}

func (p *peer) refresh(ctx context.Context) {
	p.mu.Lock()
	defer p.unlock()
	best, rtt := p.bestLocked(), p.heart.rtt
	if best == nil || p.link.State != Up {
		return
	}
	for _, d := range p.data {
		d.freshness.look(rtt, d.conn.ConnectionStats().SmoothedRTT)
		if d.freshness.stale() && d.dialled && d.streams.Load() == 0 {
			p.doomed = append(p.doomed, doom{d.conn, codeDuplicate, "replaced"})
		}
	}
	best.wakeTender()
	best.freshness.look(rtt, best.conn.ConnectionStats().SmoothedRTT)
	if !best.freshness.stale() || !best.dialled {
		return
	}
	// The newer of two connections with the same dialler wins at both ends; the old one is closed a little later.
	p.endpoint.tasks.start(func() {
		to := best.conn.RemoteAddr().(*net.UDPAddr).AddrPort()
		if _, err := p.endpoint.dialControl(ctx, to, p.gateway); err != nil {
			p.endpoint.cfg.Log.Debug().Stringer("gateway", p.gateway).Err(err).Msg("connection not replaced")
		}
	})
}
