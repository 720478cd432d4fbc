package tunnel

import "time"

// The back-off of dialling a gateway that doesn't answer. It never ends: what is gone for hours comes back too. The
// longest wait bounds the time from a healed network to a healed link, since both ends dial.
const (
	backoffFirst = 100 * time.Millisecond
	backoffMost  = 5 * time.Second
)

// backoff counts failures in a row.
type backoff struct{ failures int }

// next returns how long to wait after one more failure. It doubles, and r (0 to 1, random) takes up to half of it away,
// so that many gateways that lost one another in the same moment don't come back in the same moment.
func (b *backoff) next(r float64) time.Duration {
	wait := min(backoffFirst<<min(b.failures, 16), backoffMost)
	b.failures++
	return wait - time.Duration(r*float64(wait)/2)
}

// reset begins again.
func (b *backoff) reset() { b.failures = 0 }
