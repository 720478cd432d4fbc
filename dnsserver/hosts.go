package dnsserver

import (
	"net/netip"

	"github.com/miekg/dns"

	"github.com/grapevine-mesh/grapevine/registry"
)

// host is one endpoint of a cluster's export as clients find it. A Pod with two addresses is two endpoints of one host.
type host struct {
	label string       // below its cluster's name; empty: it has none
	addrs []netip.Addr // of both families; none: it has no address here yet
}

// hostsOf returns the hosts of an offer in the order of its endpoints; those of one label, where t has a host name. Clients
// reach the hosts of a flat export at their own addresses. Those of another may overlap with theirs: each host has a VIP.
func (r *resolver) hostsOf(t target, offer registry.Offer) []host {
	var hosts []host
	places := make(map[string]int)
	for _, e := range offer.Export.Endpoints {
		label := r.zone.grammar.hostLabel(offer.Export.Reach, e)
		if t.hostname != "" && t.hostname != label {
			continue
		}
		at, known := places[label]
		if !known || label == "" {
			at, places[label] = len(hosts), len(hosts)
			hosts = append(hosts, host{label: label})
			if offer.Export.Reach != registry.Flat && label != "" {
				hosts[at].addrs = r.vipPair(target{service: t.service, cluster: offer.Cluster, hostname: label})
			}
		}
		if offer.Export.Reach == registry.Flat {
			hosts[at].addrs = append(hosts[at].addrs, e.Addr)
		}
	}
	return hosts
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
