package kube

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/grapevine-mesh/grapevine/registry"
)

// shop is a cluster with two exports, three Pods, and a Service that nobody exports.
func shop() *fakeCluster {
	return newFakeCluster(
		exporting("web"), sliceOf("web", "10.0.0.1", "10.0.0.2"),
		plainService("db"), sliceOf("db", "10.0.0.3"), serviceExport("db"),
		plainService("private"), sliceOf("private", "10.0.0.4"),
	)
}

func TestSourceReportsWhatIsThere(t *testing.T) {
	inWorld(t, shop, false, func(w *world) {
		require.Empty(t, w.reported(), "changes are collected for a moment")
		w.after(collectFor)
		require.Len(t, w.reported(), 1)
		require.Equal(t, "db web", w.exports())
		web := w.reported()[0][1]
		require.EqualValues(t, 2, web.Export.Ready)
		require.Empty(t, web.Export.Endpoints, "nobody outside needs them")
		require.Equal(t, []registry.Backend{
			{Addr: netip.MustParseAddrPort("10.0.0.1:8080")}, {Addr: netip.MustParseAddrPort("10.0.0.2:8080")},
		}, web.Backends[registry.PortNumber{Port: 80, Protocol: registry.TCP}])
		require.Equal(t, []Verdict{
			{Service: registry.ServiceName{Namespace: "shop", Name: "db"}, ByExport: true, Reason: "Valid", Message: "exported as federated", OK: true},
			{Service: registry.ServiceName{Namespace: "shop", Name: "web"}, Reason: "Valid", Message: "exported as federated", OK: true},
		}, w.source.Verdicts())
	})
}

// TestSourceFollows goes through the life of a service, and says when each change is known.
func TestSourceFollows(t *testing.T) {
	inWorld(t, shop, false, func(w *world) {
		ctx, verdicts := context.Background(), w.watch.Subscribe(TopicVerdicts)
		<-verdicts
		services, slices := w.core.CoreV1().Services("shop"), w.core.DiscoveryV1().EndpointSlices("shop")
		exports := w.mcs.MulticlusterV1beta1().ServiceExports("shop")
		w.after(collectFor)
		<-verdicts

		_, err := slices.Update(ctx, sliceOf("web", "10.0.0.2"), metav1.UpdateOptions{})
		require.NoError(t, err)
		w.after(collectFor)
		require.Len(t, w.reported(), 2)
		require.EqualValues(t, 1, w.reported()[1][1].Export.Ready)
		require.Empty(t, verdicts, "how many are ready is no verdict")

		_, err = slices.Update(ctx, sliceOf("private", "10.0.0.5"), metav1.UpdateOptions{})
		require.NoError(t, err)
		w.after(time.Minute)
		require.Len(t, w.reported(), 2, "nobody exports it")

		_, err = services.Update(ctx, exporting("private"), metav1.UpdateOptions{})
		require.NoError(t, err)
		w.after(collectFor)
		require.Equal(t, "db private web", w.exports())
		<-verdicts

		require.NoError(t, exports.Delete(ctx, "db", metav1.DeleteOptions{}))
		w.after(collectFor)
		require.Equal(t, "private web", w.exports(), "what is said to be deleted goes at once")

		_, err = exports.Create(ctx, serviceExport("nothing"), metav1.CreateOptions{})
		require.NoError(t, err)
		w.after(collectFor)
		require.Len(t, w.reported(), 4, "it isn't exported")
		require.Equal(t, "NoService", w.source.Verdicts()[0].Reason)
		_, err = services.Create(ctx, plainService("nothing"), metav1.CreateOptions{})
		require.NoError(t, err)
		w.after(collectFor)
		require.Equal(t, "nothing private web", w.exports(), "the export came before its Service")
		require.Zero(t, w.logged(`"level":"error"`))
	})
}

// TestManyServicesAreOneReport starts with a thousand services, and then changes all of them.
func TestManyServicesAreOneReport(t *testing.T) {
	const many = 1000
	inWorld(t, func() *fakeCluster {
		var objects []runtime.Object
		for i := range many {
			name := fmt.Sprintf("web-%03d", i)
			objects = append(objects, exporting(name), sliceOf(name, "10.0.0.1"))
		}
		return newFakeCluster(objects...)
	}, false, func(w *world) {
		w.after(time.Second)
		require.Len(t, w.reported(), 1)
		require.Len(t, w.reported()[0], many)
		for i := range many {
			_, err := w.core.DiscoveryV1().EndpointSlices("shop").Update(context.Background(), sliceOf(fmt.Sprintf("web-%03d", i), "10.0.0.1", "10.0.0.2"), metav1.UpdateOptions{})
			require.NoError(t, err)
			synctest.Wait()
		}
		w.after(time.Second)
		require.Len(t, w.reported(), 2)
		require.EqualValues(t, 2, w.reported()[1][many-1].Export.Ready)
	})
}

// TestSourceWithoutServices reports the empty set, so that whoever waits for the first report doesn't wait for ever.
func TestSourceWithoutServices(t *testing.T) {
	inWorld(t, func() *fakeCluster { return newFakeCluster() }, true, func(w *world) {
		w.after(collectFor)
		require.Len(t, w.reported(), 1)
		require.Empty(t, w.reported()[0])
		require.True(t, w.watch.SyncedMCS())
	})
}

// TestDerivedServicesAreNotExported has a Service that Grapevine made, with everything that would export it.
func TestDerivedServicesAreNotExported(t *testing.T) {
	inWorld(t, func() *fakeCluster {
		service, slice, export := exporting("vip"), sliceOf("vip", "10.0.0.9"), serviceExport("vip")
		service.Labels[LabelManagedBy] = ManagedBy
		service.Namespace, slice.Namespace, export.Namespace = home, home, home
		return newFakeCluster(service, slice, export)
	}, false, func(w *world) {
		w.after(collectFor)
		require.Empty(t, w.reported()[0])
		require.Len(t, w.source.Verdicts(), 1)
		require.Equal(t, ReasonOwnService, w.source.Verdicts()[0].Reason)
	})
}

// TestEvents tells problems at the start, and changes after it; the same thing is said by one Event, whoever says it again.
func TestEvents(t *testing.T) {
	broken := func(name string) *corev1.Service {
		service := exporting(name)
		service.Annotations = map[string]string{AffinityAnnotation: "far"}
		return service
	}
	inWorld(t, func() *fakeCluster { return newFakeCluster(exporting("web"), broken("db"), serviceExport("lost")) }, false, func(w *world) {
		ctx, services := context.Background(), w.core.CoreV1().Services("shop")
		events := func() map[string]string {
			list, err := w.core.CoreV1().Events("").List(ctx, metav1.ListOptions{})
			require.NoError(t, err)
			told := map[string]string{}
			for _, e := range list.Items {
				told[e.InvolvedObject.Kind+"/"+e.InvolvedObject.Name+" "+e.Type+" "+e.Reason] += e.Message
			}
			return told
		}
		w.after(collectFor)
		const wrong = `InvalidAnnotation: grapevine.dev/affinity: "far": want local, nearest or spread, such as grapevine.dev/affinity: "spread"`
		told := map[string]string{
			"Service/db Warning NotExported":         wrong,
			"ServiceExport/lost Warning NotExported": "NoService: there is no Service lost in namespace shop",
		}
		require.Equal(t, told, events(), "web was exported before the restart as well")

		_, err := services.Update(ctx, exporting("db"), metav1.UpdateOptions{})
		require.NoError(t, err)
		w.after(collectFor)
		told["Service/db Normal Exported"] = "exported as federated"
		require.Equal(t, told, events())

		w.after(time.Minute)
		_, err = services.Update(ctx, broken("db"), metav1.UpdateOptions{})
		require.NoError(t, err)
		w.after(time.Minute)
		require.Equal(t, told, events(), "said before")
		list, err := w.core.CoreV1().Events("").List(ctx, metav1.ListOptions{})
		require.NoError(t, err)
		for _, e := range list.Items {
			if e.Message == wrong {
				require.Greater(t, e.LastTimestamp.Time, e.FirstTimestamp.Time)
			}
		}

		w.first.Store(false)
		_, err = services.Create(ctx, exporting("other"), metav1.CreateOptions{})
		require.NoError(t, err)
		w.after(time.Minute)
		require.Equal(t, told, events(), "another gateway speaks now")
	})
}

// TestEventsAreFew flaps a hundred services for ten seconds.
func TestEventsAreFew(t *testing.T) {
	inWorld(t, shop, false, func(w *world) {
		w.after(collectFor)
		ctx, services := context.Background(), w.core.CoreV1().Services("shop")
		for i := range 100 {
			_, err := services.Create(ctx, plainService(fmt.Sprintf("web-%d", i)), metav1.CreateOptions{})
			require.NoError(t, err)
			synctest.Wait()
		}
		for round := range 100 {
			for i := range 100 {
				service := exporting(fmt.Sprintf("web-%d", i))
				service.Labels[ExportLabel] = []string{"federated", "mirrored"}[round%2]
				_, err := services.Update(ctx, service, metav1.UpdateOptions{})
				require.NoError(t, err)
				synctest.Wait()
			}
			w.after(100 * time.Millisecond)
		}
		w.after(time.Second)
		wrote := 0
		for _, action := range w.core.Actions() {
			if action.GetResource().Resource == "events" {
				wrote++
			}
		}
		require.LessOrEqual(t, wrote, 2*(eventsAtOnce+12*eventsPerSecond), "one request for each, or two where it was said before")
		require.Less(t, len(w.reported()), 210, "no more than one for each round, and a few")
	})
}

func TestNewNeedsItsParts(t *testing.T) {
	_, err := NewWatch(WatchConfig{})
	require.ErrorContains(t, err, "a client is required")
	_, err = NewWatch(WatchConfig{Client: newFakeCluster().client(), Namespace: "Grape"})
	require.ErrorContains(t, err, "kubernetes.namespace: such as grapevine")
	_, err = NewSource(SourceConfig{})
	require.ErrorContains(t, err, "a watch and an on-change function are required")
	watch, err := NewWatch(WatchConfig{Client: newFakeCluster().client(), Namespace: home})
	require.NoError(t, err)
	_, err = NewSource(SourceConfig{Watch: watch, OnChange: func([]registry.Own) {}})
	require.ErrorContains(t, err, "gateway")
}
