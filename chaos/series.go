package chaos

import "time"

// Series is what one observer saw, over time, in slots of equal width. When an experiment outgrows it, neighbouring slots
// are merged and the width doubles: the memory stays the same and a drawing loses nothing that it could show.
type Series struct {
	Begin time.Time
	Width time.Duration
	Slots []Slot
	kinds int
}

// Slot is one interval of a [Series]: requests that were meant to start in it.
type Slot struct {
	Served  []uint32 // answers by cluster
	Errors  uint32
	Slowest time.Duration
}

// Slots are fine enough at first to show the time that a failover takes, and enough for three screens' pixels.
const (
	firstWidth = 100 * time.Millisecond
	maxSlots   = 2048
)

func newSeries(begin time.Time, clusters int) Series {
	return Series{Begin: begin, Width: firstWidth, kinds: clusters}
}

func (s *Series) add(sample *Sample, server int) {
	at := sample.Intended.Sub(s.Begin)
	for int(at/s.Width) >= maxSlots {
		s.halve()
	}
	for int(at/s.Width) >= len(s.Slots) {
		s.Slots = append(s.Slots, Slot{Served: make([]uint32, s.kinds)})
	}
	slot := &s.Slots[at/s.Width]
	slot.Slowest = max(slot.Slowest, sample.Latency())
	if sample.Err != nil {
		slot.Errors++
		return
	}
	slot.Served[server]++
}

func (s *Series) halve() {
	half := s.Slots[:0]
	for i := 0; i < len(s.Slots); i += 2 {
		slot := s.Slots[i]
		if i+1 < len(s.Slots) {
			slot.merge(s.Slots[i+1])
		}
		half = append(half, slot)
	}
	s.Slots = half
	s.Width *= 2
}

func (s *Slot) merge(next Slot) {
	for i, n := range next.Served {
		s.Served[i] += n
	}
	s.Errors += next.Errors
	s.Slowest = max(s.Slowest, next.Slowest)
}

// Series returns what an observer has seen so far.
func (t *Tally) Series(observer string) Series {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.observers[observer].series
	copied := s
	copied.Slots = make([]Slot, len(s.Slots))
	for i, slot := range s.Slots {
		copied.Slots[i] = slot
		copied.Slots[i].Served = append([]uint32(nil), slot.Served...)
	}
	return copied
}
