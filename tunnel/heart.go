package tunnel

import "time"

// heart is a peer's part in the heartbeat: what we sent, what we heard, what follows. The peer's lock guards it.
type heart struct {
	detector detector
	told     verdict       // what the peer hears of us
	next     time.Time     // when our next beat is due
	interval time.Duration // from our newest beat to that
	slowing  int           // beats that promised a longer interval than the one after which the next came
	number   uint64
	stamp    time.Duration // of our newest beat; no two have the same
	ask      bool          // the next beat wants an answer
	want     time.Duration // what the peer wants of us
	newest   time.Duration // the peer's newest stamp, to be echoed
	heardAt  time.Time     // when it came
	echoed   time.Duration // the newest of our stamps that came back
	rtt      time.Duration // smoothed
	guessed  bool          // it comes from the handshake, and no beat has measured it
	usedAt   time.Time
	waiting  []waiter
}

// waiter waits for the echo of a beat with that stamp or a later one.
type waiter struct {
	stamp time.Duration
	rtt   chan<- time.Duration
}

// restart begins anew on a new connection, whose greeting proved both directions.
func (h *heart) restart(clock time.Duration, now time.Time, interval, rtt time.Duration) {
	h.detector.start(clock, interval, connectGrace+2*rtt)
	h.told, h.newest, h.want = verdictUp, 0, interval
	h.next, h.usedAt = now, now
	if h.rtt == 0 {
		h.rtt, h.guessed = rtt, true
	}
}

// stop is for a link without any connection.
func (h *heart) stop() { h.rtt = 0 }

// compose writes the beat that is sent now.
func (p *peer) compose(now time.Time) beat {
	clock := p.endpoint.clock.at(now)
	p.mu.Lock()
	defer p.mu.Unlock()
	h := &p.heart
	h.number++
	h.stamp = max(p.endpoint.stamp(now), h.stamp+time.Microsecond)
	b := beat{
		draining: p.endpoint.draining.Load(),
		answer:   h.ask,
		verdict:  h.detector.judge(clock),
		number:   h.number,
		interval: p.intervalLocked(now),
		want:     p.wantLocked(now),
		stamp:    h.stamp,
	}
	if h.newest != 0 {
		b.echo, b.held = h.newest, now.Sub(h.heardAt)
	}
	h.ask = false
	return b
}

// hear takes note of a beat.
func (p *peer) hear(b beat, now time.Time) {
	clock := p.endpoint.clock.at(now)
	p.mu.Lock()
	defer p.unlock()
	best := p.bestLocked()
	if best == nil {
		return
	}
	h := &p.heart
	h.detector.beat(clock, b.number, b.interval)
	if b.stamp > h.newest {
		h.newest, h.heardAt, h.told = b.stamp, now, b.verdict
		p.drainingLocked(b.draining)
		if b.want < h.want {
			h.next = now
			p.endpoint.hurryUp()
		}
		h.want = b.want
	}
	h.detector.hasten(clock, p.wantLocked(now), h.rtt)
	p.echoLocked(b, now)
	p.judgeLocked(now, clock)
	if b.answer || !now.Before(h.next) {
		p.beatLocked(now, best)
	}
}

// echoLocked measures the round trip, and wakes who waits for it.
func (p *peer) echoLocked(b beat, now time.Time) {
	h := &p.heart
	if b.echo <= h.echoed || b.echo > h.stamp {
		return
	}
	rtt := max(0, p.endpoint.stamp(now)-b.echo-b.held)
	h.echoed = b.echo
	if h.guessed {
		h.rtt, h.guessed = rtt, false
	}
	h.rtt += (rtt - h.rtt) / 8
	kept := h.waiting[:0]
	for _, w := range h.waiting {
		if b.echo < w.stamp {
			kept = append(kept, w)
			continue
		}
		w.rtt <- rtt
	}
	h.waiting = kept
}

// stamp is our clock in beats. It is never 0.
func (e *Endpoint) stamp(now time.Time) time.Duration {
	return now.Sub(e.started).Truncate(time.Microsecond) + time.Microsecond
}
