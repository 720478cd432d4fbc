package chart

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// TestSelectorsSelectTheGateways: a Service, policy or budget that selects nothing is silent about it in a cluster.
func TestSelectorsSelectTheGateways(t *testing.T) {
	for name, values := range installations {
		rendered := render(t, gateways, values)
		set := statefulSet(t, rendered)
		pod := set.Spec.Template
		requireSelects(t, set.Spec.Selector, pod.Labels, name)
		for _, budget := range all[*policyv1.PodDisruptionBudget](rendered) {
			requireSelects(t, budget.Spec.Selector, pod.Labels, name)
		}
		for _, policy := range all[*networkingv1.NetworkPolicy](rendered) {
			requireSelects(t, &policy.Spec.PodSelector, pod.Labels, name)
		}
		for _, constraint := range pod.Spec.TopologySpreadConstraints {
			requireSelects(t, constraint.LabelSelector, pod.Labels, name)
		}
		if apart := pod.Spec.Affinity.PodAntiAffinity; apart != nil {
			requireSelects(t, apart.PreferredDuringSchedulingIgnoredDuringExecution[0].PodAffinityTerm.LabelSelector, pod.Labels, name)
		}
		require.Contains(t, rendered, "Service "+set.Spec.ServiceName, name)
	}
}

func requireSelects(t *testing.T, selector *metav1.LabelSelector, pod map[string]string, name string) {
	t.Helper()
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	require.NoError(t, err)
	require.False(t, parsed.Empty(), name)
	require.True(t, parsed.Matches(labels.Set(pod)), "%s: %s doesn't select %v", name, parsed, pod)
}

// TestEachGatewayHasItsServices: one from outside, named as the Pod, which selects that Pod alone, and one for DNS, whose endpoints
// the gateways keep; each leads to ports that the container has.
func TestEachGatewayHasItsServices(t *testing.T) {
	for name, values := range installations {
		rendered := render(t, gateways, values)
		set := statefulSet(t, rendered)
		replicas := strings.Count(fmt.Sprint(projected(t, set)), "-tls")
		for i := range replicas {
			pod := fmt.Sprintf("%s-%d", set.Name, i)
			dns := get[*corev1.Service](t, rendered, fmt.Sprintf("Service %s-dns-%d", set.Name, i))
			require.Equal(t, "dns", dns.Labels["grapevine.dev/role"])
			require.Equal(t, pod, dns.Labels["grapevine.dev/gateway"])
			require.Empty(t, dns.Spec.Selector, name)
			require.Len(t, dns.Spec.Ports, 2)
			for _, port := range dns.Spec.Ports {
				require.EqualValues(t, portNamed(set.Spec.Template.Spec.Containers[0], port.Name), port.TargetPort.IntVal, name)
			}
			if set.Spec.Template.Spec.HostNetwork {
				require.NotContains(t, rendered, "Service "+pod, name)
				continue
			}
			mesh := get[*corev1.Service](t, rendered, "Service "+pod)
			require.True(t, mesh.Spec.PublishNotReadyAddresses, "a gateway must be reached before it is ready")
			require.Equal(t, []string{"mesh", "UDP", "7946"}, []string{mesh.Spec.Ports[0].Name, string(mesh.Spec.Ports[0].Protocol), fmt.Sprint(mesh.Spec.Ports[0].Port)})
			requireLeadsTo(t, mesh, set, pod)
		}
		require.NotContains(t, rendered, fmt.Sprintf("Service %s-dns-%d", set.Name, replicas), name)
	}
}

func projected(t *testing.T, set *appsv1.StatefulSet) []string {
	t.Helper()
	var names []string
	for _, volume := range set.Spec.Template.Spec.Volumes {
		if volume.Projected != nil {
			for _, source := range volume.Projected.Sources {
				names = append(names, source.Secret.Name)
			}
		}
	}
	return names
}

func requireLeadsTo(t *testing.T, service *corev1.Service, set *appsv1.StatefulSet, pod string) {
	t.Helper()
	require.Equal(t, pod, service.Spec.Selector["statefulset.kubernetes.io/pod-name"])
	podLabels := labels.Merge(set.Spec.Template.Labels, labels.Set{"statefulset.kubernetes.io/pod-name": pod})
	require.True(t, labels.SelectorFromSet(service.Spec.Selector).Matches(podLabels))
	requirePorts(t, service, set.Spec.Template.Spec.Containers[0])
}

// requirePorts holds that each port of a Service is a named one of the container, of the same protocol.
func requirePorts(t *testing.T, service *corev1.Service, container corev1.Container) {
	t.Helper()
	for _, port := range service.Spec.Ports {
		require.Contains(t, container.Ports, corev1.ContainerPort{Name: port.TargetPort.StrVal, Protocol: port.Protocol, ContainerPort: portNamed(container, port.TargetPort.StrVal)},
			"%s: port %s", service.Name, port.Name)
	}
}

func portNamed(container corev1.Container, name string) int32 {
	for _, port := range container.Ports {
		if port.Name == name {
			return port.ContainerPort
		}
	}
	return 0
}

func TestAddressesFromOutside(t *testing.T) {
	lab := render(t, gateways, installations["a laboratory"])
	for i, want := range []int32{31000, 31001} {
		service := get[*corev1.Service](t, lab, fmt.Sprintf("Service grapevine-%d", i))
		require.Equal(t, corev1.ServiceTypeNodePort, service.Spec.Type)
		require.Equal(t, want, service.Spec.Ports[0].NodePort)
		require.Equal(t, corev1.ServiceExternalTrafficPolicyCluster, service.Spec.ExternalTrafficPolicy)
	}
	plain := get[*corev1.Service](t, render(t, gateways, "cluster: east"), "Service grapevine-0")
	require.Equal(t, corev1.ServiceTypeLoadBalancer, plain.Spec.Type)
	require.Equal(t, corev1.ServiceExternalTrafficPolicyLocal, plain.Spec.ExternalTrafficPolicy)

	everything := render(t, gateways, installations["everything turned on"])
	first := get[*corev1.Service](t, everything, "Service grapevine-0")
	require.Equal(t, map[string]string{"example.com/all": "yes", "example.com/one": "yes"}, first.Annotations)
	require.Equal(t, "203.0.113.1", first.Spec.LoadBalancerIP)
	require.Equal(t, corev1.ServiceExternalTrafficPolicyCluster, first.Spec.ExternalTrafficPolicy)
	third := get[*corev1.Service](t, everything, "Service grapevine-2")
	require.Equal(t, "no", third.Annotations["example.com/one"])
	require.Empty(t, third.Spec.LoadBalancerIP)
	require.Equal(t, "10.96.0.55", get[*corev1.Service](t, everything, "Service grapevine-dns-2").Spec.ClusterIP)
}

// TestProbesAskTheGatewayAboutItselfAlone: a liveness probe that fails with the network would restart every gateway at once.
func TestProbesAskTheGatewayAboutItselfAlone(t *testing.T) {
	gateway := container(t, render(t, gateways, "cluster: east"))
	require.Equal(t, "/healthz", gateway.LivenessProbe.HTTPGet.Path)
	require.Equal(t, "/healthz", gateway.StartupProbe.HTTPGet.Path)
	require.Equal(t, "/readyz", gateway.ReadinessProbe.HTTPGet.Path)
	for _, probe := range []*corev1.Probe{gateway.LivenessProbe, gateway.StartupProbe, gateway.ReadinessProbe} {
		require.Equal(t, int32(7981), portNamed(gateway, probe.HTTPGet.Port.StrVal))
	}
	require.Nil(t, gateway.Lifecycle, "SIGTERM drains")
}

// TestPolicyLetsInWhatGatewaysServe spells the rules out.
func TestPolicyLetsInWhatGatewaysServe(t *testing.T) {
	rendered := render(t, gateways, "cluster: east")
	policy := get[*networkingv1.NetworkPolicy](t, rendered, "NetworkPolicy grapevine")
	gateway := container(t, rendered)
	var lines []string
	for _, rule := range policy.Spec.Ingress {
		from := "anywhere"
		if len(rule.From) > 0 {
			from = "namespaces " + metav1.FormatLabelSelector(rule.From[0].NamespaceSelector)
		}
		for _, port := range rule.Ports {
			first := port.Port.IntVal
			if port.Port.StrVal != "" {
				first = portNamed(gateway, port.Port.StrVal)
			}
			last := first
			if port.EndPort != nil {
				last = *port.EndPort
			}
			lines = append(lines, fmt.Sprintf("%s %d-%d from %s", *port.Protocol, first, last, from))
		}
	}
	require.Equal(t, []string{
		"UDP 7946-7946 from anywhere",
		"UDP 8053-8053 from namespaces <none>", // all of them
		"TCP 8053-8053 from namespaces <none>",
		"TCP 10000-29999 from namespaces <none>",
		"UDP 10000-29999 from namespaces <none>",
		"TCP 7981-7981 from namespaces kubernetes.io/metadata.name=monitoring",
	}, lines)
	require.Equal(t, []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, policy.Spec.PolicyTypes)
	require.NotContains(t, render(t, gateways, installations["the host's network"]), "NetworkPolicy grapevine")
}

func TestPaused(t *testing.T) {
	rendered := render(t, gateways, "{cluster: east, paused: true}")
	require.Equal(t, int32(0), *statefulSet(t, rendered).Spec.Replicas)
	require.Contains(t, rendered, "Service grapevine-1", "addresses come first")
}
