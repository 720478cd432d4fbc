package tunnel

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Stats are counters since the start.
type Stats struct {
	Opened   uint64             // streams that Open connected, to others or here
	Failed   uint64             // Opens for which no candidate answered
	Hedged   uint64             // further attempts that silence caused
	Accepted uint64             // streams of others that were connected here
	Refused  map[Refusal]uint64 // streams of others that were not
	Dropped  uint64             // packets that were too many, or too old when their turn came
}

// counters are what Stats is made of.
type counters struct {
	opened, failed, hedged, accepted, dropped atomic.Uint64

	mu      sync.Mutex
	refused map[Refusal]uint64
}

func (c *counters) refuse(why Refusal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused[why]++
}

// Stats returns what was counted since the start.
func (e *Endpoint) Stats() Stats {
	c := &e.counters
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{
		Opened: c.opened.Load(), Failed: c.failed.Load(), Hedged: c.hedged.Load(),
		Accepted: c.accepted.Load(), Dropped: c.dropped.Load(),
		Refused: maps.Clone(c.refused),
	}
}
