package imports

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
)

func TestObjectNameIsReadableAndValid(t *testing.T) {
	long := strings.Repeat("a", 62) + "z"
	seen := map[string]bool{}
	for _, row := range []struct {
		name   registry.VIPName
		begins string
	}{
		{vipName("web"), "gv-web-shop-"},
		{vipName("8web"), "gv-8web-shop-"},
		{registry.VIPName{Service: importedWeb.Service, Cluster: "east"}, "gv-east-web-shop-"},
		{registry.VIPName{Service: importedWeb.Service, Cluster: "east", Hostname: "web-0"}, "gv-web-0-east-web-shop-"},
		{registry.VIPName{Service: registry.ServiceName{Namespace: "web-shop", Name: "east"}}, "gv-east-web-shop-"},
		{vipName(long), "gv-aaaaaaaa"},
		{registry.VIPName{Service: registry.ServiceName{Namespace: long, Name: long}}, "gv-aaaaaaaa"},
		{registry.VIPName{Service: vipName(strings.Repeat("b", 50) + "-b").Service}, "gv-bbbb"}, // cut behind a hyphen
	} {
		object := objectName(row.name)
		require.True(t, strings.HasPrefix(object, row.begins), object)
		require.Empty(t, validation.IsDNS1035Label(object), object)
		require.Empty(t, validation.IsDNS1123Subdomain(ownSliceName(object, long, true, 100)))
		require.False(t, seen[object], object)
		require.Equal(t, row.name, nameFromLabels(derivedLabels(row.name)))
		seen[object] = true
	}
}

// TestWhatIsWrittenIsReadTheSame sends objects through an API server's server-side apply, with all that they can have, and
// takes parts of them away again.
func TestWhatIsWrittenIsReadTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		w := newWriter(l.client, ourNamespace)
		port := func(p registry.Port, app string) derivedPort {
			return derivedPort{portName(p.Number()), p.Number(), app}
		}
		host := registry.VIPName{Service: importedWeb.Service, Cluster: "east", Hostname: "web-0"}
		for _, service := range []*derived{
			{ports: []derivedPort{port(udp(53), ""), port(tcp(53), "http"), port(tcp(80), "kubernetes.io/h2c")}},
			{ports: []derivedPort{port(tcp(53), "")}, affinity: SessionAffinity{ClientIP: true, Seconds: 60}},
			{ports: []derivedPort{port(tcp(53), ""), port(tcp(81), "")}},
		} {
			service.object, service.name = objectName(host), host
			slices.SortFunc(service.ports, compareDerivedPorts)
			written, _, err := w.make(t.Context(), &change{verb: apply, service: service})
			require.NoError(t, err)
			require.Equal(t, host, written.name)
			require.True(t, written.same(service))
		}
		for _, s := range []*slice{
			{object: "v4", addrs: addrs("10.0.0.1", "10.0.0.2"), ports: []slicePort{{"tcp-80", tcp(8080).Number()}, {"udp-53", udp(5353).Number()}}},
			{object: "v4", addrs: addrs("10.0.0.3"), ports: []slicePort{{"tcp-81", tcp(8080).Number()}}},
			{object: "v6", v6: true, addrs: addrs("fd00::1"), ports: []slicePort{{"tcp-80", tcp(8080).Number()}}},
		} {
			s.service, s.gateway = objectName(host), "grapevine-0"
			_, written, err := w.make(t.Context(), &change{verb: apply, slice: s})
			require.NoError(t, err)
			require.True(t, written.same(s))
		}
		require.Equal(t, map[Write]uint64{{"Service", "apply"}: 3, {"EndpointSlice", "apply"}: 3}, w.writes)
	})
}

func TestWhatIsOurs(t *testing.T) {
	ours := func() *corev1.Service {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: webObject, Labels: derivedLabels(importedWeb)}}
	}
	for _, row := range []struct {
		what    string
		change  func(*corev1.Service)
		foreign bool
	}{
		{"what we wrote is ours", func(*corev1.Service) {}, false},
		{"with others' labels it still is", func(s *corev1.Service) { s.Labels["team"] = "shop" }, false},
		{"what somebody else manages isn't", func(s *corev1.Service) { s.Labels[kube.LabelManagedBy] = "Helm" }, true},
		{"nor what has no labels", func(s *corev1.Service) { s.Labels = nil }, true},
		{"nor what Grapevine's chart made", func(s *corev1.Service) { delete(s.Labels, labelService) }, true},
		{"nor what is called otherwise", func(s *corev1.Service) { s.Name = "grapevine-0" }, true},
		{"nor what says that it is another name's", func(s *corev1.Service) { s.Labels[labelService] = "dns" }, true},
	} {
		service := ours()
		row.change(service)
		require.Equal(t, row.foreign, readDerived(service).foreign, row.what)
	}
}

func TestASliceThatSomebodyMeddledWithIsOdd(t *testing.T) {
	yes, name, number, tcp := true, "tcp-80", int32(80), corev1.ProtocolTCP
	ours := func() *discoveryv1.EndpointSlice {
		return &discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Labels: sliceLabels(&slice{service: webObject, gateway: "grapevine-0"})},
			AddressType: discoveryv1.AddressTypeIPv4,
			Ports:       []discoveryv1.EndpointPort{{Name: &name, Port: &number, Protocol: &tcp}},
			Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}}},
		}
	}
	require.False(t, readSlice(ours()).odd)
	no, zero := false, int32(0)
	for what, change := range map[string]func(*discoveryv1.EndpointSlice){
		"no port number":    func(e *discoveryv1.EndpointSlice) { e.Ports[0].Port = nil },
		"port 0":            func(e *discoveryv1.EndpointSlice) { e.Ports[0].Port = &zero },
		"not ready":         func(e *discoveryv1.EndpointSlice) { e.Endpoints[0].Conditions.Ready = &no },
		"no address":        func(e *discoveryv1.EndpointSlice) { e.Endpoints[0].Addresses = nil },
		"not an address":    func(e *discoveryv1.EndpointSlice) { e.Endpoints[0].Addresses[0] = "web" },
		"a label is absent": func(e *discoveryv1.EndpointSlice) { delete(e.Labels, kube.LabelManagedBy) },
	} {
		e := ours()
		change(e)
		require.True(t, readSlice(e).odd, what)
		require.False(t, readSlice(e).foreign, what)
	}
	e := ours()
	delete(e.Labels, discoveryv1.LabelManagedBy)
	require.True(t, readSlice(e).foreign)
}
