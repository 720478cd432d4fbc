package dnsserver

import (
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/grapevine-mesh/grapevine/registry"
)

// maxRecords bounds how many addresses, or SRV targets, one answer has: eight A records fit into 512 bytes with room to
// spare, and no client tries more.
const maxRecords = 8

// reachable returns the addresses of one family by which this cluster's clients reach a service: the VIP, unless every
// offer can be reached flat. As long as one of them goes through gateways the VIP is the address that reaches all, and
// which kind of address a name has doesn't change when a cluster dies.
//
// A flat answer is one routing decision: ready endpoints of the first-ranked cluster that has an address of the family.
// The union of all ranked clusters was the alternative; a client takes any address of an answer, so that would ignore
// affinity, priority and weights alike. Spread draws anew for each answer.
func (r *resolver) reachable(t target, offers []registry.Offer, ways []registry.Candidate, rrtype uint16) []netip.Addr {
	if !flat(offers) {
		return r.vip(t, rrtype)
	}
	for _, way := range ways {
		offer, _ := offerOf(way.Cluster, offers)
		if addrs := ofFamily(addrsOf(offer.Export.Endpoints), rrtype); len(addrs) > 0 {
			return rotate(addrs, maxRecords, r.pick)
		}
	}
	return nil
}

func (r *resolver) vip(t target, rrtype uint16) []netip.Addr { return ofFamily(r.vipPair(t), rrtype) }

// vipPair returns the VIPs of a name, of whichever families it has one.
func (r *resolver) vipPair(t target) []netip.Addr {
	v4, v6 := r.vips(t.vipName())
	return slices.DeleteFunc([]netip.Addr{v4, v6}, func(vip netip.Addr) bool { return !vip.IsValid() })
}

// both makes the A and the AAAA records of some addresses, for the additional section.
func (r *resolver) both(owner string, addrs ...netip.Addr) []dns.RR {
	return append(addresses(owner, dns.TypeA, r.zone.ttl, addrs), addresses(owner, dns.TypeAAAA, r.zone.ttl, addrs)...)
}

func flat(offers []registry.Offer) bool {
	return !slices.ContainsFunc(offers, func(o registry.Offer) bool { return o.Export.Reach != registry.Flat })
}

func addrsOf(endpoints []registry.Endpoint) []netip.Addr {
	addrs := make([]netip.Addr, len(endpoints))
	for i, endpoint := range endpoints {
		addrs[i] = endpoint.Addr
	}
	return addrs
}

func ofFamily(addrs []netip.Addr, rrtype uint16) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(addrs), func(addr netip.Addr) bool { return !ofType(addr, rrtype) })
}

// rotate returns at most so many of all, beginning anywhere and wrapping round: each of them comes first equally often, and
// each is in equally many answers.
func rotate[T any](all []T, most int, pick func(n uint64) uint64) []T {
	if len(all) < 2 {
		return all
	}
	first := int(pick(uint64(len(all))))
	return slices.Concat(all[first:], all[:first])[:min(len(all), most)]
}
