package mcs

import (
	"testing"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// hello is the service that the conformance tests of the Multi-Cluster Services API deploy.
func hello(since int64, change ...func(*registry.Export)) *registry.Export {
	return exportOf(since, append([]func(*registry.Export){func(e *registry.Export) {
		e.MCS = &registry.MCS{SessionAffinity: "ClientIP", SessionAffinitySeconds: 10, InternalTrafficPolicy: "Cluster", IPFamilies: []string{"IPv4"}}
	}}, change...)...)
}

// Those of the 27 conformance specs (sigs.k8s.io/mcs-api/conformance) that are decided here, under the suite's own names.
// The others are decided by DNS and by the way that packets take.
func TestConformance(t *testing.T) {
	type exports = map[registry.Cluster]*registry.Export
	placed := map[registry.VIPName]string{webVIP: "10.0.0.7", hostVIP("east", "web-0"): "10.0.0.8", hostVIP("east", "web-1"): "10.0.0.9"}
	valid := &kube.Verdict{Service: shopWeb, ByExport: true, OK: true}
	imported := func(e exports) *mcs.ServiceImport {
		i, _ := scene{exports: e, vips: placed}.imported()
		return i
	}
	conflicts := func(t *testing.T, e exports, reason string) {
		for cluster := range e {
			c := scene{exports: e}.conditions(cluster, valid)["Conflict"]
			require.Equal(t, meta.ConditionTrue, c.Status, "in %s", cluster)
			require.Equal(t, reason, c.Reason, "in %s", cluster)
		}
	}
	both := func(change ...func(*registry.Export)) exports {
		return exports{"east": hello(1), "west": hello(2, change...)}
	}

	t.Run("01 Required: an unexported service is inaccessible", func(t *testing.T) {
		require.Nil(t, imported(nil))
	})
	t.Run("02 Required: a ServiceImport exists as long as there is an exporting cluster", func(t *testing.T) {
		require.NotNil(t, imported(both()))
		require.NotNil(t, imported(exports{"west": hello(2)}))
		require.Nil(t, imported(nil))
	})
	t.Run("03 Required: ClusterIP becomes ClusterSetIP in each cluster", func(t *testing.T) {
		require.Equal(t, meta.ConditionTrue, scene{}.conditions("east", valid)["Valid"].Status)
		for _, self := range []registry.Cluster{"east", "west", "north"} {
			i, _ := scene{self: self, exports: exports{"east": hello(1)}}.imported()
			require.Equal(t, mcs.ClusterSetIP, i.Spec.Type)
			require.Equal(t, "shop/web", i.Namespace+"/"+i.Name)
		}
	})
	t.Run("04 Required: session affinity", func(t *testing.T) {
		i := imported(exports{"east": hello(1)})
		require.Equal(t, core.ServiceAffinityClientIP, i.Spec.SessionAffinity)
		require.Equal(t, &core.SessionAffinityConfig{ClientIP: &core.ClientIPConfig{TimeoutSeconds: new(int32(10))}}, i.Spec.SessionAffinityConfig)
	})
	t.Run("05 Required: internal traffic policy", func(t *testing.T) {
		i := imported(exports{"east": hello(1, func(e *registry.Export) { e.MCS.InternalTrafficPolicy = "Local" })})
		require.Equal(t, new(core.ServiceInternalTrafficPolicyLocal), i.Spec.InternalTrafficPolicy)
	})
	t.Run("06 Required: traffic distribution", func(t *testing.T) {
		i := imported(exports{"east": hello(1, func(e *registry.Export) { e.MCS.TrafficDistribution = "PreferClose" })})
		require.Equal(t, new("PreferClose"), i.Spec.TrafficDistribution)
		require.Nil(t, imported(exports{"east": hello(1)}).Spec.TrafficDistribution)
	})
	t.Run("07 Required: an IP is allocated, and families stand in the order of the IPs", func(t *testing.T) {
		i := imported(exports{"east": hello(1)})
		require.Equal(t, []string{"10.0.0.7"}, i.Spec.IPs)
		require.Equal(t, []core.IPFamily{core.IPv4Protocol}, i.Spec.IPFamilies)
	})
	t.Run("08 Required: ports match", func(t *testing.T) {
		i := imported(exports{"east": hello(1, func(e *registry.Export) {
			e.Ports = append(e.Ports, registry.Port{Name: "h2c", Port: 80, Protocol: registry.TCP, AppProtocol: "kubernetes.io/h2c"})
		})})
		require.Equal(t, []mcs.ServicePort{
			{Name: "tcp", Port: 42, Protocol: core.ProtocolTCP}, {Name: "udp", Port: 42, Protocol: core.ProtocolUDP},
			{Name: "h2c", Port: 80, Protocol: core.ProtocolTCP, AppProtocol: new("kubernetes.io/h2c")},
		}, i.Spec.Ports)
	})
	t.Run("09 Required: the union of ports, and the conflict, on both", func(t *testing.T) {
		e := both(func(e *registry.Export) {
			e.Ports = []registry.Port{e.Ports[0], {Name: "stcp", Port: 142, Protocol: registry.SCTP}}
		})
		require.Equal(t, []mcs.ServicePort{
			{Name: "tcp", Port: 42, Protocol: core.ProtocolTCP}, {Name: "udp", Port: 42, Protocol: core.ProtocolUDP},
			{Name: "stcp", Port: 142, Protocol: core.ProtocolSCTP},
		}, imported(e).Spec.Ports)
		conflicts(t, e, "PortConflict")
	})
	t.Run("10 Required: conflicting ports are the oldest's, and both are told", func(t *testing.T) {
		e := both(func(e *registry.Export) {
			e.Ports = []registry.Port{{Name: "tcp", Port: 43, Protocol: registry.TCP}}
		})
		require.Equal(t, []mcs.ServicePort{
			{Name: "tcp", Port: 42, Protocol: core.ProtocolTCP}, {Name: "udp", Port: 42, Protocol: core.ProtocolUDP},
		}, imported(e).Spec.Ports)
		conflicts(t, e, "PortConflict")
	})
	t.Run("11 Required: a headless service becomes Headless in each cluster", func(t *testing.T) {
		for _, self := range []registry.Cluster{"east", "west"} {
			i, _ := scene{self: self, exports: exports{"east": hello(1, headless)}, vips: placed}.imported()
			require.Equal(t, mcs.Headless, i.Spec.Type)
		}
	})
	t.Run("12 Required: no IP is allocated for Headless", func(t *testing.T) {
		require.Empty(t, imported(exports{"east": hello(1, headless)}).Spec.IPs)
	})
	t.Run("13 Required: ExternalName isn't valid, and not imported", func(t *testing.T) {
		got := scene{}.conditions("east", &kube.Verdict{Service: shopWeb, ByExport: true, Reason: "InvalidServiceType"})
		require.Equal(t, meta.ConditionFalse, got["Valid"].Status)
		require.Nil(t, imported(nil))
	})
	t.Run("14 Required: headless against ClusterIP is the oldest's, and both are told", func(t *testing.T) {
		e := both(headless)
		require.Equal(t, mcs.ClusterSetIP, imported(e).Spec.Type)
		conflicts(t, e, "TypeConflict")
	})
	t.Run("15 Optional: only exported labels and annotations are propagated", func(t *testing.T) {
		i := imported(exports{"east": hello(1, labelledAs(map[string]string{"l": "true"}, map[string]string{"a": "true"}))})
		require.Equal(t, map[string]string{"l": "true", "app.kubernetes.io/managed-by": "grapevine"}, i.Labels)
		require.Equal(t, "true", i.Annotations["a"])
		require.Len(t, i.Annotations, 2, "and the hash")
	})
	t.Run("16 Optional: conflicting labels and annotations are the oldest's, and both are told", func(t *testing.T) {
		e := exports{
			"east": hello(1, labelledAs(map[string]string{"l": "true"}, map[string]string{"a": "true"})),
			"west": hello(2, labelledAs(map[string]string{"l2": "true"}, map[string]string{"a2": "true"})),
		}
		i := imported(e)
		require.Equal(t, []string{"true", ""}, []string{i.Labels["l"], i.Labels["l2"]})
		require.Equal(t, []string{"true", ""}, []string{i.Annotations["a"], i.Annotations["a2"]})
		conflicts(t, e, "LabelsConflict,AnnotationsConflict")
	})
	t.Run("17 Optional: an EndpointSlice with the labels in each cluster", func(t *testing.T) {
		for _, self := range []registry.Cluster{"east", "west"} {
			_, endpoints := scene{self: self, exports: exports{"east": hello(1)}, vips: placed}.imported()
			require.Len(t, endpoints, 1)
			require.Equal(t, "shop", endpoints[0].Namespace)
			require.Equal(t, map[string]string{
				"multicluster.kubernetes.io/service-name": "web", "multicluster.kubernetes.io/source-cluster": "east",
				"endpointslice.kubernetes.io/managed-by": "grapevine.dev", "app.kubernetes.io/managed-by": "grapevine",
			}, endpoints[0].Labels)
			require.NotEmpty(t, endpoints[0].Endpoints)
		}
	})
	pods := hosts([2]string{"web-0", "10.9.0.1"}, [2]string{"web-1", "10.9.0.2"})
	t.Run("21, 23 Optional, where reach is flat: a headless service's addresses are its Pods', with its ports", func(t *testing.T) {
		_, endpoints := scene{exports: exports{"east": hello(1, headless, flat, hosts([2]string{"", "10.9.0.1"}, [2]string{"", "10.9.0.2"}))}}.imported()
		require.Equal(t, []string{"web from east: 10.9.0.1 10.9.0.2 tcp/TCP udp/UDP"}, slicesTold(endpoints))
		require.EqualValues(t, 42, *endpoints[0].Ports[0].Port)
	})
	t.Run("22 Optional: hosts of a StatefulSet stand in one slice, ready, each with its name", func(t *testing.T) {
		for _, reach := range []func(*registry.Export){headless, flat} {
			_, endpoints := scene{exports: exports{"east": hello(1, headless, reach, pods)}, vips: placed}.imported()
			require.Len(t, endpoints, 1)
			require.Len(t, endpoints[0].Endpoints, 2)
			for i, host := range []string{"web-0", "web-1"} {
				require.True(t, *endpoints[0].Endpoints[i].Conditions.Ready)
				require.Equal(t, host, *endpoints[0].Endpoints[i].Hostname)
			}
		}
	})
	t.Run("26, 27 Optional: a port's endpoints are in the clusters that expose it", func(t *testing.T) {
		_, endpoints := scene{vips: placed, exports: both(func(e *registry.Export) {
			e.Ports = []registry.Port{{Name: "tcp", Port: 43, Protocol: registry.TCP}, {Name: "other", Port: 44, Protocol: registry.TCP}}
		})}.imported()
		require.Equal(t, []string{"web from east: 10.0.0.7 tcp/TCP udp/UDP", "web from west: 10.0.0.7 other/TCP"}, slicesTold(endpoints))
	})
}
