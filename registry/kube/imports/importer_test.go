package imports

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	kuberuntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	kubetesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"

	"github.com/grapevine-mesh/grapevine/registry"
)

const ourNamespace = "grapevine"

var (
	slicesGVR   = discoveryv1.SchemeGroupVersion.WithResource("endpointslices")
	servicesGVR = corev1.SchemeGroupVersion.WithResource("services")
	west        = registry.Gateway{Cluster: "west", Name: "grapevine-0"}
)

// A lab is one cluster's API server, with a mesh around it.
type lab struct {
	*testing.T
	client  *fake.Clientset
	tracker kubetesting.ObjectTracker

	mu      sync.Mutex
	writes  []string // each write that it took or refused, such as "patch services gv-web-shop-…"
	refuse  func(action kubetesting.Action) error
	ips     int
	watches []watch.Interface
}

func newLab(t *testing.T) *lab {
	client := fake.NewClientset()
	l := &lab{T: t, client: client, tracker: client.Tracker(), refuse: func(kubetesting.Action) error { return nil }}
	react := kubetesting.ObjectReaction(l.tracker)
	client.PrependReactor("*", "*", func(action kubetesting.Action) (bool, kuberuntime.Object, error) { return l.take(action, react) })
	return l
}

// newQuickLab is a lab for many objects: it keeps no account of who set which field, which takes the fake most of its time.
func newQuickLab(t *testing.T) *lab {
	l := newLab(t)
	l.tracker = kubetesting.NewObjectTracker(scheme.Scheme, scheme.Codecs.UniversalDecoder())
	react := kubetesting.ObjectReaction(l.tracker)
	l.client.PrependWatchReactor("*", func(action kubetesting.Action) (bool, watch.Interface, error) {
		seen, err := l.tracker.Watch(action.GetResource(), ourNamespace, action.(kubetesting.WatchActionImpl).ListOptions)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.watches = append(l.watches, seen)
		return true, seen, err
	})
	l.client.PrependReactor("*", "*", func(action kubetesting.Action) (bool, kuberuntime.Object, error) {
		if patch, is := action.(kubetesting.PatchActionImpl); is {
			l.mu.Lock()
			watches := slices.Clone(l.watches)
			l.mu.Unlock()
			for _, seen := range watches {
				for len(seen.ResultChan()) > 50 { // it panics above 100
					runtime.Gosched()
				}
			}
			return l.take(action, func(kubetesting.Action) (bool, kuberuntime.Object, error) { return l.put(patch) })
		}
		return l.take(action, react)
	})
	return l
}

// put applies what nobody else sets.
func (l *lab) put(patch kubetesting.PatchActionImpl) (bool, kuberuntime.Object, error) {
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode(patch.Patch, nil, nil)
	if err != nil {
		return true, nil, err
	}
	if err = l.tracker.Create(patch.GetResource(), object, ourNamespace); apierrors.IsAlreadyExists(err) {
		err = l.tracker.Update(patch.GetResource(), object, ourNamespace)
	}
	return true, object, err
}

// take counts a write, and gives a new Service its addresses.
func (l *lab) take(action kubetesting.Action, react kubetesting.ReactionFunc) (bool, kuberuntime.Object, error) {
	switch action.GetVerb() {
	case "list", "get":
		return react(action)
	}
	if err := l.admit(action); err != nil {
		return true, nil, err
	}
	if all, is := action.(kubetesting.DeleteCollectionActionImpl); is {
		return true, nil, l.deleteAll(all)
	}
	handled, object, err := react(action)
	if service, is := object.(*corev1.Service); is && err == nil && len(service.Spec.ClusterIPs) == 0 {
		service.Spec.ClusterIPs = l.addresses()
		err = l.tracker.Update(servicesGVR, service, ourNamespace)
	}
	return handled, object, err
}

func (l *lab) admit(action kubetesting.Action) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes = append(l.writes, action.GetVerb()+" "+action.GetResource().Resource+" "+objectOf(action))
	return l.refuse(action)
}

func (l *lab) addresses() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ips++
	return []string{fmt.Sprintf("10.96.%d.%d", l.ips/250, l.ips%250), fmt.Sprintf("fd96::%x", l.ips)}
}

// refusing sets what becomes of writes from now on.
func (l *lab) refusing(refuse func(action kubetesting.Action) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse = refuse
}

func objectOf(action kubetesting.Action) string {
	switch action := action.(type) {
	case kubetesting.PatchActionImpl:
		return action.Name
	case kubetesting.DeleteActionImpl:
		return action.Name
	case kubetesting.DeleteCollectionActionImpl:
		return action.ListOptions.LabelSelector
	}
	return ""
}

// deleteAll is what the fake doesn't have.
func (l *lab) deleteAll(action kubetesting.DeleteCollectionActionImpl) error {
	selected, err := labels.Parse(action.ListOptions.LabelSelector)
	if err != nil {
		return err
	}
	for _, there := range l.slices() {
		if selected.Matches(labels.Set(there.Labels)) {
			if err := l.tracker.Delete(slicesGVR, ourNamespace, there.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lab) slices() []discoveryv1.EndpointSlice {
	all, err := l.tracker.List(slicesGVR, discoveryv1.SchemeGroupVersion.WithKind("EndpointSlice"), ourNamespace)
	require.NoError(l, err)
	return all.(*discoveryv1.EndpointSliceList).Items
}

func (l *lab) services() []corev1.Service {
	all, err := l.tracker.List(servicesGVR, corev1.SchemeGroupVersion.WithKind("Service"), ourNamespace)
	require.NoError(l, err)
	return all.(*corev1.ServiceList).Items
}

// endpointsBy returns where a gateway's slices lead, such as "tcp-80 at 10.0.0.5:20080".
func (l *lab) endpointsBy(gateway string) (all []string) {
	for _, there := range l.slices() {
		read := readSlice(&there)
		for _, addr := range read.addrs {
			for _, port := range read.ports {
				if read.gateway == gateway {
					all = append(all, port.name+" at "+netip.AddrPortFrom(addr, port.number.Port).String())
				}
			}
		}
	}
	return all
}

// written returns what was written since it was asked last.
func (l *lab) written() []string {
	l.Helper()
	time.Sleep(time.Second)
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	writes := l.writes
	l.writes = nil
	return writes
}

// A node is one gateway with its importer.
type node struct {
	*Importer
	atlas   *registry.Atlas
	serving atomic.Bool
	stop    func()
}

// gateway starts a gateway of east at an address, which has a mesh with west.
func (l *lab) gateway(name, podIP string) *node {
	self := registry.Gateway{Cluster: "east", Name: name}
	n := &node{atlas: registry.NewAtlas(self)}
	n.atlas.SetLiveness(map[registry.Gateway]registry.Liveness{west: {Alive: true, Synced: true, Link: registry.LinkUp, RTT: time.Millisecond}})
	n.atlas.SetReady(true)
	n.serving.Store(true)

	factory := informers.NewSharedInformerFactoryWithOptions(l.client, 0, informers.WithNamespace(ourNamespace))
	services, slices := factory.Core().V1().Services(), factory.Discovery().V1().EndpointSlices()
	changed := make(chan struct{}, 1)
	raise := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	var registered []cache.InformerSynced
	for _, informer := range []cache.SharedIndexInformer{services.Informer(), slices.Informer()} {
		handler, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { raise() }, UpdateFunc: func(any, any) { raise() }, DeleteFunc: func(any) { raise() },
		})
		require.NoError(l, err)
		registered = append(registered, handler.HasSynced)
	}
	var err error
	n.Importer, err = NewImporter(ImporterConfig{
		Client: l.client, Services: services.Lister(), Slices: slices.Lister(), Changed: changed,
		Synced:    func() bool { return registered[0]() && registered[1]() },
		Namespace: ourNamespace, Self: self, PodIPs: addrs(podIP), Directory: n.atlas.Directory, Serving: n.serving.Load,
		Log: zerolog.New(zerolog.NewTestWriter(l.T)),
	})
	require.NoError(l, err)
	ctx, cancel := context.WithCancel(l.Context())
	done := make(chan error, 1)
	factory.Start(ctx.Done())
	go func() { done <- n.Run(ctx) }()
	n.stop = func() {
		cancel()
		require.NoError(l, <-done)
		factory.Shutdown()
	}
	return n
}

// export has a gateway export services of one port, and this one listen for them.
func (n *node) export(by registry.Gateway, services ...string) {
	var changes []registry.Change
	for _, service := range services {
		changes = append(changes, registry.Change{Owner: by, Service: vipName(service).Service, Export: udpExport(service)})
	}
	n.atlas.Apply(changes)
	n.listen()
}

func udpExport(service string) *registry.Export {
	return &registry.Export{
		Service: vipName(service).Service, Visibility: registry.Federated, Reach: registry.ThroughGateway,
		Affinity: registry.Local, Ports: []registry.Port{udp(53)}, Ready: 1,
	}
}

func (n *node) withdraw(by registry.Gateway, service string) {
	n.atlas.Apply([]registry.Change{{Owner: by, Service: vipName(service).Service}})
}

// listen opens all that is wanted, each port at 20000 more.
func (n *node) listen() {
	var fronts []registry.Front
	for _, of := range portsOf(n.atlas.Directory().Wanted(false)) {
		at := netip.AddrPortFrom(netip.IPv4Unspecified(), 20000+of.port.Port)
		fronts = append(fronts, registry.Front{Name: of.name, Port: of.port, Listen: at})
	}
	n.Open(fronts)
}

// serve has this cluster export web, with these endpoints.
func (n *node) serve(at ...string) {
	own := registry.Own{Export: *udpExport("web"), Backends: map[registry.PortNumber][]registry.Backend{}}
	own.Export.Ready = uint32(len(at))
	for _, text := range at {
		own.Backends[udp(53).Number()] = append(own.Backends[udp(53).Number()], registry.Backend{Addr: netip.MustParseAddrPort(text)})
	}
	n.SetOwn([]registry.Own{own}) // first, as the daemon does
	n.atlas.Apply([]registry.Change{{Owner: n.config.Self, Service: importedWeb.Service, Export: &own.Export}})
	n.listen()
}

func TestImporterStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		n := l.gateway("grapevine-0", "10.0.0.5")
		defer n.stop()
		require.Empty(t, l.written())

		n.export(west, "web")
		require.Equal(t, []string{
			"patch endpointslices " + webObject + "-grapevine-0-v4-0",
			"patch services " + webObject,
		}, l.written(), "the slice first: a Service that is seen without endpoints is refused for about a second")
		service := l.services()[0]
		require.Empty(t, service.Spec.Selector)
		require.Equal(t, []string{"udp-53 at 10.0.0.5:20053"}, l.endpointsBy("grapevine-0"))
		v4, v6 := n.Lookup(importedWeb)
		require.Equal(t, service.Spec.ClusterIPs[0], v4.String())
		require.False(t, v6.IsValid(), "there is no endpoint behind it")
		require.Equal(t, Stats{
			Writes:   map[Write]uint64{{"EndpointSlice", "apply"}: 1, {"Service", "apply"}: 1},
			Failures: map[Write]uint64{}, Found: 1, Problems: nil,
		}, n.Stats())

		n.atlas.SetLiveness(nil)
		require.Empty(t, l.written(), "the only cluster that serves it is dead")
		n.withdraw(west, "web")
		time.Sleep(3 * time.Second)
		require.Empty(t, l.written(), "4 s unwanted")
		n.export(west, "web")
		time.Sleep(10 * time.Second)
		require.Empty(t, l.written(), "and wanted again")
		n.withdraw(west, "web")
		time.Sleep(5 * time.Second)
		require.Len(t, l.written(), 2)
		require.Empty(t, l.slices())
		require.Empty(t, l.services())
		v4, _ = n.Lookup(importedWeb)
		require.False(t, v4.IsValid())
	})
}

// TestImporterLocalFirst holds that each switch is one write, so a UDP service is never without endpoints.
func TestImporterLocalFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		n := l.gateway("grapevine-0", "10.0.0.5")
		defer n.stop()
		n.export(west, "web")
		require.Len(t, l.written(), 2)
		n.serve("10.0.1.1:5353", "10.0.1.2:5353")
		require.Len(t, l.written(), 1)
		require.Equal(t, []string{"udp-53 at 10.0.1.1:5353", "udp-53 at 10.0.1.2:5353"}, l.endpointsBy("grapevine-0"))
		before, _ := n.Lookup(importedWeb)
		for range 2 {
			n.serve()
			require.Len(t, l.written(), 1)
			require.Equal(t, []string{"udp-53 at 10.0.0.5:20053"}, l.endpointsBy("grapevine-0"))
			n.serve("10.0.1.3:5353")
			require.Len(t, l.written(), 1)
			require.Equal(t, []string{"udp-53 at 10.0.1.3:5353"}, l.endpointsBy("grapevine-0"))
		}
		after, _ := n.Lookup(importedWeb)
		require.True(t, after.IsValid())
		require.Equal(t, before, after)
	})
}

// pair starts two gateways that know one another, and have web.
func pair(l *lab) (a, b *node) {
	a, b = l.gateway("grapevine-0", "10.0.0.5"), l.gateway("grapevine-1", "10.0.0.6")
	a.SetGateways(map[string]Sibling{"grapevine-1": SiblingLive})
	b.SetGateways(map[string]Sibling{"grapevine-0": SiblingLive})
	a.export(west, "web", "dns")
	b.export(west, "web", "dns")
	require.Len(l, l.written(), 6, "two Services, and a slice of each gateway for both")
	for _, n := range []*node{a, b} {
		v4, _ := n.Lookup(importedWeb)
		require.True(l, v4.IsValid())
	}
	return a, b
}

func TestImporterBuriesASibling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		a, b := pair(l)
		defer a.stop()
		b.stop()

		a.SetGateways(map[string]Sibling{"grapevine-1": SiblingLinkDown})
		require.Equal(t, []string{"delete-collection endpointslices " + selector("grapevine-1")}, l.written())
		require.Empty(t, l.endpointsBy("grapevine-1"))
		a.SetGateways(map[string]Sibling{"grapevine-1": SiblingDead})
		time.Sleep(time.Minute)
		require.Empty(t, l.written())

		b = l.gateway("grapevine-1", "10.0.0.7") // it comes back elsewhere, and is thought dead all the same
		b.SetGateways(map[string]Sibling{"grapevine-0": SiblingLive})
		b.export(west, "web", "dns")
		time.Sleep(200 * time.Millisecond)
		require.Len(t, l.written(), 2+2+1, "it writes its slices, has them removed, and writes them again: once, for the ring may be wrong")
		time.Sleep(25 * time.Second)
		require.Empty(t, l.written())
		a.SetGateways(map[string]Sibling{"grapevine-1": SiblingLive})
		time.Sleep(time.Minute)
		require.Empty(t, l.written())
		require.Len(t, l.endpointsBy("grapevine-1"), 2)
		b.stop()
	})
}

func TestImporterThatLivesWritesItsSlicesAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		a, b := pair(l)
		defer a.stop()
		defer b.stop()
		a.SetGateways(map[string]Sibling{"grapevine-1": SiblingLinkDown})
		require.Len(t, l.written(), 3, "one request to remove two slices, and two to write them anew")
		time.Sleep(time.Minute)
		require.Empty(t, l.written())
		require.Len(t, l.endpointsBy("grapevine-1"), 2)
	})
}

func TestImporterStandsInForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		b := l.gateway("grapevine-1", "10.0.0.6")
		defer b.stop()
		b.SetGateways(map[string]Sibling{"grapevine-0": SiblingLive}) // which does nothing
		b.export(west, "web")
		require.Equal(t, []string{"patch endpointslices " + webObject + "-grapevine-1-v4-0"}, l.written())
		v4, _ := b.Lookup(importedWeb)
		require.False(t, v4.IsValid())
		time.Sleep(2 * time.Second)
		require.Equal(t, []string{"patch services " + webObject}, l.written())
		v4, _ = b.Lookup(importedWeb)
		require.True(t, v4.IsValid())
	})
}

func TestImporterForgetsGatewaysThatNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		a, b := pair(l)
		defer a.stop()
		b.stop()
		a.SetGateways(nil)
		require.Empty(t, l.written(), "it may not have been told yet")
		time.Sleep(3 * time.Second)
		require.Len(t, l.written(), 1)
		require.Empty(t, l.endpointsBy("grapevine-1"))
	})
}

func TestImporterWithdraws(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		a, b := pair(l)
		defer a.stop()
		defer b.stop()
		require.NoError(t, a.Withdraw(t.Context()))
		require.Equal(t, []string{"delete-collection endpointslices " + selector("grapevine-0")}, l.written())
		a.export(west, "more")
		require.Empty(t, l.written(), "nothing is written any more")
		v4, _ := a.Lookup(importedWeb)
		require.True(t, v4.IsValid(), "its siblings serve it")

		b.SetGateways(map[string]Sibling{"grapevine-0": SiblingDead})
		require.NoError(t, b.Withdraw(t.Context()))
		require.Empty(t, l.written(), "the last one leaves its endpoints")
		require.Len(t, l.endpointsBy("grapevine-1"), 2)
	})
}

// TestImporterWaitsForItsSibling has the sibling's slices come while the gateway withdraws.
func TestImporterWaitsForItsSibling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		a := l.gateway("grapevine-0", "10.0.0.5")
		defer a.stop()
		a.export(west, "web")
		require.Len(t, l.written(), 2)
		a.SetGateways(map[string]Sibling{"grapevine-1": SiblingLive})
		gone := make(chan error, 1)
		go func() { gone <- a.Withdraw(t.Context()) }()
		require.Empty(t, l.written(), "it would leave web without endpoints")
		b := l.gateway("grapevine-1", "10.0.0.6")
		defer b.stop()
		b.SetGateways(map[string]Sibling{"grapevine-0": SiblingLive})
		b.export(west, "web")
		require.NoError(t, <-gone)
		require.Equal(t, []string{
			"patch endpointslices " + webObject + "-grapevine-1-v4-0",
			"delete-collection endpointslices " + selector("grapevine-0"),
		}, l.written())
	})
}

// TestImporterRestarts comes back with another Pod IP, and knows nothing of the mesh at first.
func TestImporterRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		n := l.gateway("grapevine-0", "10.0.0.5")
		n.export(west, "web")
		require.Len(t, l.written(), 2)
		before, _ := n.Lookup(importedWeb)
		recorded, err := n.Recorded()
		require.NoError(t, err)
		require.Equal(t, []registry.Front{{Name: importedWeb, Port: udp(53).Number(), Listen: netip.MustParseAddrPort("10.0.0.5:20053")}}, recorded)
		n.stop()

		n = l.gateway("grapevine-0", "10.0.0.9")
		defer n.stop()
		n.atlas.SetReady(false)
		time.Sleep(time.Minute)
		require.Empty(t, l.written(), "unknown is keep")
		v4, _ := n.Lookup(importedWeb)
		require.False(t, v4.IsValid(), "its endpoint is at the old address")
		recorded, err = n.Recorded()
		require.NoError(t, err)
		require.Empty(t, recorded)
		n.export(west, "web")
		require.Len(t, l.written(), 1)
		require.Equal(t, []string{"udp-53 at 10.0.0.9:20053"}, l.endpointsBy("grapevine-0"))
		v4, _ = n.Lookup(importedWeb)
		require.Equal(t, before, v4)
	})
}

// TestImporterComesBackAlone: all gateways died, and one is back. Clients are sent to the other one's endpoints until they are gone.
func TestImporterComesBackAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		a, b := pair(l)
		a.stop()
		b.stop()

		b = l.gateway("grapevine-1", "10.0.0.6")
		defer b.stop()
		b.atlas.SetReady(false)
		time.Sleep(time.Minute)
		require.Empty(t, l.written(), "nobody was asked who there is")
		b.export(west, "web", "dns")
		b.atlas.SetReady(true)
		time.Sleep(3 * time.Second)
		require.Equal(t, []string{"delete-collection endpointslices " + selector("grapevine-0")}, l.written())
		require.NotEmpty(t, l.endpointsBy("grapevine-1"))
	})
}

// TestImporterMeetsOthersServices has a Service of a name that we want belong to somebody else.
func TestImporterMeetsOthersServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		made := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: webObject, Namespace: ourNamespace}}
		require.NoError(t, l.tracker.Add(made))
		n := l.gateway("grapevine-0", "10.0.0.5")
		defer n.stop()
		n.export(west, "web", "dns")
		require.Len(t, l.written(), 2, "for dns")
		require.Len(t, n.Stats().Problems, 1)
		require.Equal(t, "web.shop", n.Stats().Problems[0].About)
		v4, _ := n.Lookup(importedWeb)
		require.False(t, v4.IsValid())

		require.NoError(t, l.tracker.Delete(servicesGVR, ourNamespace, webObject))
		require.Len(t, l.written(), 2)
		require.Empty(t, n.Stats().Problems)
	})
}

// TestImporterIsRefused has the API server refuse one object, which stops no other, and then everything.
func TestImporterIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		n := l.gateway("grapevine-0", "10.0.0.5")
		defer n.stop()
		l.refusing(func(action kubetesting.Action) error {
			if objectOf(action) == webObject {
				return apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, webObject, errors.New("no"))
			}
			return nil
		})
		n.export(west, "web", "dns")
		time.Sleep(29 * time.Second)
		attempts := len(l.written()) - 3
		require.Greater(t, attempts, 3)
		require.Less(t, attempts, 8, "backed off")
		require.ErrorContains(t, errors.New(n.Stats().Problems[0].Detail),
			"the gateway's service account needs the verb create and patch on services there")
		v4, _ := n.Lookup(vipName("dns"))
		require.True(t, v4.IsValid())

		l.refusing(func(kubetesting.Action) error { return errors.New("connection refused") })
		n.export(west, "more", "and", "more")
		time.Sleep(10 * time.Minute)
		require.Less(t, len(l.written()), 10*60/5*writesAtOnce)
		v4, _ = n.Lookup(vipName("dns"))
		require.True(t, v4.IsValid(), "the API server is away, and nothing else changes")

		l.refusing(func(kubetesting.Action) error { return nil })
		time.Sleep(2*longestAway + time.Second)
		require.NotEmpty(t, l.written())
		require.Len(t, l.services(), 4)
		require.Empty(t, n.Stats().Problems)
		require.Equal(t, 4, n.Stats().Found)
	})
}

// TestImporterWithAThousandServices counts writes: two objects for each service, and one for one change.
func TestImporterWithAThousandServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newQuickLab(t)
		n := l.gateway("grapevine-0", "10.0.0.5")
		defer n.stop()
		var services []string
		for i := range 1000 {
			services = append(services, fmt.Sprint("s", i))
		}
		n.export(west, services...)
		time.Sleep(10 * time.Second)
		require.Len(t, l.written(), 2000)
		require.Equal(t, 1000, n.Stats().Found)
		n.export(west, "web")
		require.Len(t, l.written(), 2)
		n.atlas.SetLiveness(nil)
		require.Empty(t, l.written(), "failover writes nothing")
	})
}
