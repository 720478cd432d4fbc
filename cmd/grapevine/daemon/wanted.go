package daemon

import (
	"slices"

	"github.com/grapevine-mesh/grapevine/registry"
)

// wanted returns the names that need a VIP, with their ports: what is reached through gateways. Each host of a headless
// export has a name of its own. With everyService, federated services that are reached without gateways have one as well,
// for there are clients that only know VIPs.
func wanted(directory *registry.Directory, everyService bool) map[registry.VIPName][]registry.Port {
	names := make(map[registry.VIPName][]registry.Port)
	add := func(name registry.VIPName, ports []registry.Port) {
		for _, port := range ports {
			known := slices.ContainsFunc(names[name], func(p registry.Port) bool { return p.Number() == port.Number() })
			if !known && port.Protocol != registry.SCTP {
				names[name] = append(names[name], port)
			}
		}
	}
	for service := range directory.Services() {
		for _, offer := range service.Offers {
			e := &offer.Export
			gateway := e.Reach == registry.ThroughGateway
			if e.Visibility.Federated() && (gateway || everyService && e.MCS != nil && !e.Headless) {
				add(registry.VIPName{Service: service.Name}, e.Ports)
			}
			if e.Visibility.Mirrored() && gateway {
				add(registry.VIPName{Service: service.Name, Cluster: offer.Cluster}, e.Ports)
			}
			for _, host := range e.Endpoints {
				if e.Headless && gateway && host.Hostname != "" {
					add(registry.VIPName{Service: service.Name, Cluster: offer.Cluster, Hostname: host.Hostname}, e.Ports)
				}
			}
		}
	}
	return names
}
