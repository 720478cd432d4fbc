package gossip

import (
	"net/netip"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// State is what this gateway believes of a member.
type State string

// The states of a member.
const (
	Alive   State = "alive"
	Suspect State = "suspect" // it didn't answer this gateway's probes, or the ring gave it up a moment ago
	Dead    State = "dead"    // the ring gave it up, and it didn't refute
	Left    State = "left"    // it is gone, and had said farewell
)

// present tells whether the ring counts such a member in.
func (s State) present() bool { return s == Alive || s == Suspect }

// Member is one gateway as this one knows it.
type Member struct {
	Gateway   registry.Gateway
	State     State
	Advertise []netip.AddrPort // where it can be dialled, best first
	Instance  uint64           // grows with every start: a restart too short to be noticed shows here
	Since     time.Time        // when State became what it is
}
