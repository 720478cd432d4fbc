package tunnel

import (
	"errors"
	"slices"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// way is one gateway that a stream may be opened to, as it is at this moment.
type way struct {
	gateway registry.Gateway
	suspect bool
	rtt     time.Duration
	streams int
}

// cost orders the ways into one cluster: a stream more is a round trip more. The millisecond keeps the RTT from deciding
// alone where all are near.
func (w way) cost() time.Duration { return (w.rtt + time.Millisecond) * time.Duration(w.streams+1) }

// plan is the order in which gateways are tried for one stream. It is pure.
type plan struct {
	clusters []cluster // in the order of their ranks; those that can only be reached over suspect links last
}

type cluster struct {
	name    registry.Cluster
	ways    []way // best first, not tried yet
	pending int   // tries that nobody answered yet
}

// newPlan orders the ways into each cluster by power of two choices: of two at random the cheaper goes first, which
// spreads load without every gateway running after the same best one. Suspect ones come last. The function random
// returns one of 0 to n-1.
func newPlan(clusters []cluster, random func(n int) int) *plan {
	kept := clusters[:0]
	for _, c := range clusters {
		if len(c.ways) == 0 {
			continue
		}
		slices.SortStableFunc(c.ways, func(a, b way) int {
			switch {
			case a.suspect == b.suspect:
				return int(a.cost() - b.cost())
			case a.suspect:
				return 1
			default:
				return -1
			}
		})
		if up := slices.IndexFunc(c.ways, func(w way) bool { return w.suspect }); up != 0 {
			if up < 0 {
				up = len(c.ways)
			}
			choice := min(random(up), random(up)) // sorted by cost: the smaller index is the cheaper
			first := c.ways[choice]
			c.ways = slices.Insert(slices.Delete(c.ways, choice, choice+1), 0, first)
		}
		kept = append(kept, c)
	}
	slices.SortStableFunc(kept, func(a, b cluster) int {
		switch {
		case a.ways[0].suspect == b.ways[0].suspect:
			return 0
		case a.ways[0].suspect:
			return 1
		default:
			return -1
		}
	})
	return &plan{clusters: kept}
}

// next returns the gateway to try now. One in a cluster that leaves a try without an answer comes only after all other
// clusters: a cluster dies as a whole more often than one gateway does.
func (p *plan) next() (way, bool) {
	best := -1
	for i, c := range p.clusters {
		if len(c.ways) > 0 && (best < 0 || c.pending < p.clusters[best].pending) {
			best = i
		}
	}
	if best < 0 {
		return way{}, false
	}
	c := &p.clusters[best]
	w := c.ways[0]
	c.ways = c.ways[1:]
	c.pending++
	return w, true
}

// failed takes note that a try was answered with a failure. Where the whole cluster said no, its other gateways would
// say the same.
func (p *plan) failed(g registry.Gateway, err error) {
	for i := range p.clusters {
		if c := &p.clusters[i]; c.name == g.Cluster {
			c.pending--
			if errors.Is(err, NotExported) || errors.Is(err, NotAllowed) || errors.Is(err, NoEndpoint) {
				c.ways = nil
			}
		}
	}
}
