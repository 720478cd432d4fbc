package tunnel

import "sync/atomic"

// FlowStats are counters of the flows of [Fronts] since the start.
type FlowStats struct {
	Flows   int    // clients that have one now
	Opened  uint64 // for a client each, again where nobody listened at the first
	Failed  uint64 // for which no candidate could be had
	Expired uint64 // because the client and its endpoint were silent
	Refused uint64 // datagrams of clients that were too many, or of a front that goes away
	Dropped uint64 // datagrams that waited for a flow: too many, or for one that couldn't be had
}

type flowCounters struct {
	opened, failed, expired, refused, dropped atomic.Uint64
}

// FlowStats returns what was counted since the start.
func (f *Fronts) FlowStats() FlowStats {
	c := &f.flowCounters
	stats := FlowStats{
		Opened: c.opened.Load(), Failed: c.failed.Load(), Expired: c.expired.Load(), Refused: c.refused.Load(), Dropped: c.dropped.Load(),
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, known := range f.fronts {
		if packets, ok := known.(*packetFront); ok {
			stats.Flows += packets.count()
		}
	}
	return stats
}

func (p *packetFront) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.clients)
}
