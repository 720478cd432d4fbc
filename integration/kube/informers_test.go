package kube

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/grapevine-mesh/grapevine/integration/kube/testcluster"
)

// TestInformers holds what registry/kube's guard takes for granted of client-go: that it tells what a list lacks from what
// was deleted, and that neither a refusal nor a version that is gone looks like a deletion.
func TestInformers(t *testing.T) {
	c := testcluster.New(t)
	c.Namespace("shop")
	allow(c, "shop", "watcher", "*", "", "services")
	proxy := c.Proxy()
	client := connect(t, proxy.ServiceAccount("shop", "watcher"))

	t.Run("what a watch says is gone was deleted", func(t *testing.T) {
		w := watchServices(t, client, "shop")
		create(t, c, "shop", service("web"))
		w.awaits(t, "added web")
		remove(t, c, "shop", "web")
		w.awaits(t, "deleted web")
	})

	t.Run("what a list lacks is missing, and is added when a list has it again", func(t *testing.T) {
		create(t, c, "shop", service("web"))
		defer remove(t, c, "shop", "web")
		w := watchServices(t, client, "shop")
		proxy.Tell(testcluster.Gone("services"), proxy.Empty("services"), testcluster.Gone("services"))
		proxy.Cut()
		w.awaits(t, "missing web")
		require.NotContains(t, w.all(), "deleted web")
		eventually(t, func() bool { return count(w.all(), "added web") == 2 }, "web is back")
	})

	t.Run("a refused list says nothing", func(t *testing.T) {
		create(t, c, "shop", service("web"))
		defer remove(t, c, "shop", "web")
		w := watchServices(t, client, "shop")
		proxy.Tell(testcluster.Gone("services"), testcluster.Refused("services"), testcluster.Refused("services"))
		proxy.Cut()
		eventually(t, func() bool { return proxy.Told() >= 2 }, "the lies were told")
		create(t, c, "shop", service("later"))
		defer remove(t, c, "shop", "later")
		w.awaits(t, "added later")
		require.NotContains(t, w.all(), "missing web")
		require.NotContains(t, w.all(), "deleted web")
	})

	t.Run("a version that is gone is made up for by a list", func(t *testing.T) {
		create(t, c, "shop", service("web"))
		defer remove(t, c, "shop", "web")
		w := watchServices(t, client, "shop")
		proxy.Tell(testcluster.Gone("services"))
		proxy.Cut()
		create(t, c, "shop", service("later"))
		defer remove(t, c, "shop", "later")
		w.awaits(t, "added later")
		require.NotContains(t, w.all(), "missing web")
		require.NotContains(t, w.all(), "deleted web")
	})

	t.Run("what was deleted while the API server was away is deleted or missing", func(t *testing.T) {
		create(t, c, "shop", service("web"))
		w := watchServices(t, client, "shop")
		require.Contains(t, w.all(), "added web")
		c.Stop()
		c.Start()
		remove(t, c, "shop", "web")
		eventually(t, func() bool {
			return slices.Contains(w.all(), "deleted web") || slices.Contains(w.all(), "missing web")
		}, "web is gone")
	})
}

// TestForgottenVersions holds that etcd forgets, and that who asks for what is forgotten is told so, also where the API
// server remembers nothing itself.
func TestForgottenVersions(t *testing.T) {
	c := testcluster.New(t)
	old := create(t, c, "default", service("old"))
	create(t, c, "default", service("new"))
	c.Compact()
	c.Stop()
	c.Start()
	watching, err := c.Client().CoreV1().Services("default").Watch(t.Context(), metav1.ListOptions{ResourceVersion: old.ResourceVersion})
	if err == nil {
		defer watching.Stop()
		err = apierrors.FromObject((<-watching.ResultChan()).Object)
	}
	require.True(t, apierrors.IsGone(err) || apierrors.IsResourceExpired(err), "%v", err)
}

// TestRestoredVersions holds why registry/kube asks for the present version before it watches on: where etcd was put back, a
// watch from a version that was seen, and is yet to come again, says nothing of what happens before it. An informer
// that isn't told would keep what there was, and miss what is new, for as long as that takes.
func TestRestoredVersions(t *testing.T) {
	c := testcluster.New(t)
	services := c.Client().CoreV1().Services("default")
	snapshot := c.Snapshot()
	for i := range 20 {
		create(t, c, "default", service("lost-"+strconv.Itoa(i)))
	}
	seen, err := services.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	c.Restore(snapshot)

	_, err = services.List(t.Context(), metav1.ListOptions{ResourceVersion: seen.ResourceVersion})
	require.True(t, apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge), "a list knows it: %v", err)
	watching, err := services.Watch(t.Context(), metav1.ListOptions{ResourceVersion: seen.ResourceVersion})
	require.NoError(t, err, "a watch doesn't")
	defer watching.Stop()
	require.Less(t, version(t, create(t, c, "default", service("unseen"))), version(t, seen))
	var last *corev1.Service
	for i := 0; last == nil || version(t, last) <= version(t, seen); i++ {
		last = create(t, c, "default", service("next-"+strconv.Itoa(i)))
	}
	select {
	case event := <-watching.ResultChan():
		first, ok := event.Object.(*corev1.Service)
		require.True(t, ok, "%v", event)
		require.Greater(t, version(t, first), version(t, seen))
	case <-time.After(limit):
		require.Fail(t, "no event")
	}
}

func version(t *testing.T, object interface{ GetResourceVersion() string }) uint64 {
	t.Helper()
	number, err := strconv.ParseUint(object.GetResourceVersion(), 10, 64)
	require.NoError(t, err)
	return number
}

// witness notes what an informer of Services says: "added web", "changed web", "deleted web" where a watch said so, and
// "missing web" where a list didn't have it any more.
type witness struct {
	mu   sync.Mutex
	said []string
}

// watchServices starts an informer of a namespace's Services and waits for its first list. It ends with the test.
func watchServices(t *testing.T, client kubernetes.Interface, namespace string) *witness {
	t.Helper()
	w := new(witness)
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	handled, err := factory.Core().V1().Services().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { w.note("added", obj) },
		UpdateFunc: func(_, obj any) { w.note("changed", obj) },
		DeleteFunc: func(obj any) {
			if tombstone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				w.note("missing", tombstone.Obj)
				return
			}
			w.note("deleted", obj)
		},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	factory.Start(ctx.Done())
	t.Cleanup(func() {
		cancel()
		factory.Shutdown()
	})
	eventually(t, handled.HasSynced, "the first list")
	return w
}

func (w *witness) note(what string, obj any) {
	object, err := meta.Accessor(obj)
	if err != nil {
		panic(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, what+" "+object.GetName())
}

func (w *witness) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.said)
}

// awaits waits until the informer says it.
func (w *witness) awaits(t *testing.T, what string) {
	t.Helper()
	eventually(t, func() bool { return slices.Contains(w.all(), what) }, "%s", what)
}

func count(said []string, what string) (n int) {
	for _, s := range said {
		if s == what {
			n++
		}
	}
	return n
}
