package dnsserver

import (
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
	case nameserver:
		return r.findNameserver(owner, rrtype)
	case version:
		return r.findVersion(owner, rrtype)
	case stem:
		return found{existence: empty}
	case namespace:
		return r.findNamespace(t)
	}
	known, ok := r.directory.Lookup(t.service)
	if !ok {
		return found{existence: absent}
	}
	return r.zone.grammar.find(r, t, known, owner, rrtype)
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

func (r *resolver) findNameserver(owner string, rrtype uint16) found {
	if len(r.zone.addrs) == 0 {
		return found{existence: empty}
	}
	return found{existence: served, answer: addresses(owner, rrtype, r.zone.ttl, r.zone.addrs)}
}

func (r *resolver) findNamespace(t target) found {
	if r.directory.HasNamespace(t.service.Namespace, r.zone.grammar.counts) {
		return found{existence: empty}
	}
	return found{existence: absent}
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
