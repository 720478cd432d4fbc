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
		federated := slices.ContainsFunc(service.Offers, func(o Offer) bool {
			e := &o.Export
			return e.Visibility.Federated() && (e.Reach == ThroughGateway || every && e.MCS != nil && !e.Headless)
		})
		for _, offer := range service.Offers {
			if federated && offer.Export.Visibility.Federated() {
				w.add(VIPName{Service: service.Name}, offer.Export.Ports)
			}
			if offer.Export.Reach == ThroughGateway {
				w.addCluster(offer.Cluster, &offer.Export)
			}
		}
	}
	return w
}

type wanted map[VIPName][]Port

// addCluster adds the names below a cluster's.
func (w wanted) addCluster(cluster Cluster, e *Export) {
	if e.Visibility.Mirrored() {
		w.add(VIPName{Service: e.Service, Cluster: cluster}, e.Ports)
	}
	for _, host := range e.Endpoints {
		if e.Headless && host.Hostname != "" {
			w.add(VIPName{Service: e.Service, Cluster: cluster, Hostname: host.Hostname}, e.Ports)
		}
	}
}

func (w wanted) add(name VIPName, ports []Port) {
	for _, port := range ports {
		known := slices.ContainsFunc(w[name], func(p Port) bool { return p.Number() == port.Number() })
		if !known && port.Protocol != SCTP {
			w[name] = append(w[name], port)
		}
	}
}
