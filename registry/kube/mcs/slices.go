package mcs

import (
	"fmt"
	"net/netip"
	"slices"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/grapevine-mesh/grapevine/registry"
)

const (
	mcsSliceManagedByLabel = discovery.LabelManagedBy
	maxSliceEndpoints      = 1000 // Kubernetes' own bound
)

// addressOf answers where a name leads in this cluster, IPv4 first, for the slices of one source cluster.
type addressOf func(name registry.VIPName, source registry.Cluster) []netip.Addr

// slices returns the EndpointSlices of a service: for each cluster that can serve it now and for each IP family. What
// they list are addresses that Pods of this cluster can dial with the ports that stand beside them:
//
//	ClusterSetIP                      the VIP itself, so failover and a gateway's restart change nothing here
//	Headless, flat                    the other cluster's Pods
//	Headless, through gateways        a VIP for each host that has a name
//	                                  the service's VIP where no host has one: one way in, as they can't be told apart
//
// Gateways' own addresses would serve nobody: each listens on numbers of its own for each service. unplaced tells that a
// name has no VIP yet.
func (s *imported) slices(address addressOf) (all []*discovery.EndpointSlice, unplaced bool) {
	for i := range s.offers {
		o := &s.offers[i]
		if !o.Eligible {
			continue
		}
		endpoints, throughGateway, missing := s.endpoints(o, address)
		ports := slicePorts(s.ports(o, throughGateway))
		if len(ports) == 0 {
			continue
		}
		unplaced = unplaced || missing
		for _, family := range []discovery.AddressType{discovery.AddressTypeIPv4, discovery.AddressTypeIPv6} {
			of := slices.DeleteFunc(slices.Clone(endpoints), func(at registry.Endpoint) bool { return familyOf(at.Addr) != core.IPFamily(family) })
			all = append(all, s.sliced(o.Cluster, family, of, ports)...)
		}
	}
	return all, unplaced
}

// endpoints returns where this cluster's Pods reach those of a source, whether that is through gateways, and whether some
// of it isn't known yet.
func (s *imported) endpoints(o *registry.Offer, address addressOf) (endpoints []registry.Endpoint, throughGateway, missing bool) {
	if s.union.Headless && o.Export.Reach == registry.Flat && len(o.Export.Endpoints) > 0 {
		return slices.DeleteFunc(slices.Clone(o.Export.Endpoints), unfit), false, false
	}
	hosts := []string{""}
	if named := hostnames(&o.Export); s.union.Headless && len(named) > 0 {
		hosts = named
	}
	for _, host := range hosts {
		name := registry.VIPName{Service: s.name}
		if host != "" {
			name.Cluster, name.Hostname = o.Cluster, host
		}
		addrs := s.vip
		if host != "" || len(addrs) == 0 {
			addrs = address(name, o.Cluster)
		}
		missing = missing || len(addrs) == 0
		for _, addr := range addrs {
			endpoints = append(endpoints, registry.Endpoint{Addr: addr, Hostname: host})
		}
	}
	return endpoints, true, missing
}

// unfit tells whether the API server refuses an address in an EndpointSlice, and with it the whole slice.
func unfit(at registry.Endpoint) bool { return at.Addr.IsLoopback() || at.Addr.IsLinkLocalUnicast() }

func familyOf(addr netip.Addr) core.IPFamily {
	if addr.Unmap().Is4() {
		return core.IPv4Protocol
	}
	return core.IPv6Protocol
}

// sliced puts endpoints into as many slices as they need; mostly one.
func (s *imported) sliced(source registry.Cluster, family discovery.AddressType, endpoints []registry.Endpoint, ports []discovery.EndpointPort) []*discovery.EndpointSlice {
	var all []*discovery.EndpointSlice
	for chunk := range slices.Chunk(endpoints, maxSliceEndpoints) {
		slice := &discovery.EndpointSlice{
			ObjectMeta: meta.ObjectMeta{
				Namespace: s.name.Namespace, Name: sliceName(s.name.Name, source, family, len(all)), Labels: s.sliceLabels(string(source)),
			},
			AddressType: family, Ports: ports,
		}
		for _, at := range chunk {
			endpoint := discovery.Endpoint{Addresses: []string{at.Addr.Unmap().String()}, Conditions: discovery.EndpointConditions{Ready: new(true)}}
			if at.Hostname != "" {
				endpoint.Hostname = new(at.Hostname)
			}
			slice.Endpoints = append(slice.Endpoints, endpoint)
		}
		all = append(all, slice)
	}
	return all
}

// sliceName is one for each service, source and family. The dots keep "a-b" of "c" from being "a" of "b-c".
func sliceName(service string, source registry.Cluster, family discovery.AddressType, chunk int) string {
	number := map[discovery.AddressType]int{discovery.AddressTypeIPv4: 4, discovery.AddressTypeIPv6: 6}[family]
	name := fmt.Sprintf("grapevine.%s.%s.v%d", service, source, number)
	if chunk > 0 {
		name = fmt.Sprintf("%s.%d", name, chunk+1)
	}
	return name
}

// slicePorts writes ports as an EndpointSlice has them. An application protocol that Kubernetes wouldn't take is left out.
func slicePorts(ports []registry.Port) []discovery.EndpointPort {
	var all []discovery.EndpointPort
	for _, port := range ports {
		p := discovery.EndpointPort{
			Name: new(port.Name), Port: new(int32(port.Port)), Protocol: new(core.Protocol(port.Protocol)),
		}
		if port.AppProtocol != "" && len(validation.IsQualifiedName(port.AppProtocol)) == 0 {
			p.AppProtocol = new(port.AppProtocol)
		}
		all = append(all, p)
	}
	return all
}
