package registry

import "slices"

// Wanted returns the names that need a VIP, with the ports that are carried: what is reached through gateways, the hosts of
// headless exports each under a name of its own. With every, federated services that are reached flat have a VIP as well,
// for there are clients that know nothing else.
//
// A federated service has every port number that one of its clusters has; a cluster without it refuses, and the next one
// is tried.
func (d *Directory) Wanted(every bool) map[VIPName][]Port {
	w := wanted{}
	for service := range d.Services() {
		for _, offer := range service.Offers {
			e := &offer.Export
			gateway := e.Reach == ThroughGateway
			if e.Visibility.Federated() && (gateway || every && e.MCS != nil && !e.Headless) {
				w.add(VIPName{Service: service.Name}, e.Ports)
			}
			if e.Visibility.Mirrored() && gateway {
				w.add(VIPName{Service: service.Name, Cluster: offer.Cluster}, e.Ports)
			}
			for _, host := range e.Endpoints {
				if e.Headless && gateway && host.Hostname != "" {
					w.add(VIPName{Service: service.Name, Cluster: offer.Cluster, Hostname: host.Hostname}, e.Ports)
				}
			}
		}
	}
	return w
}

type wanted map[VIPName][]Port

func (w wanted) add(name VIPName, ports []Port) {
	for _, port := range ports {
		known := slices.ContainsFunc(w[name], func(p Port) bool { return p.Number() == port.Number() })
		if !known && port.Protocol != SCTP {
			w[name] = append(w[name], port)
		}
	}
}
