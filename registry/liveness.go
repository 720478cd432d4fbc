package registry

import (
	"maps"
	"time"
)

// LinkState is this gateway's own opinion of the way to another one.
type LinkState string

// The states of a link.
const (
	LinkUp      LinkState = "up"
	LinkSuspect LinkState = "suspect" // used when no other is up
	LinkDown    LinkState = "down"
)

// Liveness is what is known of a gateway apart from what it exports. The zero value is a gateway that can't serve.
type Liveness struct {
	Alive    bool // a member of the ring
	Synced   bool // everything was compared with it since it came, or came back
	Draining bool
	Link     LinkState
	RTT      time.Duration // over the link; 0: not measured
}

// serves tells whether new connections may go to the gateway.
func (l Liveness) serves() bool {
	return l.Alive && l.Synced && !l.Draining && (l.Link == LinkUp || l.Link == LinkSuspect)
}

// sameLiveness tells whether the directory stays as it is: RTTs that moved by less than an eighth change no ranking worth
// a new snapshot.
func sameLiveness(a, b map[Gateway]Liveness) bool {
	return maps.EqualFunc(a, b, func(x, y Liveness) bool {
		moved := (x.RTT - y.RTT).Abs()
		near := moved <= max(x.RTT, y.RTT)/8 && (x.RTT == 0) == (y.RTT == 0)
		x.RTT, y.RTT = 0, 0
		return x == y && near
	})
}
