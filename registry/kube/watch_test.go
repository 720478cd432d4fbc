package kube

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
)

var noCRD = apierrors.NewNotFound(schema.GroupResource{Group: "multicluster.x-k8s.io", Resource: "serviceexports"}, "")

// TestCRDsThatComeLater starts without the Multi-Cluster Services API, and installs it after some minutes.
func TestCRDsThatComeLater(t *testing.T) {
	inWorld(t, func() *fakeCluster {
		cluster := shop()
		cluster.fail("serviceexports", noCRD)
		cluster.fail("serviceimports", noCRD)
		return cluster
	}, true, func(w *world) {
		w.after(collectFor)
		require.Equal(t, "web", w.exports(), "labels count without it")
		require.False(t, w.watch.ServesMCS())
		w.after(10 * time.Minute)
		require.Less(t, w.listed("serviceexports"), 25)
		require.Equal(t, 2, w.logged("has no such resource"), &w.log)
		w.fail("serviceexports", nil)
		w.fail("serviceimports", nil)
		w.after(probePause + time.Second)
		require.Equal(t, "db web", w.exports())
		require.True(t, w.watch.ServesMCS())
		require.True(t, w.watch.SyncedMCS())
	})
}

// TestNothingIsReportedWhileExportsAreUnknown has the API server fail for ServiceExports alone.
func TestNothingIsReportedWhileExportsAreUnknown(t *testing.T) {
	inWorld(t, func() *fakeCluster {
		cluster := shop()
		cluster.fail("serviceexports", errors.New("connection refused"))
		return cluster
	}, false, func(w *world) {
		w.after(time.Minute)
		require.Empty(t, w.reported())
		w.fail("serviceexports", nil)
		w.after(retryMost + time.Second)
		require.Equal(t, "db web", w.exports())
		require.Len(t, w.reported(), 1)
	})
}

// TestTopics changes one object of each kind, and looks who is woken.
func TestTopics(t *testing.T) {
	inWorld(t, shop, true, func(w *world) {
		w.after(collectFor)
		ctx, create := context.Background(), metav1.CreateOptions{}
		levels := map[string]<-chan struct{}{
			"sources": w.watch.Subscribe(TopicSources), "own": w.watch.Subscribe(TopicOwn), "mcs": w.watch.Subscribe(TopicMCS),
		}
		for _, level := range levels {
			<-level
		}
		vip, derived, imported := exporting("vip"), sliceOf("vip", "10.0.0.1"), sliceOf("far", "10.0.0.1")
		vip.Namespace, vip.Labels[LabelManagedBy] = home, ManagedBy
		derived.Namespace = home
		derived.Labels["endpointslice.kubernetes.io/managed-by"] = SliceManagedBy
		imported.Labels["endpointslice.kubernetes.io/managed-by"] = SliceManagedBy
		mesh := plainService("grapevine-0")
		mesh.Namespace = home
		for _, c := range []struct {
			what  string
			do    func() error
			wakes string
		}{
			{"a Service", func() error {
				_, err := w.core.CoreV1().Services("shop").Create(ctx, exporting("new"), create)
				return err
			}, "sources"},
			{"its slice", func() error {
				_, err := w.core.DiscoveryV1().EndpointSlices("shop").Create(ctx, sliceOf("new", "10.0.0.1"), create)
				return err
			}, "sources"},
			{"a ServiceExport", func() error {
				_, err := w.mcs.MulticlusterV1beta1().ServiceExports("shop").Create(ctx, serviceExport("new"), create)
				return err
			}, "mcs sources"},
			{"a derived Service", func() error { _, err := w.core.CoreV1().Services(home).Create(ctx, vip, create); return err }, "own"},
			{"its slice", func() error {
				_, err := w.core.DiscoveryV1().EndpointSlices(home).Create(ctx, derived, create)
				return err
			}, "own"},
			{"a Pod's own Service", func() error { _, err := w.core.CoreV1().Services(home).Create(ctx, mesh, create); return err }, "own sources"},
			{"an imported slice", func() error {
				_, err := w.core.DiscoveryV1().EndpointSlices("shop").Create(ctx, imported, create)
				return err
			}, "mcs"},
			{"a Namespace", func() error {
				_, err := w.core.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "new"}}, create)
				return err
			}, "mcs"},
			{"a ServiceImport", func() error {
				_, err := w.mcs.MulticlusterV1beta1().ServiceImports("shop").Create(ctx, &mcsv1beta1.ServiceImport{ObjectMeta: meta1("new")}, create)
				return err
			}, "mcs"},
			{"a Service deleted", func() error { return w.core.CoreV1().Services("shop").Delete(ctx, "new", metav1.DeleteOptions{}) }, "sources"},
		} {
			require.NoError(t, c.do(), c.what)
			w.after(collectFor)
			woken := ""
			for _, name := range []string{"mcs", "own", "sources"} {
				select {
				case <-levels[name]:
					woken += " " + name
				default:
				}
			}
			require.Equal(t, " "+c.wakes, woken, c.what)
		}
		require.Len(t, w.watch.SlicesOf(registry.ServiceName{Namespace: "shop", Name: "new"}), 1)
		_, err := w.watch.EndpointSlices().EndpointSlices(home).Get("vip-1")
		require.NoError(t, err)
		_, err = w.watch.ServiceImports().ServiceImports("shop").Get("new")
		require.NoError(t, err)
		_, err = w.watch.Namespaces().Get("new")
		require.NoError(t, err)
	})
}

// TestNobodyReadsThis holds that what is kept of an object is trimmed, whichever way it comes.
func TestNobodyReadsThis(t *testing.T) {
	fat := func(name string) *corev1.Service {
		service := exporting(name)
		service.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}
		service.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: "{}", ReachAnnotation: "flat"}
		return service
	}
	inWorld(t, func() *fakeCluster { return newFakeCluster(fat("listed")) }, false, func(w *world) {
		_, err := w.core.CoreV1().Services("shop").Create(context.Background(), fat("watched"), metav1.CreateOptions{})
		require.NoError(t, err)
		w.after(collectFor)
		for _, name := range []string{"listed", "watched"} {
			service, err := w.watch.Services().Services("shop").Get(name)
			require.NoError(t, err)
			require.Empty(t, service.ManagedFields)
			require.Equal(t, map[string]string{ReachAnnotation: "flat"}, service.Annotations)
		}
	})
}

func TestKlogGoesToTheLog(t *testing.T) {
	var text bytes.Buffer
	log := klogTo(zerolog.New(&text).Level(zerolog.DebugLevel))
	log.WithName("reflector").Error(errors.New("no route"), "Failed to watch", "type", "services")
	require.JSONEq(t, `{"level":"debug","error":"no route","text":"Failed to watch","type":"services","message":"kubernetes client"}`, text.String())
	text.Reset()
	log.V(2).Info("about a request")
	require.Empty(t, text.String())
	klogTo(zerolog.Logger{}).Error(nil, "to nobody", "odd")
}
