package tunnel

import (
	"slices"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// LinkState is this gateway's own opinion of the way to another one. It is reversible, and never an opinion on
// membership.
type LinkState string

// The states of a link.
const (
	Up      LinkState = "up"
	Suspect LinkState = "suspect" // beats are overdue: no new stream while another candidate is up
	Down    LinkState = "down"    // no beats for long, or no connection: its streams were reset
)

// ReasonFarewell is the reason of a link that is down because the peer took its leave.
const ReasonFarewell = "farewell"

// Link is a snapshot of the way to one gateway.
type Link struct {
	Gateway    registry.Gateway
	State      LinkState
	Reason     string        // of the last change of state, such as "heartbeat", "farewell" or "restarted"
	RTT        time.Duration // smoothed round trip of beats; 0: not known
	Draining   bool          // the peer takes no new streams
	Since      time.Time     // of the last change of state
	Instance   uint64        // the peer's, as it said in its hello; 0: never connected
	LastOpened time.Time     // when a data stream was last attempted to it; zero: never
	Streams    int           // open data streams, both ways
	Chain      [][]byte      // the peer's certificates in DER, leaf first; nil: never connected
}

// Links returns all links: to every gateway that was learnt or is connected, sorted.
func (e *Endpoint) Links() []Link {
	e.mu.RLock()
	defer e.mu.RUnlock()
	links := make([]Link, 0, len(e.peers))
	for _, p := range e.peers {
		links = append(links, p.snapshot())
	}
	slices.SortFunc(links, func(a, b Link) int { return a.Gateway.Compare(b.Gateway) })
	return links
}
