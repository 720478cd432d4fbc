package mcs

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
)

func headless(e *registry.Export) { e.Headless = true }
func flat(e *registry.Export)     { e.Reach = registry.Flat }
func sctp(e *registry.Export) {
	e.Ports = append(e.Ports[:1:1], registry.Port{Name: "s", Port: 142, Protocol: registry.SCTP})
}

// hosts lists endpoints such as "pod-0=10.0.0.7"; without a name the address alone.
func hosts(all ...[2]string) func(*registry.Export) {
	return func(e *registry.Export) {
		e.Endpoints = nil
		for _, host := range all {
			e.Endpoints = append(e.Endpoints, registry.Endpoint{Addr: netip.MustParseAddr(host[1]), Hostname: host[0]})
		}
	}
}

func hostVIP(cluster registry.Cluster, host string) registry.VIPName {
	return registry.VIPName{Service: shopWeb, Cluster: cluster, Hostname: host}
}

func TestEndpointSlices(t *testing.T) {
	pods := hosts([2]string{"web-0", "10.9.0.1"}, [2]string{"web-1", "10.9.0.2"})
	placed := map[registry.VIPName]string{webVIP: "10.0.0.7", hostVIP("west", "web-0"): "10.0.0.8", hostVIP("west", "web-1"): "10.0.0.9"}
	for _, c := range []struct {
		what       string
		east, west *registry.Export
		vips       map[registry.VIPName]string
		dead       registry.Cluster
		want       []string
	}{
		{"a ClusterSetIP service is at its VIP", nil, exportOf(1), placed, "", []string{"web from west: 10.0.0.7 tcp/TCP udp/UDP"}},
		{"one for each source", exportOf(2), exportOf(1), placed, "", []string{
			"web from east: 10.0.0.7 tcp/TCP udp/UDP", "web from west: 10.0.0.7 tcp/TCP udp/UDP"}},
		{"a dead cluster has none", exportOf(2), exportOf(1), placed, "west", []string{"web from east: 10.0.0.7 tcp/TCP udp/UDP"}},
		{"nor has one without ready endpoints", nil, exportOf(1, func(e *registry.Export) { e.Ready = 0 }), placed, "", nil},
		{"nothing before the VIP is placed", nil, exportOf(1), nil, "", nil},
		{"IPv6", nil, exportOf(1), map[registry.VIPName]string{webVIP: "fd00::7"}, "", []string{"web from west: fd00::7 tcp/TCP udp/UDP"}},
		{"gateways carry no SCTP", nil, exportOf(1, sctp), placed, "", []string{"web from west: 10.0.0.7 tcp/TCP"}},
		{"of colliding ports only those that count", exportOf(1), exportOf(2, func(e *registry.Export) { e.Ports = append(e.Ports[:0:0], e.Ports...); e.Ports[0].Port = 43 }),
			placed, "", []string{"web from east: 10.0.0.7 tcp/TCP udp/UDP", "web from west: 10.0.0.7 udp/UDP"}},
		{"none of whose ports count has no slice", exportOf(1), exportOf(2, func(e *registry.Export) { e.Ports = []registry.Port{{Name: "tcp", Port: 43, Protocol: registry.TCP}} }),
			placed, "", []string{"web from east: 10.0.0.7 tcp/TCP udp/UDP"}},
		{"headless hosts have VIPs", nil, exportOf(1, headless, pods), placed, "", []string{"web from west: web-0=10.0.0.8 web-1=10.0.0.9 tcp/TCP udp/UDP"}},
		{"hosts whose VIP isn't placed are left out", nil, exportOf(1, headless, pods), map[registry.VIPName]string{hostVIP("west", "web-1"): "10.0.0.9"}, "",
			[]string{"web from west: web-1=10.0.0.9 tcp/TCP udp/UDP"}},
		{"headless without names is one way in", nil, exportOf(1, headless), placed, "", []string{"web from west: 10.0.0.7 tcp/TCP udp/UDP"}},
		{"headless and flat are Pods", nil, exportOf(1, headless, flat, pods), placed, "", []string{"web from west: web-0=10.9.0.1 web-1=10.9.0.2 tcp/TCP udp/UDP"}},
		{"flat Pods without names", nil, exportOf(1, headless, flat, hosts([2]string{"", "10.9.0.1"}, [2]string{"", "fd09::1"})), placed, "",
			[]string{"web from west: 10.9.0.1 tcp/TCP udp/UDP", "web from west: fd09::1 tcp/TCP udp/UDP"}},
		{"more flat Pods than are listed", nil, exportOf(1, headless, flat), placed, "", []string{"web from west: 10.0.0.7 tcp/TCP udp/UDP"}},
		{"SCTP to flat Pods", nil, exportOf(1, headless, flat, pods, sctp), placed, "", []string{"web from west: web-0=10.9.0.1 web-1=10.9.0.2 tcp/TCP s/SCTP"}},
		{"addresses that the API server refuses", nil, exportOf(1, headless, flat, hosts([2]string{"", "127.0.0.1"}, [2]string{"", "169.254.0.1"}, [2]string{"", "10.9.0.1"})),
			placed, "", []string{"web from west: 10.9.0.1 tcp/TCP udp/UDP"}},
		{"a cluster that doesn't allow ours", exportOf(2), exportOf(1, func(e *registry.Export) { e.Allow = []registry.Cluster{"north"} }), placed, "",
			[]string{"web from east: 10.0.0.7 tcp/TCP udp/UDP"}},
		{"federated by a label elsewhere too", exportOf(2), exportOf(1, func(e *registry.Export) { e.MCS = nil }), placed, "", []string{
			"web from east: 10.0.0.7 tcp/TCP udp/UDP", "web from west: 10.0.0.7 tcp/TCP udp/UDP"}},
		{"federated by labels alone", nil, exportOf(1, func(e *registry.Export) { e.MCS = nil }), placed, "", nil},
		{"only mirrored elsewhere", exportOf(2), exportOf(1, func(e *registry.Export) { e.Visibility = registry.Mirrored }), placed, "",
			[]string{"web from east: 10.0.0.7 tcp/TCP udp/UDP"}},
	} {
		exports := map[registry.Cluster]*registry.Export{}
		if c.east != nil {
			exports["east"] = c.east
		}
		if c.west != nil {
			exports["west"] = c.west
		}
		_, endpoints := scene{exports: exports, vips: c.vips, dead: c.dead}.imported()
		require.Equal(t, c.want, slicesTold(endpoints), c.what)
	}
}

// TestPortsOfFlatPods: past the gateways Pods are dialled where they listen.
func TestPortsOfFlatPods(t *testing.T) {
	pods := hosts([2]string{"web-0", "10.9.0.1"})
	listening := func(e *registry.Export) { e.Targets = []uint16{8042, 8142} }
	vips := map[registry.VIPName]string{hostVIP("east", "web-0"): "10.0.0.8"}
	_, endpoints := scene{vips: vips, exports: map[registry.Cluster]*registry.Export{
		"west": exportOf(1, headless, flat, pods, listening), "east": exportOf(2, headless, pods),
	}}.imported()
	numbers := map[string][]int32{}
	for _, slice := range endpoints {
		for _, port := range slice.Ports {
			cluster := slice.Labels[mcs.LabelSourceCluster]
			numbers[cluster] = append(numbers[cluster], *port.Port)
		}
	}
	require.Equal(t, map[string][]int32{"west": {8042, 8142}, "east": {42, 42}}, numbers)
}

func TestEndpointSliceStaysWhileVIPsAreUnknown(t *testing.T) {
	exports := map[registry.Cluster]*registry.Export{"west": exportOf(1, headless, hosts([2]string{"web-0", "10.9.0.1"}))}
	_, before := scene{exports: exports, vips: map[registry.VIPName]string{hostVIP("west", "web-0"): "10.0.0.8"}}.imported()
	before[0].Labels["app.kubernetes.io/managed-by"] = "grapevine"
	_, after := scene{exports: exports, facts: facts{slices: before}}.imported()
	require.Equal(t, slicesTold(before), slicesTold(after))

	before[0].Labels["app.kubernetes.io/managed-by"] = "somebody"
	_, after = scene{exports: exports, facts: facts{slices: before}}.imported()
	require.Empty(t, after)
}

func TestImportKeepsItsAddressWhileTheVIPIsUnknown(t *testing.T) {
	exports := map[registry.Cluster]*registry.Export{"west": exportOf(1)}
	before, _ := scene{exports: exports, vips: map[registry.VIPName]string{webVIP: "10.0.0.7"}}.imported()
	after, endpoints := scene{exports: exports, facts: facts{imports: []*mcs.ServiceImport{before}}}.imported()
	require.Equal(t, before.Spec, after.Spec)
	require.Equal(t, []string{"web from west: 10.0.0.7 tcp/TCP udp/UDP"}, slicesTold(endpoints))
}

func TestManyEndpointsAndNames(t *testing.T) {
	s := imported{name: shopWeb}
	many := make([]registry.Endpoint, maxSliceEndpoints+1)
	for i := range many {
		many[i].Addr = netip.AddrFrom4([4]byte{10, 9, byte(i >> 8), byte(i)})
	}
	all := s.sliced("west", discovery.AddressTypeIPv4, many, nil)
	require.Len(t, all, 2)
	require.Equal(t, []string{"grapevine.web.west.v4", "grapevine.web.west.v4.2"}, []string{all[0].Name, all[1].Name})
	require.NotEqual(t, sliceName("a-b", "c", discovery.AddressTypeIPv4, 0), sliceName("a", "b-c", discovery.AddressTypeIPv4, 0))
	long := fmt.Sprintf("%063d", 1)
	require.LessOrEqual(t, len(sliceName(long, registry.Cluster(long), discovery.AddressTypeIPv6, 1)), 253)
}

func TestImportsNeedTheNamespace(t *testing.T) {
	scene := scene{exports: map[registry.Cluster]*registry.Export{"west": exportOf(1)}}
	for what, n := range map[string]*core.Namespace{
		"another":          {ObjectMeta: meta.ObjectMeta{Name: "bank"}},
		"one being erased": {ObjectMeta: meta.ObjectMeta{Name: "shop", DeletionTimestamp: &meta.Time{}}},
		"one terminating":  {ObjectMeta: meta.ObjectMeta{Name: "shop"}, Status: core.NamespaceStatus{Phase: core.NamespaceTerminating}},
	} {
		scene.facts.namespaces = []*core.Namespace{n}
		i, endpoints := scene.imported()
		require.Nil(t, i, what)
		require.Empty(t, endpoints, what)
	}
}
