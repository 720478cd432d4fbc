package imports

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	corev1apply "k8s.io/client-go/applyconfigurations/core/v1"
	discoveryv1apply "k8s.io/client-go/applyconfigurations/discovery/v1"

	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// configuration is what is applied of a derived Service: a ClusterIP without a selector, whose ports are found in our slices
// by their names.
func (d *derived) configuration(namespace string) *corev1apply.ServiceApplyConfiguration {
	spec := corev1apply.ServiceSpec().
		WithType(corev1.ServiceTypeClusterIP).
		WithIPFamilyPolicy(corev1.IPFamilyPolicyPreferDualStack).
		WithSessionAffinity(corev1.ServiceAffinityNone)
	if d.affinity.ClientIP {
		client := corev1apply.ClientIPConfig().WithTimeoutSeconds(d.affinity.Seconds)
		spec.WithSessionAffinity(corev1.ServiceAffinityClientIP).
			WithSessionAffinityConfig(corev1apply.SessionAffinityConfig().WithClientIP(client))
	}
	for _, port := range d.ports {
		p := corev1apply.ServicePort().
			WithName(port.name).WithPort(int32(port.number.Port)).WithProtocol(corev1.Protocol(port.number.Protocol))
		if port.appProtocol != "" {
			p.WithAppProtocol(port.appProtocol)
		}
		spec.WithPorts(p)
	}
	object := corev1apply.Service(d.object, namespace).WithLabels(derivedLabels(d.name)).WithSpec(spec)
	if d.uid != "" {
		object.WithUID(d.uid) // a Service that somebody made in its place since isn't ours to change
	}
	return object
}

// overwriting is the configuration as a merge patch, which replaces a list as a whole.
func (d *derived) overwriting(namespace string) any {
	spec := map[string]any{"ports": d.configuration(namespace).Spec.Ports, "selector": nil}
	return map[string]any{"metadata": map[string]any{"uid": d.uid}, "spec": spec}
}

func (s *slice) configuration(namespace string) *discoveryv1apply.EndpointSliceApplyConfiguration {
	object := discoveryv1apply.EndpointSlice(s.object, namespace).WithLabels(sliceLabels(s))
	object.WithAddressType(discoveryv1.AddressTypeIPv4)
	if s.v6 {
		object.WithAddressType(discoveryv1.AddressTypeIPv6)
	}
	for _, addr := range s.addrs {
		ready := discoveryv1apply.EndpointConditions().WithReady(true)
		object.WithEndpoints(discoveryv1apply.Endpoint().WithAddresses(addr.String()).WithConditions(ready))
	}
	for _, port := range s.ports {
		object.WithPorts(discoveryv1apply.EndpointPort().
			WithName(port.name).WithPort(int32(port.number.Port)).WithProtocol(corev1.Protocol(port.number.Protocol)))
	}
	if s.uid != "" {
		object.WithUID(s.uid)
	}
	return object
}

// selector selects all slices of a gateway.
func selector(gateway string) string {
	return labels.Set{discoveryv1.LabelManagedBy: kube.SliceManagedBy, kube.LabelGateway: gateway}.String()
}
