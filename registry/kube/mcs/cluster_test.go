package mcs

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/features"
	featurestesting "k8s.io/client-go/features/testing"
	"k8s.io/client-go/informers"
	corefake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	"k8s.io/kube-openapi/pkg/validation/spec"
	crd "sigs.k8s.io/mcs-api/config/crd"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
	mcsfake "sigs.k8s.io/mcs-api/pkg/client/clientset/versioned/fake"
	mcsscheme "sigs.k8s.io/mcs-api/pkg/client/clientset/versioned/scheme"
	mcsinformers "sigs.k8s.io/mcs-api/pkg/client/informers/externalversions"
	"sigs.k8s.io/yaml"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// cluster is a cluster in memory: an API server that applies as a real one does, informers, and the part under test.
type cluster struct {
	t      *testing.T
	name   registry.Cluster
	core   *corefake.Clientset
	multi  *mcsfake.Clientset
	atlas  *registry.Atlas
	mcs    *MCS
	wake   chan struct{}
	first  atomic.Bool
	served atomic.Bool

	refuse atomic.Pointer[error] // what writes of ServiceImports are answered with
	log    *strings.Builder      // written by one goroutine, read while that waits

	mu       sync.Mutex
	verdicts []kube.Verdict
	vips     map[registry.VIPName]netip.Addr
}

func newMCSCluster(t *testing.T, name registry.Cluster, namespaces ...string) *cluster {
	c := &cluster{
		t: t, name: name, core: corefake.NewClientset(), multi: newMCSFake(t), wake: make(chan struct{}, 1),
		atlas: registry.NewAtlas(registry.Gateway{Cluster: name, Name: "g-0"}), vips: map[registry.VIPName]netip.Addr{}, log: &strings.Builder{},
	}
	c.multi.PrependReactor("patch", "serviceimports", func(clienttesting.Action) (bool, runtime.Object, error) {
		if err := c.refuse.Load(); err != nil {
			return true, nil, *err
		}
		return false, nil, nil
	})
	c.first.Store(true)
	c.served.Store(true)
	for _, n := range namespaces {
		c.namespace(n)
	}
	return c
}

// run starts informers and the part under test, until the test ends.
func (c *cluster) run() {
	cores, multis := informers.NewSharedInformerFactory(c.core, 0), mcsinformers.NewSharedInformerFactory(c.multi, 0)
	exports, imports := multis.Multicluster().V1beta1().ServiceExports(), multis.Multicluster().V1beta1().ServiceImports()
	namespaces, slices := cores.Core().V1().Namespaces(), cores.Discovery().V1().EndpointSlices()
	for _, informer := range []cache.SharedIndexInformer{exports.Informer(), imports.Informer(), namespaces.Informer(), slices.Informer()} {
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { c.changed() }, UpdateFunc: func(_, _ any) { c.changed() }, DeleteFunc: func(any) { c.changed() },
		})
		require.NoError(c.t, err)
	}
	var err error
	c.mcs, err = New(Config{
		Client: &kube.Client{Core: c.core, MCS: c.multi}, Exports: exports.Lister(), Imports: imports.Lister(), Namespaces: namespaces.Lister(),
		Slices: slices.Lister(), Served: c.served.Load, Changed: c.wake, Self: registry.Gateway{Cluster: c.name, Name: "g-0"},
		Directory: c.atlas.Directory, Verdicts: c.allVerdicts, VIP: c.vip, First: c.first.Load,
		Log: zerolog.New(c.log),
	})
	require.NoError(c.t, err)
	ctx, stop := context.WithCancel(context.Background())
	cores.Start(ctx.Done())
	multis.Start(ctx.Done())
	cores.WaitForCacheSync(ctx.Done())
	multis.WaitForCacheSync(ctx.Done())
	var running sync.WaitGroup
	running.Go(func() { _ = c.mcs.Run(ctx) })
	c.t.Cleanup(func() {
		stop()
		running.Wait()
		cores.Shutdown()
		multis.Shutdown()
	})
}

func (c *cluster) changed() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *cluster) allVerdicts() []kube.Verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]kube.Verdict(nil), c.verdicts...)
}

func (c *cluster) vip(name registry.VIPName) (v4, v6 netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.vips[name], netip.Addr{}
}

func (c *cluster) place(name registry.VIPName, ip string) {
	c.mu.Lock()
	c.vips[name] = netip.MustParseAddr(ip)
	c.mu.Unlock()
	c.changed()
}

func (c *cluster) namespace(name string) {
	_, err := c.core.CoreV1().Namespaces().Create(context.Background(), &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: name}}, meta.CreateOptions{})
	require.NoError(c.t, err)
}

// serviceExport makes the object that users make, with the verdict of a source that likes it.
func (c *cluster) serviceExport(name registry.ServiceName) {
	_, err := c.multi.MulticlusterV1beta1().ServiceExports(name.Namespace).Create(context.Background(),
		&mcs.ServiceExport{ObjectMeta: meta.ObjectMeta{Namespace: name.Namespace, Name: name.Name}}, meta.CreateOptions{})
	require.NoError(c.t, err)
	c.judge(kube.Verdict{Service: name, ByExport: true, OK: true, Reason: "Valid"})
}

func (c *cluster) judge(v kube.Verdict) {
	c.mu.Lock()
	c.verdicts = append(c.verdicts, v)
	c.mu.Unlock()
	c.changed()
}

// imported returns an import, or nil.
func (c *cluster) imported(name registry.ServiceName) *mcs.ServiceImport {
	i, err := c.multi.MulticlusterV1beta1().ServiceImports(name.Namespace).Get(context.Background(), name.Name, meta.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	require.NoError(c.t, err)
	return i
}

func (c *cluster) slices(namespace string) []discovery.EndpointSlice {
	all, err := c.core.DiscoveryV1().EndpointSlices(namespace).List(context.Background(), meta.ListOptions{})
	require.NoError(c.t, err)
	return all.Items
}

func (c *cluster) condition(name registry.ServiceName, kind mcs.ServiceExportConditionType) *meta.Condition {
	e, err := c.multi.MulticlusterV1beta1().ServiceExports(name.Namespace).Get(context.Background(), name.Name, meta.GetOptions{})
	require.NoError(c.t, err)
	return conditionOf(e.Status.Conditions, string(kind))
}

// writes counts what changed at the API server.
func (c *cluster) writes() (n int) {
	for _, action := range append(c.core.Actions(), c.multi.Actions()...) {
		if verb := action.GetVerb(); verb == "patch" || verb == "delete" {
			n++
		}
	}
	return n
}

// mesh is what all clusters know.
type mesh struct {
	clusters []*cluster
	dead     map[registry.Cluster]bool
}

func newMCSMesh(clusters ...*cluster) *mesh {
	m := &mesh{clusters: clusters, dead: map[registry.Cluster]bool{}}
	m.liveness()
	for _, c := range clusters {
		c.atlas.SetReady(true)
	}
	return m
}

func (m *mesh) liveness() {
	all := map[registry.Gateway]registry.Liveness{}
	for _, cluster := range []registry.Cluster{"east", "west", "north"} {
		if !m.dead[cluster] {
			all[registry.Gateway{Cluster: cluster, Name: "g-0"}] = registry.Liveness{Alive: true, Synced: true, Link: registry.LinkUp}
		}
	}
	for _, c := range m.clusters {
		c.atlas.SetLiveness(all)
	}
}

func (m *mesh) kill(cluster registry.Cluster, dead bool) {
	m.dead[cluster] = dead
	m.liveness()
}

// export tells all of what a cluster exports; nil withdraws it.
func (m *mesh) export(cluster registry.Cluster, name registry.ServiceName, e *registry.Export) {
	for _, c := range m.clusters {
		c.atlas.Apply([]registry.Change{{Owner: registry.Gateway{Cluster: cluster, Name: "g-0"}, Service: name, Export: e}})
	}
}

// pass lets time go by, and all that comes of it happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// newMCSFake returns a clientset whose objects are applied by the very code of an API server, by the schema of the CRDs:
// fields that aren't applied any more go, and lists are merged by their keys. The stock one merges JSON.
func newMCSFake(t *testing.T) *mcsfake.Clientset {
	featurestesting.SetFeatureDuringTest(t, features.WatchListClient, false) // which this fake doesn't have
	tracker := clienttesting.NewFieldManagedObjectTracker(mcsscheme.Scheme, mcsscheme.Codecs.UniversalDecoder(), typesOf(t))
	fake := mcsfake.NewSimpleClientset()
	react := clienttesting.ObjectReaction(tracker)
	fake.PrependReactor("*", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if patch, ok := action.(clienttesting.PatchActionImpl); ok && patch.Subresource != "" { // an API server keeps their fields apart
			if _, err := tracker.Get(patch.Resource, patch.Namespace, patch.Name); err != nil {
				return true, nil, err
			}
			patch.PatchOptions.FieldManager += "-" + patch.Subresource
			return react(patch)
		}
		return react(action)
	})
	fake.PrependWatchReactor("*", func(action clienttesting.Action) (bool, watch.Interface, error) {
		w, err := tracker.Watch(action.GetResource(), action.GetNamespace())
		return true, w, err
	})
	return fake
}

// typesOf reads the schemas from the CRDs.
func typesOf(t *testing.T) managedfields.TypeConverter {
	schemas := map[string]*spec.Schema{}
	for _, text := range [][]byte{crd.ServiceExportCRD, crd.ServiceImportCRD} {
		var definition struct {
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct {
						OpenAPIV3Schema json.RawMessage `json:"openAPIV3Schema"`
					}
				}
			}
		}
		require.NoError(t, yaml.Unmarshal(text, &definition))
		for _, version := range definition.Spec.Versions {
			s := &spec.Schema{}
			require.NoError(t, json.Unmarshal(version.Schema.OpenAPIV3Schema, s))
			s.AddExtension("x-kubernetes-group-version-kind", []any{map[string]any{
				"group": definition.Spec.Group, "version": version.Name, "kind": definition.Spec.Names.Kind,
			}})
			schemas[definition.Spec.Names.Kind+version.Name] = s
		}
	}
	types, err := managedfields.NewTypeConverter(schemas, true)
	require.NoError(t, err)
	return types
}
