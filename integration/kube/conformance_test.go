package kube

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/integration/kube/testcluster"
)

// TestConformance holds what the Multi-Cluster Services API's own suite asks of an implementation, so far as objects show it:
// its specs 1 to 17, under the suite's names. The others ask DNS, or send packets.
func TestConformance(t *testing.T) {
	w := newWorld(t, "east", "west")
	for i, spec := range []struct {
		name string
		of   func(*fixture)
	}{
		{"02 Required: a ServiceImport exists as long as there is an exporting cluster", func(f *fixture) {
			f.hello(f.east)
			f.hello(f.west)
			f.export(f.east)
			f.everywhere(func(i *v1beta1.ServiceImport) bool { return true })
			f.export(f.west)
			f.eventually(func() bool { return f.imported(f.east) != nil && len(f.imported(f.east).Status.Clusters) == 2 }, "two clusters export it")
			f.unexport(f.east)
			f.eventually(func() bool { return f.imported(f.west) != nil && len(f.imported(f.west).Status.Clusters) == 1 }, "one exports it still")
			f.never(func() bool { return f.imported(f.east) == nil || f.imported(f.west) == nil }, "it is gone")
			f.unexport(f.west)
			f.nowhere()
		}},
		{"01 Required: an unexported service is not accessible, 03 Required: ClusterIP becomes ClusterSetIP in each cluster", func(f *fixture) {
			f.hello(f.east)
			f.never(func() bool { return f.imported(f.east) != nil || f.imported(f.west) != nil }, "it is imported")
			f.export(f.east)
			f.condition(f.east, "Valid", metav1.ConditionTrue, "Valid")
			f.condition(f.east, "Ready", metav1.ConditionTrue, "Exported")
			f.everywhere(func(i *v1beta1.ServiceImport) bool { return i.Spec.Type == v1beta1.ClusterSetIP })
			f.unexport(f.east)
			f.nowhere()
		}},
		{"04, 05, 06 Required: affinity, internal traffic policy and traffic distribution are copied", func(f *fixture) {
			local, close := corev1.ServiceInternalTrafficPolicyLocal, corev1.ServiceTrafficDistributionPreferSameZone
			f.hello(f.east, func(s *corev1.Service) {
				s.Spec.InternalTrafficPolicy, s.Spec.TrafficDistribution = &local, &close
			})
			f.export(f.east)
			f.everywhere(func(i *v1beta1.ServiceImport) bool {
				return i.Spec.SessionAffinity == corev1.ServiceAffinityClientIP && *i.Spec.SessionAffinityConfig.ClientIP.TimeoutSeconds == 10 &&
					*i.Spec.InternalTrafficPolicy == local && *i.Spec.TrafficDistribution == close
			})
		}},
		{"07 Required: an IP is allocated, and families stand in the order of the IPs", func(f *fixture) {
			f.hello(f.east)
			f.export(f.east)
			f.everywhere(func(i *v1beta1.ServiceImport) bool {
				for n, ip := range i.Spec.IPs {
					if v6 := netip.MustParseAddr(ip).Is6(); len(i.Spec.IPs) != len(i.Spec.IPFamilies) || v6 != (i.Spec.IPFamilies[n] == corev1.IPv6Protocol) {
						return false
					}
				}
				return len(i.Spec.IPs) > 0
			})
		}},
		{"08 Required: ports match", func(f *fixture) {
			h2c := "kubernetes.io/h2c"
			f.hello(f.east, func(s *corev1.Service) { s.Spec.Ports[0].AppProtocol = &h2c })
			f.export(f.east)
			f.everywhere(func(i *v1beta1.ServiceImport) bool {
				return portsOf(i) == "tcp 42/TCP kubernetes.io/h2c, udp 42/UDP"
			})
		}},
		{"09 Required: the union of ports, and the conflict, on both", func(f *fixture) {
			f.both(func(s *corev1.Service) {
				s.Spec.Ports = []corev1.ServicePort{s.Spec.Ports[0], {Name: "stcp", Port: 142, Protocol: corev1.ProtocolSCTP}}
			})
			f.everywhere(func(i *v1beta1.ServiceImport) bool { return portsOf(i) == "tcp 42/TCP, udp 42/UDP, stcp 142/SCTP" })
			f.conflict("PortConflict")
		}},
		{"10 Required: conflicting ports are the oldest's, and both are told", func(f *fixture) {
			f.both(func(s *corev1.Service) { s.Spec.Ports = []corev1.ServicePort{{Name: "tcp", Port: 43}} })
			f.everywhere(func(i *v1beta1.ServiceImport) bool { return portsOf(i) == "tcp 42/TCP, udp 42/UDP" })
			f.conflict("PortConflict")
		}},
		{"11, 12 Required: a headless service becomes Headless in each cluster, without an IP", func(f *fixture) {
			f.hello(f.east, headless)
			f.export(f.east)
			f.everywhere(func(i *v1beta1.ServiceImport) bool { return i.Spec.Type == v1beta1.Headless })
			f.never(func() bool { return len(f.imported(f.east).Spec.IPs)+len(f.imported(f.west).Spec.IPs) > 0 }, "it has an IP")
			f.unexport(f.east)
			f.nowhere()
		}},
		{"13 Required: ExternalName isn't valid, and not imported", func(f *fixture) {
			f.hello(f.east, func(s *corev1.Service) {
				s.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "example.com"}
			})
			f.export(f.east)
			f.condition(f.east, "Valid", metav1.ConditionFalse, "InvalidServiceType")
			f.never(func() bool { return f.imported(f.east) != nil || f.imported(f.west) != nil }, "it is imported")
		}},
		{"14 Required: headless against ClusterIP is the oldest's, and both are told", func(f *fixture) {
			f.both(headless)
			f.everywhere(func(i *v1beta1.ServiceImport) bool { return i.Spec.Type == v1beta1.ClusterSetIP })
			f.conflict("TypeConflict")
		}},
		{"15, 16 Optional: only exported labels and annotations are propagated, the oldest's, and both are told", func(f *fixture) {
			f.hello(f.east)
			f.export(f.east, func(e *v1beta1.ServiceExport) {
				e.Labels, e.Annotations = map[string]string{"own": "true"}, map[string]string{"own": "true"}
				e.Spec.ExportedLabels, e.Spec.ExportedAnnotations = map[string]string{"l": "true"}, map[string]string{"a": "true"}
			})
			f.everywhere(func(i *v1beta1.ServiceImport) bool {
				return i.Labels["l"] == "true" && i.Annotations["a"] == "true" && i.Labels["own"] == "" && i.Annotations["own"] == "" && i.Labels["dummy"] == ""
			})
			time.Sleep(1100 * time.Millisecond) // creation times are in seconds
			f.hello(f.west)
			f.export(f.west, func(e *v1beta1.ServiceExport) {
				e.Spec.ExportedLabels, e.Spec.ExportedAnnotations = map[string]string{"l2": "true"}, map[string]string{"a2": "true"}
			})
			f.conflict("LabelsConflict,AnnotationsConflict")
			f.everywhere(func(i *v1beta1.ServiceImport) bool { return i.Labels["l"] == "true" && i.Labels["l2"] == "" })
		}},
		{"17 Optional: EndpointSlices with the labels in each cluster, of each family, until it isn't exported", func(f *fixture) {
			f.hello(f.east)
			f.east.Run(testcluster.Pod{
				Namespace: f.namespace, Name: "hello-0", Labels: map[string]string{"app": "hello"}, Addrs: f.east.addrs("hello", 0),
			})
			f.export(f.east)
			f.everywhere(func(*v1beta1.ServiceImport) bool { return true })
			for _, s := range w.all {
				f.eventually(func() bool { return len(f.slices(s)) == len(f.imported(s).Spec.IPFamilies) }, "%s has slices of each family", s.name)
			}
			f.unexport(f.east)
			f.nowhere()
			for _, s := range w.all {
				f.eventually(func() bool { return len(f.slices(s)) == 0 }, "%s has no slices any more", s.name)
			}
		}},
	} {
		t.Run(spec.name, func(t *testing.T) {
			f := &fixture{t: t, w: w, east: w.all[0], west: w.all[1], namespace: fmt.Sprintf("conformance-%d", i)}
			f.east.Namespace(f.namespace)
			f.west.Namespace(f.namespace)
			spec.of(f)
		})
	}
}

// fixture is what a spec has: a namespace in both clusters.
type fixture struct {
	t          *testing.T
	w          *world
	east, west *site
	namespace  string
}

// calm is how long something has to stay away.
const calm = 2 * time.Second

func headless(s *corev1.Service) { s.Spec.ClusterIP = corev1.ClusterIPNone }

// hello makes the service that the suite deploys.
func (f *fixture) hello(s *site, changes ...func(*corev1.Service)) {
	f.t.Helper()
	seconds, dual := int32(10), corev1.IPFamilyPolicyPreferDualStack
	made := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "hello", Labels: map[string]string{"dummy": "dummy"}, Annotations: map[string]string{"dummy": "dummy"}},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "hello"}, IPFamilyPolicy: &dual,
			Ports:           []corev1.ServicePort{{Name: "tcp", Port: 42}, {Name: "udp", Port: 42, Protocol: corev1.ProtocolUDP}},
			SessionAffinity: corev1.ServiceAffinityClientIP, SessionAffinityConfig: &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: &seconds}},
		},
	}
	for _, change := range changes {
		change(made)
	}
	create(f.t, s.Cluster, f.namespace, made)
}

func (f *fixture) export(s *site, changes ...func(*v1beta1.ServiceExport)) {
	f.t.Helper()
	made := &v1beta1.ServiceExport{ObjectMeta: metav1.ObjectMeta{Name: "hello"}}
	for _, change := range changes {
		change(made)
	}
	_, err := s.mcs.MulticlusterV1beta1().ServiceExports(f.namespace).Create(f.t.Context(), made, metav1.CreateOptions{})
	require.NoError(f.t, err)
}

func (f *fixture) unexport(s *site) {
	f.t.Helper()
	require.NoError(f.t, s.mcs.MulticlusterV1beta1().ServiceExports(f.namespace).Delete(f.t.Context(), "hello", metav1.DeleteOptions{}))
}

// both has east export hello, and then west another that differs.
func (f *fixture) both(change func(*corev1.Service)) {
	f.t.Helper()
	f.hello(f.east)
	f.export(f.east)
	f.everywhere(func(*v1beta1.ServiceImport) bool { return true })
	time.Sleep(1100 * time.Millisecond) // creation times are in seconds
	f.hello(f.west, change)
	f.export(f.west)
}

func (f *fixture) imported(s *site) *v1beta1.ServiceImport {
	f.t.Helper()
	found, err := s.mcs.MulticlusterV1beta1().ServiceImports(f.namespace).Get(f.t.Context(), "hello", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	require.NoError(f.t, err)
	return found
}

// slices returns the names of the slices that a cluster's own clients would use, each of which has endpoints.
func (f *fixture) slices(s *site) (names []string) {
	f.t.Helper()
	list, err := s.Client().DiscoveryV1().EndpointSlices(f.namespace).List(f.t.Context(), metav1.ListOptions{
		LabelSelector: v1beta1.LabelServiceName + "=hello," + v1beta1.LabelSourceCluster + "=east,endpointslice.kubernetes.io/managed-by!=endpointslice-controller.k8s.io",
	})
	require.NoError(f.t, err)
	for _, slice := range list.Items {
		if len(slice.Endpoints) > 0 {
			names = append(names, slice.Name)
		}
	}
	return names
}

func (f *fixture) everywhere(as func(*v1beta1.ServiceImport) bool) {
	f.t.Helper()
	for _, s := range f.w.all {
		f.eventually(func() bool {
			found := f.imported(s)
			return found != nil && as(found)
		}, "the import of %s is as it should be", s.name)
	}
}

func (f *fixture) nowhere() {
	f.t.Helper()
	for _, s := range f.w.all {
		f.eventually(func() bool { return f.imported(s) == nil }, "%s imports it no more", s.name)
	}
}

func (f *fixture) condition(s *site, kind string, status metav1.ConditionStatus, reason string) {
	f.t.Helper()
	f.eventually(func() bool {
		export, err := s.mcs.MulticlusterV1beta1().ServiceExports(f.namespace).Get(f.t.Context(), "hello", metav1.GetOptions{})
		require.NoError(f.t, err)
		found := meta.FindStatusCondition(export.Status.Conditions, kind)
		return found != nil && found.Status == status && found.Reason == reason
	}, "%s of the export of %s is %s: %s", kind, s.name, status, reason)
}

func (f *fixture) conflict(reason string) {
	f.t.Helper()
	for _, s := range f.w.all {
		f.condition(s, "Conflict", metav1.ConditionTrue, reason)
	}
}

func (f *fixture) eventually(condition func() bool, what string, args ...any) {
	f.t.Helper()
	eventually(f.t, condition, what, args...)
}

// never looks for a while.
func (f *fixture) never(condition func() bool, what string) {
	f.t.Helper()
	for end := time.Now().Add(calm); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		require.False(f.t, condition(), what)
	}
}

// portsOf writes an import's ports in words.
func portsOf(i *v1beta1.ServiceImport) (words string) {
	for n, port := range i.Spec.Ports {
		if n > 0 {
			words += ", "
		}
		words += fmt.Sprintf("%s %d/%s", port.Name, port.Port, port.Protocol)
		if port.AppProtocol != nil {
			words += " " + *port.AppProtocol
		}
	}
	return words
}
