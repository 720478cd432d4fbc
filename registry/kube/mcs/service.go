package mcs

import (
	"net/netip"
	"slices"

	"github.com/grapevine-mesh/grapevine/registry"
)

// imported is one service as the Multi-Cluster Services API shows it in this cluster.
type imported struct {
	name   registry.ServiceName
	offers []registry.Offer // of clusters that federate it and that this cluster may use
	union  registry.Union
	vip    []netip.Addr // IPv4 first; none: not placed yet
}

// importedOf tells what this cluster imports of a service. Clusters that federate it by a label are part of it, since
// the VIP leads to them too; but only a ServiceExport somewhere makes it a matter of this API.
func importedOf(s registry.Service, self registry.Cluster) (imported, bool) {
	s = s.For(self)
	union, ok := s.Union(func(*registry.Export) bool { return true })
	if !ok || union.MCS == nil {
		return imported{}, false
	}
	federated := func(o registry.Offer) bool { return slices.Contains(union.Clusters, o.Cluster) }
	return imported{
		name: s.Name, union: union,
		offers: slices.DeleteFunc(s.Offers, func(o registry.Offer) bool { return !federated(o) }),
	}, true
}

// ports returns those of a cluster's ports that the whole service has too: of ports that collide, traffic goes only to
// clusters that have the one that counts. Gateways carry no SCTP; past them ports have the numbers of the Pods.
func (s *imported) ports(o *registry.Offer, throughGateway bool) []registry.Port {
	var ports []registry.Port
	for _, port := range s.union.Ports {
		switch {
		case !slices.Contains(o.Export.Ports, port) || throughGateway && port.Protocol == registry.SCTP:
			continue
		case !throughGateway:
			port.Port = o.Export.Target(port.Number())
		}
		ports = append(ports, port)
	}
	return ports
}

// hostnames returns the names of the hosts that a cluster offers, each once.
func hostnames(e *registry.Export) []string {
	var names []string
	for _, at := range e.Endpoints {
		if at.Hostname != "" {
			names = append(names, at.Hostname)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
