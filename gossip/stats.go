package gossip

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Stats are counters since the start.
type Stats struct {
	Dropped        uint64             // packets that had to be given up, in either direction
	StreamsRefused uint64             // streams that peers opened beyond the bounds
	Refused        map[Refusal]uint64 // announcements of members that were not believed
}

type counters struct {
	dropped, streams atomic.Uint64

	mu      sync.Mutex
	refused map[Refusal]uint64
	logged  map[complaint]bool
}

// complaint is what is logged once: liars repeat themselves.
type complaint struct {
	name   string
	reason Refusal
}

// maxComplaints bounds what is remembered as logged; the names in it are anybody's.
const maxComplaints = 256

// refuse counts an announcement that was not believed, and logs it the first time.
func (r *Ring) refuse(name string, reason Refusal) {
	c := &r.stats
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.refused, c.logged = make(map[Refusal]uint64), make(map[complaint]bool)
	}
	c.refused[reason]++
	if reason == UnknownKey || len(c.logged) == maxComplaints || c.logged[complaint{name, reason}] {
		return
	}
	c.logged[complaint{name, reason}] = true
	r.cfg.Log.Warn().Str("gateway", name[:min(len(name), maxLogText)]).Str("reason", string(reason)).Msg("announcement of a member refused")
}

// Stats returns the counters.
func (r *Ring) Stats() Stats {
	r.stats.mu.Lock()
	defer r.stats.mu.Unlock()
	return Stats{Dropped: r.stats.dropped.Load(), StreamsRefused: r.stats.streams.Load(), Refused: maps.Clone(r.stats.refused)}
}
