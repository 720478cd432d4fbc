package dnsserver

import (
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Bounds of an answer about an imported service. Who asks for a headless one wants to find all its members, so they are more
// than maxRecords: as many A records as fit into 512 bytes below a name of 100. All SRV records of a service are those times
// its ports.
const (
	maxMembers    = 24
	maxSRVRecords = 64
)

// member is what an imported service's name leads to: the service itself, behind its VIP, or a host of a headless one.
type member struct {
	name   string // fully qualified
	addrs  []netip.Addr
	offers []registry.Offer // that it stands for
	direct bool             // the addresses are the only offer's endpoints themselves
}

// takes tells whether a member takes connections to a port. Where clusters disagree about a port, it leads only to those
// that have it.
func (m member) takes(number registry.PortNumber) bool {
	return slices.ContainsFunc(m.offers, func(o registry.Offer) bool {
		return slices.ContainsFunc(o.Export.Ports, func(p registry.Port) bool { return p.Number() == number })
	})
}

// number returns the number by which a member takes a port.
func (m member) number(p registry.Port) uint16 {
	if m.direct {
		return m.offers[0].Export.Target(p.Number())
	}
	return p.Port
}

// members returns what a service's name leads to now, in an order that is the same for every question. Where that is
// nothing, it says what is to be said of the name.
func (i *imported) members() (members []member, otherwise existence) {
	if i.union.Headless {
		return i.hosts()
	}
	t := target{service: i.known.Name}
	ways := i.r.directory.Route(t.vipName(), i.r.self, i.r.pick)
	if len(ways) == 0 {
		return nil, unserved
	}
	offers := offersOf(t, i.known)
	m := member{name: i.r.zone.serviceName(t), addrs: i.r.vipPair(t)}
	m.offers = slices.DeleteFunc(slices.Clone(offers), func(o registry.Offer) bool { return !o.Eligible })
	if len(m.addrs) == 0 && flat(offers) {
		first, _ := offerOf(ways[0].Cluster, offers)
		m.addrs, m.offers, m.direct = addrsOf(first.Export.Endpoints), []registry.Offer{first}, true
	}
	if len(m.addrs) == 0 {
		return nil, unplaced
	}
	return []member{m}, served
}

// hosts returns the hosts of a headless service in all clusters that can be reached, one of each cluster in turn. The hosts
// of a cluster that doesn't list them are behind the service's VIP. Where there are none, the specification wants NXDOMAIN.
func (i *imported) hosts() (members []member, otherwise existence) {
	var byCluster [][]member
	var unlisted []registry.Offer
	for _, offer := range i.headless() {
		listed := i.hostsIn(offer)
		if len(listed) == 0 && offer.Export.Reach != registry.Flat {
			unlisted = append(unlisted, offer)
		}
		byCluster = append(byCluster, listed)
	}
	if len(unlisted) > 0 {
		t := target{service: i.known.Name}
		byCluster = append(byCluster, []member{{name: i.r.zone.serviceName(t), addrs: i.r.vipPair(t), offers: unlisted}})
	}
	all := interleave(byCluster)
	members = slices.DeleteFunc(slices.Clone(all), func(m member) bool { return len(m.addrs) == 0 })
	if len(all) > 0 {
		return members, unplaced
	}
	return nil, absent
}

// hostsIn returns the hosts of one cluster.
func (i *imported) hostsIn(offer registry.Offer) []member {
	var members []member
	cluster := target{service: i.known.Name, cluster: offer.Cluster}
	for _, h := range i.r.hostsOf(cluster, offer) {
		if h.label == "" {
			continue
		}
		name := i.r.zone.hostName(cluster, h)
		if name == "" {
			name = i.r.zone.serviceName(target{service: i.known.Name})
		}
		members = append(members, member{name: name, addrs: h.addrs, offers: []registry.Offer{offer}, direct: offer.Export.Reach == registry.Flat})
	}
	return members
}

// headless returns the offers whose hosts have names: those of a headless service that can serve now.
func (i *imported) headless() []registry.Offer {
	if !i.union.Headless {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(i.known.Offers), func(o registry.Offer) bool {
		return !o.Eligible || !i.r.zone.grammar.counts(&o.Export)
	})
}

// named returns those of the service's ports that have SRV records: not those without a name, nor of a protocol that nothing
// carries.
func (i *imported) named(keep func(registry.Port) bool) []registry.Port {
	return slices.DeleteFunc(slices.Clone(i.union.Ports), func(p registry.Port) bool {
		return p.Name == "" || p.Protocol == registry.SCTP || !keep(p)
	})
}

// addresses returns those of one family. Above the bound it is always the same members that are left out, so that A and AAAA
// are about the same ones (§2.4.1); which comes first changes.
func (i *imported) addresses(members []member, rrtype uint16) []netip.Addr {
	var each [][]netip.Addr
	for _, m := range members {
		if addrs := ofFamily(m.addrs, rrtype); len(addrs) > 0 {
			each = append(each, addrs)
		}
	}
	var all []netip.Addr
	for _, addr := range slices.Concat(rotate(each[:min(len(each), maxMembers)], maxMembers, i.r.pick)...) {
		if !slices.Contains(all, addr) && len(all) < maxMembers {
			all = append(all, addr)
		}
	}
	return all
}

// srv makes the records of some ports. Ports that differ in their protocol alone are one record where the question isn't for
// a protocol, for a set of records has each of them once.
func (i *imported) srv(owner string, members []member, ports []registry.Port) (answer, extra []dns.RR) {
	members = slices.DeleteFunc(slices.Clone(members), func(m member) bool {
		return !slices.ContainsFunc(ports, func(p registry.Port) bool { return m.takes(p.Number()) })
	})
	for _, m := range rotate(members[:min(len(members), maxMembers)], maxMembers, i.r.pick) {
		for _, p := range ports {
			record := i.r.srv(owner, m.number(p), m.name)
			if m.takes(p.Number()) && !slices.ContainsFunc(answer, func(rr dns.RR) bool { return dns.IsDuplicate(rr, record) }) && len(answer) < maxSRVRecords {
				answer = append(answer, record)
			}
		}
		extra = append(extra, i.r.both(m.name, rotate(m.addrs, maxMembers, i.r.pick)...)...)
	}
	return answer, extra
}

// interleave takes one of each list in turn.
func interleave[T any](lists [][]T) []T {
	var all []T
	for n, before := 0, -1; before < len(all); n++ {
		before = len(all)
		for _, list := range lists {
			if n < len(list) {
				all = append(all, list[n])
			}
		}
	}
	return all
}
