package dnsserver

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/grapevine-mesh/grapevine/registry"
)

// srvWeight is given to every SRV record: the targets of one answer are equal. It isn't 0, for which RFC 2782 makes
// clients prefer whichever record they happen to look at first.
const srvWeight = 100

// findProtocol answers for the name between a service and its SRV records. Unnamed ports have none.
func (r *resolver) findProtocol(t target, known registry.Service) found {
	for _, offer := range offersOf(t, known) {
		for _, p := range offer.Export.Ports {
			if p.Protocol == t.protocol && p.Name != "" {
				return found{existence: empty}
			}
		}
	}
	return found{existence: absent}
}

// findPort answers the SRV records of one port. A cluster whose export lacks the port is no way to it.
func (r *resolver) findPort(t target, known registry.Service, owner string, rrtype uint16) found {
	offers := slices.DeleteFunc(offersOf(t, known), func(o registry.Offer) bool { return portOf(t, o) == 0 })
	if len(offers) == 0 {
		return found{existence: absent}
	}
	ways := r.directory.Route(t.vipName(), r.self, r.pick)
	ways = slices.DeleteFunc(ways, func(way registry.Candidate) bool { return !offeredBy(way.Cluster, offers) })
	if len(ways) == 0 {
		return found{existence: unserved}
	}
	f := found{existence: served}
	if rrtype == dns.TypeSRV {
		first, _ := offerOf(ways[0].Cluster, offers)
		f.answer, f.extra = r.portRecords(t, offersOf(t, known), offers, first, owner)
	}
	return f
}

// portRecords answers for a port out of the first-ranked cluster, where clients are to reach its endpoints one by one: the
// name of each endpoint, where all have one. Otherwise it is the service's name, whatever that stands for.
func (r *resolver) portRecords(t target, all, withPort []registry.Offer, first registry.Offer, owner string) (answer, extra []dns.RR) {
	if flat(all) || first.Export.Headless {
		if answer, extra = r.hostRecords(t, first, owner); len(answer) > 0 {
			return answer, extra
		}
	}
	name := r.zone.serviceName(t)
	if flat(all) {
		return []dns.RR{r.srv(owner, targetOf(t, first), name)}, r.both(name, addrsOf(rotate(first.Export.Endpoints, maxRecords, r.pick))...)
	}
	return []dns.RR{r.srv(owner, portOf(t, withPort[0]), name)}, r.both(name, r.vipPair(t)...)
}

// hostRecords names the hosts of one cluster as targets of SRV records, or none where one of them has no name.
func (r *resolver) hostRecords(t target, offer registry.Offer, owner string) (answer, extra []dns.RR) {
	cluster := target{service: t.service, cluster: offer.Cluster}
	hosts, number := r.hostsOf(cluster, offer), targetOf(t, offer)
	if slices.ContainsFunc(hosts, func(h host) bool { return r.zone.hostName(cluster, h) == "" }) {
		return nil, nil
	}
	for _, h := range rotate(hosts, maxRecords, r.pick) {
		name := r.zone.hostName(cluster, h)
		answer = append(answer, r.srv(owner, number, name))
		extra = append(extra, r.both(name, rotate(h.addrs, maxRecords, r.pick)...)...)
	}
	return answer, extra
}

func (r *resolver) srv(owner string, number uint16, name string) dns.RR {
	return &dns.SRV{Hdr: header(owner, dns.TypeSRV, r.zone.ttl), Weight: srvWeight, Port: number, Target: name}
}

// portOf returns the number of the target's port in an offer, or 0. Where clusters disagree, a federated service takes
// the number of the first cluster by name, which is no better than another, but always the same.
func portOf(t target, offer registry.Offer) uint16 {
	for _, p := range offer.Export.Ports {
		if p.Name == t.port && p.Protocol == t.protocol {
			return p.Port
		}
	}
	return 0
}

// targetOf returns the number by which clients reach the target's port at an offer's hosts.
func targetOf(t target, offer registry.Offer) uint16 {
	return offer.Export.Target(registry.PortNumber{Port: portOf(t, offer), Protocol: t.protocol})
}

func offeredBy(cluster registry.Cluster, offers []registry.Offer) bool {
	_, offered := offerOf(cluster, offers)
	return offered
}

// serviceName is the name of the target's service, or of its cluster's.
func (z *zone) serviceName(t target) string {
	name := t.service.Name + "." + t.service.Namespace + "." + z.services
	if t.cluster != "" {
		return string(t.cluster) + "." + name
	}
	return name
}
