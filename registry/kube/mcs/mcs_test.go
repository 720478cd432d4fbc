package mcs

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
)

var (
	shopWeb = registry.ServiceName{Namespace: "shop", Name: "web"}
	webVIP  = registry.VIPName{Service: shopWeb}
)

// exportOf is an export by a ServiceExport that is a number of seconds old.
func exportOf(since int64, change ...func(*registry.Export)) *registry.Export {
	e := &registry.Export{
		Service: shopWeb, Visibility: registry.Federated, Reach: registry.ThroughGateway, Affinity: registry.Local, Ready: 1, Since: since,
		Ports: []registry.Port{{Name: "tcp", Port: 42, Protocol: registry.TCP}, {Name: "udp", Port: 42, Protocol: registry.UDP}},
		MCS:   &registry.MCS{SessionAffinity: "None", IPFamilies: []string{"IPv4"}},
	}
	for _, c := range change {
		c(e)
	}
	return e
}

func TestMCSLifecycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		east, west := newMCSCluster(t, "east", "shop"), newMCSCluster(t, "west", "shop")
		m := newMCSMesh(east, west)
		both := []*cluster{east, west}
		for _, c := range both {
			c.run()
		}

		east.serviceExport(shopWeb)
		pass(time.Second)
		require.Equal(t, meta.ConditionTrue, east.condition(shopWeb, mcs.ServiceExportConditionValid).Status)
		require.Equal(t, "Pending", east.condition(shopWeb, mcs.ServiceExportConditionReady).Reason)

		m.export("east", shopWeb, exportOf(1))
		pass(time.Second)
		require.Equal(t, "Exported", east.condition(shopWeb, mcs.ServiceExportConditionReady).Reason)
		require.Equal(t, "NoConflicts", east.condition(shopWeb, mcs.ServiceExportConditionConflict).Reason)
		for _, c := range both {
			i := c.imported(shopWeb)
			require.Equal(t, mcs.ClusterSetIP, i.Spec.Type)
			require.Empty(t, i.Spec.IPs, "its VIP isn't placed")
			require.Equal(t, "Pending", i.Status.Conditions[0].Reason)
			require.Equal(t, mcs.EndpointSliceObjectsAbsent, i.Status.EndpointSliceObjects)
		}

		east.place(webVIP, "10.0.0.7")
		west.place(webVIP, "10.1.0.8")
		pass(time.Second)
		for c, ip := range map[*cluster]string{east: "10.0.0.7", west: "10.1.0.8"} {
			i := c.imported(shopWeb)
			require.Equal(t, []string{ip}, i.Spec.IPs)
			require.Equal(t, meta.ConditionTrue, i.Status.Conditions[0].Status)
			require.Equal(t, mcs.EndpointSliceObjectsPresent, i.Status.EndpointSliceObjects)
			require.Equal(t, []mcs.ClusterStatus{{Cluster: "east"}}, i.Status.Clusters)
			require.Len(t, c.slices("shop"), 1)
		}

		west.serviceExport(shopWeb)
		m.export("west", shopWeb, exportOf(2, func(e *registry.Export) { e.Headless, e.Ports = true, e.Ports[:1] }))
		pass(time.Second)
		for _, c := range both {
			conflict := c.condition(shopWeb, mcs.ServiceExportConditionConflict)
			require.Equal(t, meta.ConditionTrue, conflict.Status)
			require.Equal(t, "PortConflict,TypeConflict", conflict.Reason)
			require.Equal(t, `Ports differ: "east" exported first and counts; 1 of 2 clusters disagrees (west). `+
				`Some are headless and some aren't: "east" exported first and counts; 1 of 2 clusters disagrees (west).`, conflict.Message)
			require.Equal(t, []mcs.ClusterStatus{{Cluster: "east"}, {Cluster: "west"}}, c.imported(shopWeb).Status.Clusters)
			require.Len(t, c.slices("shop"), 2)
		}

		m.export("east", shopWeb, nil)
		pass(time.Second)
		require.Equal(t, mcs.Headless, west.imported(shopWeb).Spec.Type, "west's word counts now")
		require.Empty(t, west.imported(shopWeb).Spec.IPs)
		require.Equal(t, "NoConflicts", west.condition(shopWeb, mcs.ServiceExportConditionConflict).Reason)

		m.export("west", shopWeb, nil)
		pass(4 * time.Second)
		require.NotNil(t, west.imported(shopWeb), "not yet")
		pass(2 * time.Second)
		for _, c := range both {
			require.Nil(t, c.imported(shopWeb))
			require.Empty(t, c.slices("shop"))
			require.Zero(t, c.mcs.Stats().Failed)
		}
		settled := east.writes()
		pass(5 * time.Minute)
		require.Equal(t, settled, east.writes(), "what is as wanted isn't written")
	})
}
