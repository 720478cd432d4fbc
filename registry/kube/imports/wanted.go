package imports

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

// Imports returns what gets a VIP ([registry.Directory.Wanted]).
func Imports(d *registry.Directory, every bool) map[registry.VIPName]Import {
	imports := make(map[registry.VIPName]Import)
	for name, ports := range d.Wanted(every) {
		imported := Import{Ports: slices.Clone(ports)}
		for i := range imported.Ports {
			if len(validation.IsQualifiedName(imported.Ports[i].AppProtocol)) > 0 {
				imported.Ports[i].AppProtocol = "" // others' word, which the API server would refuse with all the rest
			}
		}
		slices.SortFunc(imported.Ports, func(a, b registry.Port) int { return comparePorts(a.Number(), b.Number()) })
		if name.Cluster == "" {
			imported.SessionAffinity = affinityOf(d, name.Service)
		}
		imports[name] = imported
	}
	return imports
}

// affinityOf returns the session affinity that the oldest of a federated service's exports asks for.
func affinityOf(d *registry.Directory, name registry.ServiceName) SessionAffinity {
	service, _ := d.Lookup(name)
	union, _ := service.Union(func(*registry.Export) bool { return true })
	if union.MCS == nil || union.MCS.SessionAffinity != "ClientIP" {
		return SessionAffinity{}
	}
	seconds := union.MCS.SessionAffinitySeconds
	if seconds <= 0 || seconds > maxAffinitySeconds {
		seconds = defaultAffinitySeconds
	}
	return SessionAffinity{ClientIP: true, Seconds: seconds}
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
