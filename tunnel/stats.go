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

	// Of the streams, those that are UDP flows.
	Flows         int    // of others, that are open here now
	FlowsOpened   uint64 // by Open
	FlowsAccepted uint64
	FlowsExpired  uint64 // of others, that nobody used any more and nobody ended

	DatagramsDropped uint64 // of flows, that were too many, or too old when their turn came; quic-go doesn't count what it drops
	DatagramsStray   uint64 // that came for no flow, or a flow that was over
}

// counters are what Stats is made of.
type counters struct {
	opened, failed, hedged, accepted, dropped atomic.Uint64
	flowsOpened, flowsAccepted, flowsExpired  atomic.Uint64
	datagramsDropped, stray                   atomic.Uint64

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
	flows := 0
	e.mu.RLock()
	for _, p := range e.peers {
		flows += int(p.incoming.flows.Load())
	}
	e.mu.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{
		Flows: flows, FlowsOpened: c.flowsOpened.Load(), FlowsAccepted: c.flowsAccepted.Load(), FlowsExpired: c.flowsExpired.Load(),
		DatagramsDropped: c.datagramsDropped.Load(), DatagramsStray: c.stray.Load(),
		Opened: c.opened.Load(), Failed: c.failed.Load(), Hedged: c.hedged.Load(),
		Accepted: c.accepted.Load(), Dropped: c.dropped.Load(),
		Refused: maps.Clone(c.refused),
	}
}
