package imports

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// A nameServer is a Service of the installation, by which the cluster's DNS asks one of the gateways. It has no selector. Each
// gateway keeps itself among the endpoints of its own, and the first that lives among those of gateways that don't, or that
// are about to leave. The cluster's DNS would wait two seconds for each answer that a gateway no longer gives, and try the next
// one only then.
type nameServer struct {
	object  string // the Service's name
	gateway string // whose it is
	ports   []slicePort
}

// readNameServer reads a Service of our namespace; nil where it is none of these.
func readNameServer(s *corev1.Service) *nameServer {
	n := &nameServer{object: s.Name, gateway: s.Labels[kube.LabelGateway]}
	if s.Labels[kube.LabelRole] != kube.RoleDNS || n.gateway == "" || len(s.Spec.Selector) > 0 {
		return nil
	}
	for _, port := range s.Spec.Ports {
		if target := port.TargetPort.IntValue(); target > 0 && target < 1<<16 {
			number := registry.PortNumber{Port: uint16(target), Protocol: registry.Protocol(port.Protocol)}
			n.ports = append(n.ports, slicePort{port.Name, number})
		}
	}
	slices.SortFunc(n.ports, compareSlicePorts)
	return n
}

// answersFor tells whether this gateway is to answer what is asked of a gateway's name server.
func (s *situation) answersFor(n *nameServer) bool {
	if n.gateway == s.gateway {
		return s.serving
	}
	return s.first() && (s.siblings[n.gateway] != SiblingLive || !s.answersItself(n))
}

func (s *situation) answersItself(n *nameServer) bool {
	for _, there := range s.slices {
		if !there.foreign && there.service == n.object && there.gateway == n.gateway && len(there.addrs) > 0 {
			return true
		}
	}
	return false
}

// answering returns the endpoints that this gateway adds to a name server's Service: itself, or nothing.
func (s *situation) answering(n *nameServer) endpoints {
	found := endpoints{}
	if !s.answersFor(n) {
		return found
	}
	for _, port := range n.ports {
		for _, ip := range s.podIPs {
			at := spot{ip.Is6(), port.name, port.number.Protocol}
			found[at] = append(found[at], netip.AddrPortFrom(ip, port.number.Port))
		}
	}
	return found
}
