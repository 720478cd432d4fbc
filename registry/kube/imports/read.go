package imports

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// readDerived reads a Service of our namespace. It is ours only if it says so and is called what it would be called.
func readDerived(s *corev1.Service) *derived {
	d := &derived{object: s.Name, name: nameFromLabels(s.Labels), uid: s.UID, source: s}
	if s.Labels[kube.LabelManagedBy] != kube.ManagedBy || d.name.Validate() != nil || objectName(d.name) != s.Name {
		d.foreign = true
		return d
	}
	for _, port := range s.Spec.Ports {
		d.ports = append(d.ports, derivedPort{
			name:        port.Name,
			number:      registry.PortNumber{Port: uint16(port.Port), Protocol: registry.Protocol(port.Protocol)},
			appProtocol: value(port.AppProtocol),
		})
	}
	slices.SortFunc(d.ports, compareDerivedPorts)
	if s.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		d.affinity = SessionAffinity{ClientIP: true, Seconds: defaultAffinitySeconds}
		if c := s.Spec.SessionAffinityConfig; c != nil && c.ClientIP != nil && c.ClientIP.TimeoutSeconds != nil {
			d.affinity.Seconds = *c.ClientIP.TimeoutSeconds
		}
	}
	for _, text := range s.Spec.ClusterIPs {
		if ip, err := netip.ParseAddr(text); err == nil { // or "None"
			d.ips = append(d.ips, ip)
		}
	}
	d.odd = value(s.Spec.IPFamilyPolicy) != corev1.IPFamilyPolicyPreferDualStack ||
		s.Spec.Type != corev1.ServiceTypeClusterIP && s.Spec.Type != "" || len(s.Spec.Selector) > 0
	return d
}

// readSlice reads an EndpointSlice of our namespace. One that isn't quite as we write it is odd, so it is written again.
func readSlice(e *discoveryv1.EndpointSlice) *slice {
	s := &slice{
		object: e.Name, service: e.Labels[discoveryv1.LabelServiceName], gateway: e.Labels[kube.LabelGateway],
		v6: e.AddressType == discoveryv1.AddressTypeIPv6, uid: e.UID, source: e,
	}
	if e.Labels[discoveryv1.LabelManagedBy] != kube.SliceManagedBy || s.gateway == "" || s.service == "" {
		s.foreign = true
		return s
	}
	for _, port := range e.Ports {
		if port.Name == nil || port.Port == nil || port.Protocol == nil || *port.Port <= 0 || *port.Port > 65535 {
			s.odd = true
			continue
		}
		number := registry.PortNumber{Port: uint16(*port.Port), Protocol: registry.Protocol(*port.Protocol)}
		s.ports = append(s.ports, slicePort{*port.Name, number})
	}
	for _, endpoint := range e.Endpoints {
		ready := endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready
		if !ready || len(endpoint.Addresses) != 1 {
			s.odd = true
			continue
		}
		addr, err := netip.ParseAddr(endpoint.Addresses[0])
		if err != nil {
			s.odd = true
			continue
		}
		s.addrs = append(s.addrs, addr)
	}
	slices.SortFunc(s.ports, compareSlicePorts)
	slices.SortFunc(s.addrs, netip.Addr.Compare)
	s.odd = s.odd || !hasAll(e.Labels, sliceLabels(s))
	return s
}

func sliceLabels(s *slice) map[string]string {
	return map[string]string{
		discoveryv1.LabelServiceName: s.service,
		discoveryv1.LabelManagedBy:   kube.SliceManagedBy,
		kube.LabelManagedBy:          kube.ManagedBy,
		kube.LabelGateway:            s.gateway,
	}
}

// hasAll tells whether labels has those that we set. Others may have set theirs.
func hasAll(labels, set map[string]string) bool {
	for key, value := range set {
		if labels[key] != value {
			return false
		}
	}
	return true
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
