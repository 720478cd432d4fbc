package chaos

import (
	"fmt"
	"math"
	"time"
)

// Millis is a time in milliseconds as the JSON shapes write it: a number, to the microsecond.
type Millis float64

// MillisOf returns d in milliseconds.
func MillisOf(d time.Duration) Millis { return Millis(math.Round(float64(d)/1e3) / 1e3) }

// Duration returns m as a duration.
func (m Millis) Duration() time.Duration { return time.Duration(float64(m) * 1e6) }

// String prints m with as many digits as a reader can use.
func (m Millis) String() string {
	switch {
	case m >= 10_000:
		return fmt.Sprintf("%.1f s", m/1000)
	case m >= 1000:
		return fmt.Sprintf("%.2f s", m/1000)
	case m >= 10:
		return fmt.Sprintf("%.0f ms", float64(m))
	}
	return fmt.Sprintf("%.1f ms", float64(m))
}
