package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	kubefake "k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"
	mcsfake "sigs.k8s.io/mcs-api/pkg/client/clientset/versioned/fake"

	"github.com/grapevine-mesh/grapevine/registry"
)

// A fakeCluster is an API server in memory that can go away, lie in its lists, and end its watches.
type fakeCluster struct {
	core *kubefake.Clientset
	mcs  *mcsfake.Clientset

	mu      sync.Mutex
	fails   map[string]error       // by resource; "*" is all
	hides   func(name string) bool // what the next lists leave out
	version string                 // of lists; empty: the fake's own
	lists   map[string]int         // how many were asked for, by resource
	watches []*fakeWatch
}

func newFakeCluster(objects ...runtime.Object) *fakeCluster {
	c := &fakeCluster{fails: map[string]error{}, lists: map[string]int{}}
	var ofCore, ofMCS []runtime.Object
	for _, object := range objects {
		if strings.Contains(fmt.Sprintf("%T", object), "v1beta1.") {
			ofMCS = append(ofMCS, object)
		} else {
			ofCore = append(ofCore, object)
		}
	}
	c.core, c.mcs = kubefake.NewSimpleClientset(ofCore...), mcsfake.NewSimpleClientset(ofMCS...)
	c.adopt(&c.core.Fake, c.core.Tracker())
	c.adopt(&c.mcs.Fake, c.mcs.Tracker())
	return c
}

func (c *fakeCluster) client() *Client { return &Client{Core: c.core, MCS: c.mcs} }

// adopt puts the cluster's faults before a fake client's answers.
func (c *fakeCluster) adopt(fake *k8stesting.Fake, tracker k8stesting.ObjectTracker) {
	answer := k8stesting.ObjectReaction(tracker)
	fake.PrependReactor("list", "*", func(action k8stesting.Action) (bool, runtime.Object, error) {
		if err := c.failure(action, true); err != nil {
			return true, nil, err
		}
		handled, list, err := answer(action)
		if err == nil {
			c.falsify(list)
		}
		return handled, list, err
	})
	fake.PrependWatchReactor("*", func(action k8stesting.Action) (bool, watch.Interface, error) {
		if err := c.failure(action, false); err != nil {
			return true, nil, err
		}
		inner, err := tracker.Watch(action.GetResource(), action.GetNamespace())
		if err != nil {
			return true, nil, err
		}
		return true, c.watching(inner), nil
	})
}

func (c *fakeCluster) failure(action k8stesting.Action, list bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	resource := action.GetResource().Resource
	if list {
		c.lists[resource]++
	}
	if err := c.fails[resource]; err != nil {
		return err
	}
	return c.fails["*"]
}

// listed is how many lists of a resource were asked for.
func (c *fakeCluster) listed(resource string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lists[resource]
}

func (c *fakeCluster) falsify(list runtime.Object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version != "" {
		accessor, _ := meta.ListAccessor(list)
		accessor.SetResourceVersion(c.version)
	}
	if c.hides == nil {
		return
	}
	all, _ := meta.ExtractList(list)
	var shown []runtime.Object
	for _, object := range all {
		if m, _ := meta.Accessor(object); !c.hides(m.GetName()) {
			shown = append(shown, object)
		}
	}
	_ = meta.SetList(list, shown)
}

// fail makes requests about a resource fail, and ends its watches; nil mends it.
func (c *fakeCluster) fail(resource string, err error) {
	c.mu.Lock()
	c.fails[resource] = err
	c.mu.Unlock()
	if err != nil {
		c.expire()
	}
}

// hide leaves objects out of the lists from now on, and has everything listed anew.
func (c *fakeCluster) hide(names ...string) {
	c.hideQuietly(names...)
	c.expire()
}

// hideQuietly does so without anybody being told to list.
func (c *fakeCluster) hideQuietly(names ...string) {
	c.mu.Lock()
	c.hides = func(name string) bool {
		for _, hidden := range names {
			if hidden == name || hidden == "*" {
				return true
			}
		}
		return false
	}
	c.mu.Unlock()
}

func (c *fakeCluster) show() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hides = nil
}

// expire ends all watches as an API server does that has forgotten the version they began from.
func (c *fakeCluster) expire() {
	gone := apierrors.NewResourceExpired("too old").Status()
	c.end(&watch.Event{Type: watch.Error, Object: &gone})
}

// hangUp ends all watches without a word.
func (c *fakeCluster) hangUp() { c.end(nil) }

func (c *fakeCluster) end(last *watch.Event) {
	c.mu.Lock()
	watches := c.watches
	c.watches = nil
	c.mu.Unlock()
	for _, w := range watches {
		w.end(last)
	}
}

func (c *fakeCluster) watching(inner watch.Interface) watch.Interface {
	w := &fakeWatch{inner: inner, out: make(chan watch.Event), last: make(chan *watch.Event, 1), stop: make(chan struct{})}
	c.mu.Lock()
	c.watches = append(c.watches, w)
	c.mu.Unlock()
	go w.pass()
	return w
}

// A fakeWatch passes on what the fake says, until it is ended from either side.
type fakeWatch struct {
	inner watch.Interface
	out   chan watch.Event
	last  chan *watch.Event
	stop  chan struct{}
	once  sync.Once
}

func (w *fakeWatch) ResultChan() <-chan watch.Event { return w.out }

func (w *fakeWatch) Stop() { w.once.Do(func() { close(w.stop); w.inner.Stop() }) }

func (w *fakeWatch) end(last *watch.Event) {
	select {
	case w.last <- last:
	default:
	}
}

func (w *fakeWatch) pass() {
	defer close(w.out)
	for {
		select {
		case <-w.stop:
			return
		case last := <-w.last:
			if last != nil {
				select {
				case w.out <- *last:
				case <-w.stop:
				}
			}
			return
		case event := <-w.inner.ResultChan():
			select {
			case w.out <- event:
			case <-w.stop:
				return
			}
		}
	}
}

// A world is a cluster with a running watch and source, in virtual time.
type world struct {
	*fakeCluster
	t       *testing.T
	watch   *Watch
	source  *Source
	reports [][]registry.Own // under the cluster's mu
	first   atomic.Bool
	log     logLines
}

// logLines is a log that can be read while it is written.
type logLines struct {
	mu   sync.Mutex
	text []byte
}

func (j *logLines) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text = append(j.text, line...)
	return len(line), nil
}

func (j *logLines) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return string(j.text)
}

const home = "grapevine"

// inWorld runs the test against a cluster with these objects. Everything that was started has stopped when it returns.
func inWorld(t *testing.T, c func() *fakeCluster, mcs bool, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{fakeCluster: c(), t: t}
		w.first.Store(true)
		log := zerolog.New(&w.log).Level(zerolog.InfoLevel)
		var err error
		w.watch, err = NewWatch(WatchConfig{Client: w.client(), Namespace: home, MCS: mcs, Log: log})
		require.NoError(t, err)
		w.source, err = NewSource(SourceConfig{
			Watch: w.watch, Self: registry.Gateway{Cluster: "east", Name: "grapevine-0"}, Log: log,
			OnChange: w.report,
			First:    w.first.Load,
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { require.NoError(t, w.watch.Run(ctx)) })
		running.Go(func() { require.NoError(t, w.source.Run(ctx)) })
		synctest.Wait()
		test(w)
		stopped := time.Now()
		cancel()
		running.Wait()
		require.Zero(t, time.Since(stopped), "Run returns at once")
	})
}

// after lets time pass, and everything happen that is due.
func (w *world) after(d time.Duration) *world {
	time.Sleep(d)
	synctest.Wait()
	return w
}

func (w *world) report(owns []registry.Own) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reports = append(w.reports, owns)
}

// reported are the reports so far.
func (w *world) reported() [][]registry.Own {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.reports)
}

// exports are the names in the last report.
func (w *world) exports() string {
	reports := w.reported()
	require.NotEmpty(w.t, reports, "no report yet")
	var names []string
	for _, own := range reports[len(reports)-1] {
		names = append(names, own.Export.Service.Name)
	}
	return strings.Join(names, " ")
}

// logged counts the lines that have the text.
func (w *world) logged(text string) int { return strings.Count(w.log.String(), text) }
