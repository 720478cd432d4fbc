package dnsserver

import (
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/grapevine-mesh/grapevine/registry"
)

// host is one endpoint of a cluster's export as clients find it. A Pod with two addresses is two endpoints of one host.
type host struct {
	label string       // below its cluster's name; empty: it has none
	addrs []netip.Addr // of both families; none: it has no address here yet
}

// hostsOf returns the hosts of an offer in the order of its endpoints. Clients reach those of a flat export at their own
// addresses, which may overlap with theirs otherwise: then each host has a VIP.
func (r *resolver) hostsOf(service registry.ServiceName, offer registry.Offer) []host {
	var hosts []host
	places := make(map[string]int)
	for _, e := range offer.Export.Endpoints {
		at, known := places[e.Hostname]
		if !known || e.Hostname == "" {
			at, places[e.Hostname] = len(hosts), len(hosts)
			hosts = append(hosts, host{label: e.Hostname})
			if offer.Export.Reach != registry.Flat && e.Hostname != "" {
				hosts[at].addrs = r.vipPair(target{service: service, cluster: offer.Cluster, hostname: e.Hostname})
			}
		}
		if offer.Export.Reach == registry.Flat {
			hosts[at].addrs = append(hosts[at].addrs, e.Addr)
		}
	}
	return hosts
}

// findHostname answers one endpoint of a headless export. Such names exist for federated exports too, as in the MCS API: a
// member of a StatefulSet is meant to be found by its name, and the targets of SRV records need it.
func (r *resolver) findHostname(t target, known registry.Service, owner string, rrtype uint16) found {
	offer, _ := offerOf(t.cluster, known.Offers)
	hosts := r.hostsOf(t.service, only(offer, t.hostname))
	switch {
	case len(hosts) == 0:
		return found{existence: absent}
	case !offer.Eligible || offer.Export.Reach != registry.Flat && !offer.Export.Headless:
		return found{existence: unserved}
	case len(hosts[0].addrs) == 0:
		return found{existence: unplaced}
	}
	return found{existence: served, answer: addresses(owner, rrtype, r.zone.ttl, hosts[0].addrs)}
}

// only returns an offer without the endpoints of other hosts.
func only(offer registry.Offer, hostname string) registry.Offer {
	others := func(e registry.Endpoint) bool { return e.Hostname != hostname }
	offer.Export.Endpoints = slices.DeleteFunc(slices.Clone(offer.Export.Endpoints), others)
	return offer
}

// hostRecords names the hosts of one cluster as targets of SRV records, or none where one of them has no name.
func (r *resolver) hostRecords(t target, offer registry.Offer, owner string) (answer, extra []dns.RR) {
	cluster := target{service: t.service, cluster: offer.Cluster}
	hosts := r.hostsOf(t.service, offer)
	if slices.ContainsFunc(hosts, func(h host) bool { return r.zone.hostName(cluster, h) == "" }) {
		return nil, nil
	}
	for _, h := range rotate(hosts, r.pick) {
		name := r.zone.hostName(cluster, h)
		answer = append(answer, r.srv(owner, portOf(t, offer), name))
		extra = append(extra, r.both(name, h.addrs...)...)
	}
	return answer, extra
}

// hostName is the name of one host of the target's cluster, or "" where it has none. Four long labels can make it longer
// than a name can be.
func (z *zone) hostName(t target, h host) string {
	name := h.label + "." + z.serviceName(t)
	if _, ok := dns.IsDomainName(name); !ok || h.label == "" {
		return ""
	}
	return name
}
