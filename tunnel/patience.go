package tunnel

import (
	"math"
	"time"
)

// The bounds of the hedge delay. The least is what a busy machine takes to answer anyway; the most is what an
// application waits for a candidate that gives no sign.
const (
	leastPatience = 15 * time.Millisecond
	mostPatience  = 750 * time.Millisecond
)

// patience learns how long opening a stream to a peer takes, so as to know when silence is unusual. It is pure.
type patience struct {
	mean   float64 // ns, smoothed
	spread float64 // ns, mean deviation
}

// took takes note of an answer, late ones included.
func (p *patience) took(d time.Duration) {
	if p.mean == 0 {
		p.mean, p.spread = float64(d), float64(d)/2
		return
	}
	p.spread += (math.Abs(float64(d)-p.mean) - p.spread) / 8
	p.mean += (float64(d) - p.mean) / 8
}

// lasts returns how long to wait for an answer before the next candidate is tried as well: two round trips (one for the
// answer, one because the first packet may be lost) and the time to dial an endpoint there; longer where answers were
// seen to take longer. A suspect gateway gets the least.
func (p *patience) lasts(rtt time.Duration, suspect bool) time.Duration {
	if suspect {
		return leastPatience
	}
	return min(max(leastPatience, 2*rtt+10*time.Millisecond, time.Duration(p.mean+4*p.spread)), mostPatience)
}
