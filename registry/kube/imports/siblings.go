package imports

import (
	"maps"
	"slices"
	"time"
)

// Sibling is what is known of another gateway of this cluster.
type Sibling string

// The states of a sibling. One of which nothing is said is unknown.
const (
	SiblingLive     Sibling = "live"
	SiblingLeaving  Sibling = "leaving"   // it serves what it has, and wants nothing new
	SiblingLinkDown Sibling = "link-down" // it may live
	SiblingDead     Sibling = "dead"      // so says the ring, or it has left
)

// The reasons for removing a gateway's slices.
const (
	reasonLinkDown = "link down"
	reasonDead     = "dead"
	reasonUnknown  = "unknown"
)

// planSiblings removes the slices of dead siblings, as kube-proxies send packets to them until then. A link that goes down
// is reason enough, but only once: a sibling that lives all the same misses its slices, and writes them anew.
//
// The slices of others may be the only ones that have endpoints for a Service: as long as our own aren't in place for one of
// theirs, they are left for a moment longer.
func (s *situation) planSiblings(unsettled map[string]bool) []errand {
	lacking := map[string]bool{}
	for _, there := range s.slices {
		if !there.foreign && there.gateway != s.gateway {
			lacking[there.gateway] = lacking[there.gateway] || unsettled[there.service]
		}
	}
	var errands []errand
	for _, gateway := range slices.Sorted(maps.Keys(lacking)) {
		c := change{verb: clearAll, clear: gateway}
		hold := time.Duration(0)
		if lacking[gateway] {
			hold = standInAfter
		}
		switch state, known := s.siblings[gateway]; {
		case state == SiblingLinkDown && s.fallen[gateway] && s.first():
			c.reason, c.after = reasonLinkDown, hold
		case state == SiblingDead:
			c.reason, c.after = reasonDead, max(hold, s.turn())
		case !known && s.ready:
			c.reason, c.after = reasonUnknown, unheardOf+s.turn()
		default:
			continue
		}
		errands = append(errands, errand{about: "gateway " + gateway + ": " + c.reason, changes: []change{c}})
	}
	return errands
}
