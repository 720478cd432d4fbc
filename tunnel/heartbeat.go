package tunnel

import (
	"context"
	"time"
)

const (
	// The beats of a link that nobody uses: often enough for NATs and for the idle timeout of its connection, and to know
	// the RTT.
	idleHeartbeat = time.Second
	idlePulse     = 100 * time.Millisecond // the pulse never pauses longer
	shortestPulse = time.Millisecond
	together      = 8                // of an interval a beat may be early, to go in the same instant as another link's
	inUse         = 10 * time.Second // after the last stream, a link still counts as used
	connectGrace  = time.Second      // for the first beat of a connection: the answered hello may have to be sent again
)

// pulse beats and judges for all links, until life ends. It wakes when something is due, and not in between: a wake-up costs
// more than all that is done in it.
func (e *Endpoint) pulse(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-e.hurry:
		}
		now := time.Now()
		again := idlePulse
		clock := e.clock.at(now)
		e.mu.RLock()
		for _, p := range e.peers {
			again = min(again, p.pulse(now, clock))
		}
		e.mu.RUnlock()
		again = max(again, shortestPulse)
		e.clock.tick(now, again)
		timer.Reset(again)
	}
}

// pulse does what is due for one link, and returns when something will be due again, should nothing be heard meanwhile.
func (p *peer) pulse(now time.Time, clock time.Duration) time.Duration {
	p.mu.Lock()
	defer p.unlock()
	p.closeDuplicatesLocked(now)
	best := p.bestLocked()
	if best == nil {
		return idlePulse
	}
	p.judgeLocked(now, clock)
	if p.heart.next.Sub(now) <= p.heart.interval/together {
		p.beatLocked(now, best)
	}
	return min(p.heart.next.Sub(now), p.heart.detector.worseIn(clock))
}

// beatLocked sends a beat, and sets the time of the next.
func (p *peer) beatLocked(now time.Time, over *control) {
	h := &p.heart
	interval := p.intervalLocked(now)
	if !p.idleLocked(now) {
		h.slowing = 0
	} else if h.slowing < mostMissing {
		// The promise of a longer interval may be lost, and more than once: it isn't used before it must have arrived.
		h.slowing++
		interval = p.endpoint.cfg.Heartbeat
	}
	h.next, h.interval = now.Add(interval), interval
	over.outbox.beat()
}

// idleLocked tells whether neither side uses the link.
func (p *peer) idleLocked(now time.Time) bool { return p.intervalLocked(now) >= idleHeartbeat }

// intervalLocked is the time between our beats: as short as either side wants it.
func (p *peer) intervalLocked(now time.Time) time.Duration {
	return min(p.wantLocked(now), p.heart.want)
}

// wantLocked is the interval that we want of the peer.
func (p *peer) wantLocked(now time.Time) time.Duration {
	if p.link.State == Up && !p.attended && now.Sub(p.heart.usedAt) > inUse {
		for _, d := range p.data {
			if d.streams.Load() > 0 {
				return p.endpoint.cfg.Heartbeat
			}
		}
		return idleHeartbeat
	}
	return p.endpoint.cfg.Heartbeat
}

// judgeLocked makes the link what both directions are.
func (p *peer) judgeLocked(now time.Time, clock time.Duration) {
	own, reason := p.heart.detector.judge(clock), "heartbeat"
	if p.heart.told > own {
		own, reason = p.heart.told, "not heard by the peer"
	}
	p.moveLocked(now, own.state(), reason)
}

// useLocked takes note that the link is used: from now on its silence is noticed quickly.
func (p *peer) useLocked(now time.Time) {
	h := &p.heart
	idle := p.wantLocked(now) == idleHeartbeat
	h.usedAt, p.link.LastOpened = now, now
	if idle {
		p.quickenLocked(now)
	}
}

// quickenLocked beats at once, which asks for quicker beats from the peer too.
func (p *peer) quickenLocked(now time.Time) {
	p.heart.next = now
	p.heart.detector.hasten(p.endpoint.clock.at(now), p.endpoint.cfg.Heartbeat, p.heart.rtt)
	p.endpoint.hurryUp()
}

func (e *Endpoint) hurryUp() {
	select {
	case e.hurry <- struct{}{}:
	default:
	}
}
