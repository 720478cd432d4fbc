package imports

import (
	"hash/fnv"
	"net/netip"
	"slices"

	"github.com/grapevine-mesh/grapevine/registry"
)

// maxAddrs is how many addresses we put into one slice, as Kubernetes' own controller does. A slice can have 1000; but one
// Pod that comes or goes has its slice sent to every node.
const maxAddrs = 100

// contents puts endpoints into as few slices as can hold them: all addresses of a slice have the same ports, so those that
// have other ports, or the same under other numbers, need a slice of their own.
func (e endpoints) contents() []*slice {
	var groups []*slice // few: there is seldom a second
	for at, ports := range e.byAddress() {
		slices.SortFunc(ports, compareSlicePorts)
		i := slices.IndexFunc(groups, func(g *slice) bool { return g.v6 == at.addr.Is6() && slices.Equal(g.ports, ports) })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &slice{v6: at.addr.Is6(), ports: ports})
		}
		groups[i].addrs = append(groups[i].addrs, at.addr)
	}
	var all []*slice
	for _, group := range groups {
		slices.SortFunc(group.addrs, netip.Addr.Compare)
		all = append(all, group.split()...)
	}
	slices.SortFunc(all, compareContents)
	return all
}

// A place is an address. One that has a port of the Service under two numbers has two places.
type place struct {
	addr netip.Addr
	turn int
}

func (e endpoints) byAddress() map[place][]slicePort {
	ports := map[place][]slicePort{}
	for at, addrs := range e {
		addrs = slices.SortedFunc(slices.Values(addrs), netip.AddrPort.Compare)
		turns := map[netip.Addr]int{}
		for _, addr := range slices.Compact(addrs) {
			p := place{addr.Addr(), turns[addr.Addr()]}
			turns[p.addr]++
			ports[p] = append(ports[p], slicePort{at.port, registry.PortNumber{Port: addr.Port(), Protocol: at.of}})
		}
	}
	return ports
}

// split shares the addresses out to slices that are small enough. Which one an address is in depends on itself and on how
// many slices there are, so one that comes or goes changes one slice.
func (s *slice) split() []*slice {
	for n := uint32(1); ; n *= 2 {
		parts := make([]*slice, n)
		fits := true
		for _, addr := range s.addrs {
			hash := fnv.New32a()
			_, _ = hash.Write(addr.AsSlice())
			i := hash.Sum32() % n
			if parts[i] == nil {
				parts[i] = &slice{v6: s.v6, ports: s.ports}
			}
			parts[i].addrs = append(parts[i].addrs, addr)
			fits = fits && len(parts[i].addrs) <= maxAddrs
		}
		if fits {
			return slices.DeleteFunc(parts, func(part *slice) bool { return part == nil })
		}
	}
}

func compareContents(a, b *slice) int {
	switch {
	case !a.v6 && b.v6:
		return -1
	case a.v6 && !b.v6:
		return 1
	}
	if c := slices.CompareFunc(a.ports, b.ports, compareSlicePorts); c != 0 {
		return c
	}
	return slices.CompareFunc(a.addrs, b.addrs, netip.Addr.Compare)
}
