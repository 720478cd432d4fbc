package dnsserver

import (
	"slices"

	"github.com/grapevine-mesh/grapevine/registry"
)

// federated is the grammar of Grapevine's own zone.
type federated struct{}

func (federated) stem() string { return "" }

func (federated) parse(labels []string) target { return parseService(labels) }

func (federated) counts(*registry.Export) bool { return true }

func (federated) hostLabel(_ registry.Reach, e registry.Endpoint) string { return e.Hostname }

func (federated) find(r *resolver, t target, known registry.Service, owner string, rrtype uint16) found {
	switch t.kind {
	case hostname:
		return r.findHostname(t, known, owner, rrtype)
	case protocol:
		return r.findProtocol(t, known)
	case port:
		return r.findPort(t, known, owner, rrtype)
	}
	return r.findService(t, known, owner, rrtype)
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

// findHostname answers one endpoint of a headless export. Such names exist for federated exports too, as in the MCS API: a
// member of a StatefulSet is meant to be found by its name, and the targets of SRV records need it.
func (r *resolver) findHostname(t target, known registry.Service, owner string, rrtype uint16) found {
	offer, _ := offerOf(t.cluster, known.Offers)
	hosts := r.hostsOf(t, offer)
	switch {
	case len(hosts) == 0:
		return found{existence: absent}
	case !offer.Eligible || offer.Export.Reach != registry.Flat && !offer.Export.Headless:
		return found{existence: unserved}
	case len(hosts[0].addrs) == 0:
		return found{existence: unplaced}
	}
	addrs := rotate(ofFamily(hosts[0].addrs, rrtype), maxRecords, r.pick)
	return found{existence: served, answer: addresses(owner, rrtype, r.zone.ttl, addrs)}
}
