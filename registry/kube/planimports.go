package kube

import (
	"cmp"
	"net/netip"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/grapevine-mesh/grapevine/registry"
)

// An Import is what a name of the mesh is in this cluster, apart from where its ports lead.
type Import struct {
	Ports           []registry.Port // those that are carried, ordered by number
	SessionAffinity SessionAffinity
}

// SessionAffinity keeps a client at one endpoint of a Service. The zero value doesn't.
type SessionAffinity struct {
	ClientIP bool
	Seconds  int32 // after its last connection; 1 to 86400
}

// Kubernetes' own bounds: one value beyond them, from wherever, would have the whole Service refused.
const (
	defaultAffinitySeconds = 10800
	maxAffinitySeconds     = 86400
)

// Imports returns what gets a VIP: each federated service, each cluster's mirrored one under the cluster's name, and each
// host of a headless export. What can be reached flat by all needs none, nor does what has no port that is carried.
func Imports(d *registry.Directory) map[registry.VIPName]Import {
	imports := make(map[registry.VIPName]Import)
	for service := range d.Services() {
		union, ok := service.Union(func(e *registry.Export) bool { return e.Reach == registry.ThroughGateway })
		if ok {
			add(imports, registry.VIPName{Service: service.Name}, union.Ports, union.MCS)
		}
		for _, offer := range service.Offers {
			addOffer(imports, service.Name, &offer)
		}
	}
	return imports
}

func addOffer(imports map[registry.VIPName]Import, service registry.ServiceName, offer *registry.Offer) {
	export := &offer.Export
	if export.Reach != registry.ThroughGateway {
		return
	}
	if export.Visibility.Mirrored() {
		add(imports, registry.VIPName{Service: service, Cluster: offer.Cluster}, export.Ports, registry.MCS{})
	}
	for _, endpoint := range export.Endpoints {
		if export.Headless && endpoint.Hostname != "" {
			host := registry.VIPName{Service: service, Cluster: offer.Cluster, Hostname: endpoint.Hostname}
			add(imports, host, export.Ports, registry.MCS{})
		}
	}
}

func add(imports map[registry.VIPName]Import, name registry.VIPName, ports []registry.Port, mcs registry.MCS) {
	var imported Import
	for _, port := range ports {
		if !carried(port) {
			continue
		}
		if len(validation.IsQualifiedName(port.AppProtocol)) > 0 {
			port.AppProtocol = "" // others' word, which the API server would refuse with all the rest
		}
		imported.Ports = append(imported.Ports, port)
	}
	if len(imported.Ports) == 0 {
		return
	}
	slices.SortFunc(imported.Ports, func(a, b registry.Port) int { return comparePorts(a.Number(), b.Number()) })
	if mcs.SessionAffinity == "ClientIP" {
		imported.SessionAffinity = SessionAffinity{ClientIP: true, Seconds: defaultAffinitySeconds}
		if mcs.SessionAffinitySeconds > 0 && mcs.SessionAffinitySeconds <= maxAffinitySeconds {
			imported.SessionAffinity.Seconds = mcs.SessionAffinitySeconds
		}
	}
	imports[name] = imported
}

func carried(port registry.Port) bool {
	return port.Protocol == registry.TCP || port.Protocol == registry.UDP
}

func comparePorts(a, b registry.PortNumber) int {
	return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol))
}

// pods are the endpoints in this cluster of each port of a name.
type pods map[registry.PortNumber][]netip.AddrPort

// localPods returns, for those names whose traffic stays in this cluster, the Pods that it goes to without passing a gateway:
// names of the cluster's own, and federated services of affinity local for which it is the best place now.
func localPods(d *registry.Directory, self registry.Cluster, own []registry.Own, imports map[registry.VIPName]Import) map[registry.VIPName]pods {
	exported := make(map[registry.ServiceName]*registry.Own, len(own))
	for i := range own {
		exported[own[i].Export.Service] = &own[i]
	}
	local := make(map[registry.VIPName]pods)
	for name := range imports {
		if mine := exported[name.Service]; mine != nil && staysHere(d, self, name, &mine.Export) {
			local[name] = podsOf(mine, name.Hostname)
		}
	}
	return local
}

func staysHere(d *registry.Directory, self registry.Cluster, name registry.VIPName, mine *registry.Export) bool {
	if name.Cluster != "" {
		return name.Cluster == self
	}
	if !mine.Visibility.Federated() || mine.Affinity != registry.Local {
		return false
	}
	first := func(uint64) uint64 { return 0 } // nothing is drawn where affinity is local
	ways := d.Route(name, self, first)
	return len(ways) > 0 && ways[0].Cluster == self
}

func podsOf(own *registry.Own, hostname string) pods {
	found := make(pods, len(own.Backends))
	for port, backends := range own.Backends {
		for _, backend := range backends {
			if usable(backend.Addr.Addr()) && backend.Addr.Port() != 0 && (hostname == "" || hostname == backend.Hostname) {
				found[port] = append(found[port], netip.AddrPortFrom(backend.Addr.Addr().Unmap(), backend.Addr.Port()))
			}
		}
		slices.SortFunc(found[port], netip.AddrPort.Compare)
		found[port] = slices.Compact(found[port])
	}
	return found
}

// usable tells whether the API server takes an address as an endpoint.
func usable(addr netip.Addr) bool {
	addr = addr.Unmap()
	return addr.IsValid() && addr.Zone() == "" && !addr.IsUnspecified() && !addr.IsLoopback() &&
		!addr.IsLinkLocalUnicast() && !addr.IsMulticast()
}
