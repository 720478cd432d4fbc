package imports

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/grapevine-mesh/grapevine/registry"
)

// A spot is what endpoints are wanted for: one port of a derived Service, in one family of addresses.
type spot struct {
	v6   bool
	port string // its name
	of   registry.Protocol
}

// endpoints are where each spot leads.
type endpoints map[spot][]netip.AddrPort

// planSlices says what has to become of this gateway's slices of a derived Service.
func (s *situation) planSlices(t task, own []*slice) []change {
	wanted := s.endpoints(t)
	kept, takes := wanted.withFormer(own)
	if changes := s.differ(t, own, kept); len(changes) > 0 || takes == "" || !s.ready {
		return changes
	}
	changes := s.differ(t, own, wanted)
	for i := range changes {
		changes[i].reason, changes[i].takes, changes[i].after = "has unwanted ports", takes, takeAway
	}
	return changes
}

// endpoints returns where this gateway sends the packets of a derived Service: to Pods of this cluster, where those are to
// take them, or to itself, where it listens for them. Each port is a matter of its own, and so is each family.
func (s *situation) endpoints(t task) endpoints {
	if t.answers != nil {
		return s.answering(t.answers)
	}
	found := endpoints{}
	for _, port := range t.imports.Ports {
		number := port.Number()
		for _, v6 := range []bool{false, true} {
			at := spot{v6, portName(number), number.Protocol}
			for _, pod := range s.local[t.name][number] {
				if pod.Addr().Is6() == v6 {
					found[at] = append(found[at], pod)
				}
			}
			listen := s.fronts[t.name][number]
			if len(found[at]) > 0 || listen == 0 {
				continue
			}
			for _, ip := range s.podIPs {
				if ip.Is6() == v6 {
					found[at] = append(found[at], netip.AddrPortFrom(ip, listen))
				}
			}
		}
	}
	return found
}

// withFormer returns the endpoints with those that spots have now which would have none, and says which spots these are.
func (e endpoints) withFormer(own []*slice) (kept endpoints, takes string) {
	kept = maps.Clone(e)
	var taken []string
	for _, former := range own {
		for _, port := range former.ports {
			at := spot{former.v6, port.name, port.number.Protocol}
			if len(e[at]) > 0 {
				continue
			}
			for _, addr := range former.addrs {
				kept[at] = append(kept[at], netip.AddrPortFrom(addr, port.number.Port))
			}
			taken = append(taken, port.name)
		}
	}
	slices.Sort(taken)
	return kept, strings.Join(slices.Compact(taken), " ")
}
