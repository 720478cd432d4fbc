package dnsserver

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/grapevine-mesh/grapevine/registry"
)

// existence is what can be said of a name.
type existence int

const (
	never    existence = iota // no export can have this name
	absent                    // nothing of this name, nor below it, is exported
	unplaced                  // it is exported, and has no address here yet: soon it will
	unserved                  // it is exported, or a name below it is, and nothing can be answered now
	empty                     // names below it exist, and it never has records of its own
	served                    // it has records
)

// found is the outcome of looking a name up: records for the question, where there are some of its type.
type found struct {
	existence existence
	answer    []dns.RR
	extra     []dns.RR
}

// resolver turns a target into records, from one directory. It decides, and touches nothing else: same directory, same
// question, same random numbers, same records.
type resolver struct {
	zone      *zone
	self      registry.Cluster
	directory Directory
	vips      VIPs
	pick      func(n uint64) uint64
}

// find looks up what a name stands for. Owner is the name as it was asked, in its own case.
func (r *resolver) find(t target, owner string, rrtype uint16) found {
	switch t.kind {
	case impossible:
		return found{existence: never}
	case apex:
		return r.findApex(owner, rrtype)
	case namespace:
		return r.findNamespace(t, owner, rrtype)
	}
	known, ok := r.directory.Lookup(t.service)
	switch {
	case !ok:
		return found{existence: absent}
	case t.kind == hostname:
		return r.findHostname(t, known, owner, rrtype)
	case t.kind == protocol:
		return r.findProtocol(t, known)
	case t.kind == port:
		return r.findPort(t, known, owner, rrtype)
	}
	return r.findService(t, known, owner, rrtype)
}

func (r *resolver) findApex(owner string, rrtype uint16) found {
	f := found{existence: served}
	switch rrtype {
	case dns.TypeSOA:
		f.answer = []dns.RR{r.zone.soa(owner, uint32(r.directory.Generation()))}
	case dns.TypeNS:
		f.answer = []dns.RR{r.zone.ns(owner)}
		f.extra = r.both(r.zone.nameserver, r.zone.addrs...)
	}
	return f
}

func (r *resolver) findNamespace(t target, owner string, rrtype uint16) found {
	switch {
	case t.service.Namespace == nameserverLabel:
		if len(r.zone.addrs) == 0 {
			return found{existence: empty}
		}
		return found{existence: served, answer: addresses(owner, rrtype, r.zone.ttl, r.zone.addrs)}
	case r.directory.HasNamespace(t.service.Namespace):
		return found{existence: empty}
	}
	return found{existence: absent}
}

// findService answers the addresses of a federated service, or of one cluster's.
func (r *resolver) findService(t target, known registry.Service, owner string, rrtype uint16) found {
	offers := offersOf(t, known)
	if len(offers) == 0 {
		return r.belowOnly(t, known)
	}
	ways := r.directory.Route(t.vipName(), r.self, r.pick)
	if len(ways) == 0 {
		return found{existence: unserved}
	}
	if !flat(offers) && len(r.vipPair(t)) == 0 {
		return found{existence: unplaced}
	}
	addrs := r.reachable(t, offers, ways, rrtype)
	return found{existence: served, answer: addresses(owner, rrtype, r.zone.ttl, addrs)}
}

// belowOnly is what a service's name is worth where only names below it exist: those of clusters below the federated
// name, or those of hosts below a cluster's.
func (r *resolver) belowOnly(t target, known registry.Service) found {
	if t.cluster == "" {
		return found{existence: unserved}
	}
	offer, _ := offerOf(t.cluster, known.Offers)
	if slices.ContainsFunc(offer.Export.Endpoints, func(e registry.Endpoint) bool { return e.Hostname != "" }) {
		return found{existence: unserved}
	}
	return found{existence: absent}
}

// offersOf returns the offers that stand under the target's service name: the federated ones, or the one that the
// target's cluster mirrors.
func offersOf(t target, known registry.Service) []registry.Offer {
	var offers []registry.Offer
	for _, offer := range known.Offers {
		if t.cluster == "" && offer.Export.Visibility.Federated() ||
			t.cluster == offer.Cluster && offer.Export.Visibility.Mirrored() {
			offers = append(offers, offer)
		}
	}
	return offers
}

// offerOf returns one cluster's offer.
func offerOf(cluster registry.Cluster, offers []registry.Offer) (registry.Offer, bool) {
	for _, offer := range offers {
		if offer.Cluster == cluster {
			return offer, true
		}
	}
	return registry.Offer{}, false
}
