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

// findPort answers the SRV record of one port: the service's own name, or, where clients reach the endpoints of a
// headless export themselves, the name of each.
func (r *resolver) findPort(t target, known registry.Service, owner string, rrtype uint16) found {
	offers := slices.DeleteFunc(offersOf(t, known), func(o registry.Offer) bool { return portOf(t, o) == 0 })
	if len(offers) == 0 {
		return found{existence: absent}
	}
	var ways []registry.Candidate // a cluster whose export lacks the port is no way to it
	for _, way := range r.directory.Route(t.vipName(), r.self, r.pick) {
		if offeredBy(way.Cluster, offers) {
			ways = append(ways, way)
		}
	}
	if len(ways) == 0 {
		return found{existence: unserved}
	}
	f := found{existence: served}
	if rrtype != dns.TypeSRV {
		return f
	}
	if !flat(offersOf(t, known)) {
		f.answer = []dns.RR{r.srv(owner, portOf(t, offers[0]), r.zone.serviceName(t))}
		f.extra = r.both(r.zone.serviceName(t), append(r.vip(t, dns.TypeA), r.vip(t, dns.TypeAAAA)...)...)
		return f
	}
	f.answer, f.extra = r.flatPort(t, offers, ways, owner)
	return f
}

// flatPort answers for a flat export, out of the first-ranked cluster: the name of each endpoint, where all have one, and
// otherwise the service's.
func (r *resolver) flatPort(t target, offers []registry.Offer, ways []registry.Candidate, owner string) (answer, extra []dns.RR) {
	first := offers[slices.IndexFunc(offers, func(o registry.Offer) bool { return o.Cluster == ways[0].Cluster })]
	number := portOf(t, first)
	endpoints := rotate(first.Export.Endpoints, r.pick)
	hosts := target{service: t.service, cluster: first.Cluster}
	if len(endpoints) == 0 || slices.ContainsFunc(endpoints, func(e registry.Endpoint) bool { return r.zone.hostName(hosts, e) == "" }) {
		name := r.zone.serviceName(t)
		return []dns.RR{r.srv(owner, number, name)}, r.both(name, addrsOf(endpoints)...)
	}
	for _, endpoint := range endpoints {
		name := r.zone.hostName(hosts, endpoint)
		if !slices.ContainsFunc(answer, func(rr dns.RR) bool { return rr.(*dns.SRV).Target == name }) {
			answer = append(answer, r.srv(owner, number, name))
		}
		extra = append(extra, r.both(name, endpoint.Addr)...)
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

func offeredBy(cluster registry.Cluster, offers []registry.Offer) bool {
	return slices.ContainsFunc(offers, func(o registry.Offer) bool { return o.Cluster == cluster })
}

// serviceName is the name of the target's service, or of its cluster's.
func (z *zone) serviceName(t target) string {
	name := t.service.Name + "." + t.service.Namespace + "." + z.name
	if t.cluster != "" {
		return string(t.cluster) + "." + name
	}
	return name
}

// hostName is the name of one endpoint of the target's cluster, or "" where it has none. Four long labels can make it
// longer than a name can be.
func (z *zone) hostName(t target, e registry.Endpoint) string {
	name := e.Hostname + "." + z.serviceName(t)
	if _, ok := dns.IsDomainName(name); !ok || !hasHostname(e) {
		return ""
	}
	return name
}
