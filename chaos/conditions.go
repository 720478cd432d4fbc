package chaos

import "time"

// Conditions are what one direction between two hosts does to what passes. The zero value is a perfect line: immediate,
// boundless, and nothing is lost. Chances are between 0 and 1 and are drawn anew for each datagram.
//
// To a stream, Loss and Cut are delay, for like TCP it repeats what was lost, and its bytes arrive in order, once and intact:
// Reorder, Duplicate, Corrupt, MTU and Queue are nothing to it. Traffic inside a host knows none of these.
type Conditions struct {
	Delay  time.Duration // every packet takes this long,
	Jitter time.Duration // and up to this much longer, evenly drawn; a later packet waits for an earlier one, so order is kept

	Rate  int  // bytes per second that pass; 0: no bound
	Queue int  // bytes that wait where Rate is the bottleneck, the rest is dropped; 0: 64 KiB (more is bufferbloat)
	MTU   int  // bytes of a datagram's payload that pass; larger ones vanish without a word, as in a black hole; 0: no bound
	Cut   bool // nothing passes, and what is under way when the cut begins is lost too

	Loss      float64 // the datagram vanishes
	Reorder   float64 // the datagram is late, so that those sent after it overtake it
	Duplicate float64 // the datagram arrives twice
	Corrupt   float64 // the datagram arrives with one bit flipped
}

// defaultQueue is a shallow buffer of a home router's kind.
const defaultQueue = 64 << 10

// and returns the conditions of a line that has both c's troubles and d's: delays add up, the narrower bound counts, and
// a packet has to survive the chances of both.
func (c Conditions) and(d Conditions) Conditions {
	return Conditions{
		Delay:     c.Delay + d.Delay,
		Jitter:    c.Jitter + d.Jitter,
		Rate:      narrower(c.Rate, d.Rate),
		Queue:     narrower(c.Queue, d.Queue),
		MTU:       narrower(c.MTU, d.MTU),
		Cut:       c.Cut || d.Cut,
		Loss:      either(c.Loss, d.Loss),
		Reorder:   either(c.Reorder, d.Reorder),
		Duplicate: either(c.Duplicate, d.Duplicate),
		Corrupt:   either(c.Corrupt, d.Corrupt),
	}
}

// narrower returns the smaller of two bounds, where 0 is none.
func narrower(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// either returns the chance that at least one of two independent things happens.
func either(p, q float64) float64 { return p + q - p*q }
