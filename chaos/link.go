package chaos

import (
	"math/rand/v2"
	"slices"
	"time"
)

// link is one direction between two hosts, with what it has to remember from one packet to the next.
type link struct {
	seen Conditions // of the latest packet
	last time.Time  // when the latest packet in order arrives: the next one isn't earlier
	free time.Time  // when the bottleneck has let pass all that it was given
}

// fate is the answer to the one question that is asked of a datagram: when does it arrive, how often, and how.
type fate struct {
	at     [2]time.Time
	copies int // 0: dropped
	damage bool
}

// befallLocked lets the fate befall a datagram: each copy arrives in its time, and none if it is dropped. The caller may
// reuse data.
func (f fate) befallLocked(data []byte, r *rand.Rand, agenda *agenda, arrive func(data []byte)) {
	if f.copies == 0 {
		return
	}
	if f.damage {
		data = flipped(data, r)
	} else {
		data = slices.Clone(data)
	}
	for _, at := range f.at[:f.copies] {
		agenda.addLocked(at, func() { arrive(data) })
	}
}

// minLateness is by how much a reordered datagram is late where there is no delay: enough for a burst to overtake it.
const minLateness = 5 * time.Millisecond

// judge decides about one datagram and counts what it decided.
func (l *link) judge(c Conditions, now time.Time, size int, r *rand.Rand, counts *Counts) (f fate) {
	switch {
	case c.Cut:
		counts.Cut++
		return f
	case c.MTU > 0 && size > c.MTU:
		counts.TooBig++
		return f
	case chance(r, c.Loss):
		counts.Lost++
		return f
	case c.Rate > 0 && l.backlog(now, c.Rate)+size > c.queue():
		counts.Overrun++
		return f
	}
	f.copies = 1
	if chance(r, c.Duplicate) {
		counts.Doubled++
		f.copies = 2
	}
	for i := range f.copies {
		if chance(r, c.Reorder) {
			counts.Late++
			f.at[i] = l.late(c, now, size, r)
		} else {
			f.at[i] = l.inOrder(c, now, size, r)
		}
	}
	if chance(r, c.Corrupt) {
		counts.Damaged++
		f.damage = true
	}
	return f
}

// inOrder returns when a packet of that size arrives: not before those sent earlier under the same conditions. Once the
// conditions are others, a packet may overtake, as after a change of route.
func (l *link) inOrder(c Conditions, now time.Time, size int, r *rand.Rand) time.Time {
	at := l.through(c, now, size).Add(c.Delay + upTo(r, c.Jitter))
	if c == l.seen {
		at = notBefore(at, l.last)
	}
	l.seen, l.last = c, at
	return at
}

// late returns when a packet arrives that others may overtake.
func (l *link) late(c Conditions, now time.Time, size int, r *rand.Rand) time.Time {
	return l.through(c, now, size).Add(c.Delay + c.Jitter + upTo(r, max(c.Delay, minLateness)))
}

// through returns when the packet has passed the bottleneck.
func (l *link) through(c Conditions, now time.Time, size int) time.Time {
	if c.Rate <= 0 {
		return now
	}
	l.free = notBefore(now, l.free).Add(time.Duration(size) * time.Second / time.Duration(c.Rate))
	return l.free
}

// backlog returns how many bytes wait at the bottleneck.
func (l *link) backlog(now time.Time, rate int) int {
	return int(max(0, l.free.Sub(now)).Seconds() * float64(rate))
}

func (c Conditions) queue() int {
	if c.Queue == 0 {
		return defaultQueue
	}
	return c.Queue
}

// notBefore returns t, or the bound where t is earlier.
func notBefore(t, bound time.Time) time.Time {
	if t.Before(bound) {
		return bound
	}
	return t
}

func chance(r *rand.Rand, p float64) bool { return p > 0 && r.Float64() < p }

func upTo(r *rand.Rand, d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(r.Int64N(int64(d) + 1))
}

// flipped returns a copy of data with one bit flipped.
func flipped(data []byte, r *rand.Rand) []byte {
	damaged := append([]byte(nil), data...)
	if len(damaged) > 0 {
		damaged[r.IntN(len(damaged))] ^= 1 << r.IntN(8)
	}
	return damaged
}
