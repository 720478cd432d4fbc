package mcs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// inEast runs a test in a cluster with the namespace shop, where west exports shop/web.
func inEast(t *testing.T, test func(t *testing.T, east *cluster, m *mesh)) {
	synctest.Test(t, func(t *testing.T) {
		east := newMCSCluster(t, "east", "shop")
		east.place(webVIP, "10.0.0.7")
		m := newMCSMesh(east)
		m.export("west", shopWeb, exportOf(1))
		test(t, east, m)
	})
}

func TestMCSNamespaces(t *testing.T) {
	inEast(t, func(t *testing.T, east *cluster, m *mesh) {
		bank := registry.ServiceName{Namespace: "bank", Name: "web"}
		m.export("west", bank, exportOf(1))
		east.run()
		pass(time.Second)
		require.NotNil(t, east.imported(shopWeb))
		require.Nil(t, east.imported(bank))

		east.namespace("bank")
		pass(time.Second)
		require.NotNil(t, east.imported(bank), "its namespace came later")

		before := east.writes()
		_, err := east.core.CoreV1().Namespaces().Update(context.Background(), &core.Namespace{
			ObjectMeta: meta.ObjectMeta{Name: "bank"}, Status: core.NamespaceStatus{Phase: core.NamespaceTerminating}}, meta.UpdateOptions{})
		require.NoError(t, err)
		require.NoError(t, east.multi.MulticlusterV1beta1().ServiceImports("bank").Delete(context.Background(), "web", meta.DeleteOptions{}))
		pass(time.Minute)
		require.Equal(t, before+1, east.writes(), "the deletion above, and none of ours")
	})
}

func TestMCSLeavesToOthersWhatIsTheirs(t *testing.T) {
	inEast(t, func(t *testing.T, east *cluster, m *mesh) {
		others := &mcs.ServiceImport{ObjectMeta: meta.ObjectMeta{Namespace: "shop", Name: "web"}, Spec: mcs.ServiceImportSpec{Type: mcs.Headless}}
		_, err := east.multi.MulticlusterV1beta1().ServiceImports("shop").Create(context.Background(), others, meta.CreateOptions{})
		require.NoError(t, err)
		east.run()
		pass(5 * time.Minute)
		require.Equal(t, mcs.Headless, east.imported(shopWeb).Spec.Type)
		require.Equal(t, 1, east.mcs.Stats().Foreign)
		require.Equal(t, 1, strings.Count(east.log.String(), "left alone"), "told once")
		m.export("west", shopWeb, nil)
		pass(time.Minute)
		require.NotNil(t, east.imported(shopWeb))
		require.Empty(t, east.slices("shop"), "ours")

		require.NoError(t, east.multi.MulticlusterV1beta1().ServiceImports("shop").Delete(context.Background(), "web", meta.DeleteOptions{}))
		m.export("west", shopWeb, exportOf(1))
		pass(time.Second)
		require.Equal(t, mcs.ClusterSetIP, east.imported(shopWeb).Spec.Type, "the way is free")
	})
}

// A label that is no longer exported goes, and what others put beside ours stays.
func TestMCSAppliesOnlyItsOwnFields(t *testing.T) {
	inEast(t, func(t *testing.T, east *cluster, m *mesh) {
		east.serviceExport(shopWeb)
		m.export("east", shopWeb, exportOf(1, labelledAs(map[string]string{"tier": "front"}, nil)))
		m.export("west", shopWeb, nil)
		east.run()
		pass(time.Second)
		require.Equal(t, "front", east.imported(shopWeb).Labels["tier"])

		imports, exports := east.multi.MulticlusterV1beta1().ServiceImports("shop"), east.multi.MulticlusterV1beta1().ServiceExports("shop")
		i := east.imported(shopWeb)
		i.Labels["theirs"], i.Spec.TrafficDistribution = "yes", new("PreferClose")
		_, err := imports.Update(context.Background(), i, meta.UpdateOptions{FieldManager: "somebody"})
		require.NoError(t, err)
		e, err := exports.Get(context.Background(), "web", meta.GetOptions{})
		require.NoError(t, err)
		e.Status.Conditions = append(e.Status.Conditions, meta.Condition{Type: "Pretty", Status: "True", Reason: "Looks"})
		_, err = exports.Update(context.Background(), e, meta.UpdateOptions{FieldManager: "somebody"})
		require.NoError(t, err)
		before := east.writes()
		pass(10 * time.Minute)
		require.Equal(t, before, east.writes(), "what others add is no reason to write")

		m.export("east", shopWeb, exportOf(1))
		east.judge(kube.Verdict{Service: shopWeb, ByExport: true, OK: true, Message: "As before."})
		pass(time.Second)
		i = east.imported(shopWeb)
		require.NotContains(t, i.Labels, "tier")
		require.Equal(t, "yes", i.Labels["theirs"])
		require.Equal(t, "PreferClose", *i.Spec.TrafficDistribution)
		require.NotNil(t, east.condition(shopWeb, "Pretty"))
		require.Equal(t, "As before.", east.condition(shopWeb, mcs.ServiceExportConditionValid).Message)

		east.judge(kube.Verdict{Service: shopWeb, ByExport: true, Reason: "InvalidServiceType"})
		pass(time.Second)
		require.Nil(t, east.condition(shopWeb, mcs.ServiceExportConditionConflict), "a condition that is no longer ours to state")
		require.NotNil(t, east.condition(shopWeb, "Pretty"))
	})
}

func TestMCSOthersStandIn(t *testing.T) {
	inEast(t, func(t *testing.T, east *cluster, m *mesh) {
		east.first.Store(false)
		east.run()
		pass(2 * time.Second)
		require.Nil(t, east.imported(shopWeb))
		pass(2 * time.Second)
		require.NotNil(t, east.imported(shopWeb))
	})
}

func TestMCSDeadClusterLosesItsSlices(t *testing.T) {
	inEast(t, func(t *testing.T, east *cluster, m *mesh) {
		east.run()
		pass(time.Second)
		require.Len(t, east.slices("shop"), 1)
		before := east.writes()
		for range 10 {
			m.kill("west", true)
			pass(4 * time.Second)
			m.kill("west", false)
			pass(time.Second)
		}
		require.Equal(t, before, east.writes(), "a link that flaps")

		m.kill("west", true)
		pass(7 * time.Second)
		require.Empty(t, east.slices("shop"))
		i := east.imported(shopWeb)
		require.Equal(t, []string{"10.0.0.7"}, i.Spec.IPs, "the import stays")
		require.Equal(t, mcs.EndpointSliceObjectsAbsent, i.Status.EndpointSliceObjects)
		m.kill("west", false)
		pass(time.Second)
		require.Len(t, east.slices("shop"), 1)
	})
}

func TestMCSDeletesNothingBeforeTheDirectoryIsReady(t *testing.T) {
	inEast(t, func(t *testing.T, east *cluster, m *mesh) {
		east.run()
		pass(time.Second)
		m.export("west", shopWeb, nil)
		east.atlas.SetReady(false)
		pass(time.Hour)
		require.NotNil(t, east.imported(shopWeb))
		require.Len(t, east.slices("shop"), 1)
		east.atlas.SetReady(true)
		pass(7 * time.Second)
		require.Nil(t, east.imported(shopWeb))
	})
}

// Whoever places VIPs doesn't tell when it has.
func TestMCSFindsAVIP(t *testing.T) {
	inEast(t, func(t *testing.T, east *cluster, m *mesh) {
		delete(east.vips, webVIP)
		m.export("west", shopWeb, exportOf(1, func(e *registry.Export) { e.Ready = 0 }))
		east.run()
		pass(20 * time.Second)
		require.Empty(t, east.imported(shopWeb).Spec.IPs)
		east.mu.Lock()
		east.vips[webVIP] = netip.MustParseAddr("10.0.0.7")
		east.mu.Unlock()
		pass(3 * time.Second)
		require.Equal(t, []string{"10.0.0.7"}, east.imported(shopWeb).Spec.IPs, "though nothing is ready anywhere")
	})
}

func TestMCSNamesTheMissingRule(t *testing.T) {
	inEast(t, func(t *testing.T, east *cluster, m *mesh) {
		var forbidden error = apierrors.NewForbidden(mcs.Resource("serviceimports"), "web", errors.New("no RBAC policy matched"))
		east.refuse.Store(&forbidden)
		east.run()
		pass(10 * time.Minute)
		require.Equal(t, 1, strings.Count(east.log.String(), `"rule":"{apiGroups: [multicluster.x-k8s.io], resources: [serviceimports], verbs: [create, patch]}"`), east.log.String())
		require.Len(t, east.slices("shop"), 1, "one failure is one object's")
		require.InDelta(t, 12, east.mcs.Stats().Failed, 4, "at growing intervals")
		require.Equal(t, 1, east.mcs.Stats().Waiting)

		east.refuse.Store(nil)
		pass(5 * time.Minute)
		require.NotNil(t, east.imported(shopWeb))
		require.Zero(t, east.mcs.Stats().Waiting)
	})
}

// What couldn't be written while the API server was away is written soon after it is back, however long that took.
func TestMCSAfterTheAPIServerWasAway(t *testing.T) {
	for what, failure := range map[string]error{
		"refused": &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED},
		"busy":    apierrors.NewServiceUnavailable("apiserver is shutting down"),
		"timeout": context.DeadlineExceeded,
	} {
		t.Run(what, func(t *testing.T) {
			inEast(t, func(t *testing.T, east *cluster, m *mesh) {
				for n := range 100 {
					m.export("west", registry.ServiceName{Namespace: "shop", Name: fmt.Sprintf("s%d", n)}, exportOf(1))
				}
				east.refuse.Store(&failure)
				east.run()
				pass(10 * time.Minute)
				require.Less(t, east.mcs.Stats().Failed, uint64(writers*10*60/5), "one finds it away, and the others needn't try")
				require.Equal(t, 1, strings.Count(east.log.String(), "away"), "told once")

				east.refuse.Store(nil)
				pass(awayRetry + 2*time.Second)
				require.NotNil(t, east.imported(shopWeb))
				require.Zero(t, east.mcs.Stats().Waiting)
				require.Equal(t, 1, strings.Count(east.log.String(), "written again"))
			})
		})
	}
}

func TestMCSWithoutCRDs(t *testing.T) {
	inEast(t, func(t *testing.T, east *cluster, m *mesh) {
		east.served.Store(false)
		east.run()
		pass(time.Hour)
		require.Zero(t, east.writes())
		require.Equal(t, 1, strings.Count(east.log.String(), "isn't installed"))
		east.served.Store(true)
		east.changed()
		pass(time.Second)
		require.NotNil(t, east.imported(shopWeb))
	})
}

func TestNewChecks(t *testing.T) {
	_, err := New(Config{})
	require.ErrorContains(t, err, "listers are required")
}
