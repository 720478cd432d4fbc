package kube

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
	"github.com/grapevine-mesh/grapevine/integration/kube/testcluster"
	"github.com/grapevine-mesh/grapevine/registry"
)

// away is how long the API server is gone. Half of it is more than any of a gateway's patience with what is unwanted.
const away = 30 * time.Second

// TestFaults holds that nothing which befalls an API server takes an export from the mesh, or rewrites what Grapevine has
// written, neither in the cluster that exports nor in the one that imports.
func TestFaults(t *testing.T) {
	w := newSteadyWorld(t, newWorld)
	east, west := w.all[0], w.all[1]
	pause := away
	if testing.Short() {
		pause = 5 * time.Second
	}
	restart := func(s *site) { s.Stop(); time.Sleep(pause); s.Start() }
	w.steady("the exporter's API server is away", func() { restart(east) })
	w.steady("the importer's API server is away", func() { restart(west) })
	w.steady("the exporter's API server is killed", func() { east.Kill(); east.Start() })
	w.steady("the exporter's API server hangs", func() { east.Freeze(); time.Sleep(pause / 2); east.Thaw() })
	w.steady("etcd is put back, at the exporter", func() {
		before := east.Snapshot()
		for i := range 20 {
			create(t, east.Cluster, "default", service(fmt.Sprintf("lost-%d", i)))
		}
		east.Stop()
		time.Sleep(time.Second) // the gateway finds nobody, as it would
		east.Restore(before)
	})
	w.steady("etcd is put back, at the importer", func() {
		before := west.Snapshot()
		east.exported("late", 1)
		west.leadsTo("late", west.podIPs(0)...)
		lost := west.derived("late")
		west.Stop()
		west.Restore(before)
		eventually(t, func() bool {
			found := west.findDerived("late")
			return found != nil && found.UID != lost.UID
		}, "what was lost is made again")
		west.leadsTo("late", west.podIPs(0)...)
	})
	t.Run("and what is deleted is believed at once", func(t *testing.T) {
		remove(t, east.Cluster, "shop", "web")
		west.sees("web", map[registry.Cluster]uint32{})
		eventually(t, func() bool { return west.findDerived("web") == nil }, "the derived Service is gone")
	})
}

// TestLies holds the same where the API server, or what stands in front of it, doesn't say what is so.
func TestLies(t *testing.T) {
	w := newSteadyWorld(t, newProxiedWorld)
	east := w.all[0]
	tell := func(says string, lies ...testcluster.Lie) func() {
		return func() {
			log := east.gateways[0].process.Log
			before, err := os.ReadFile(log)
			require.NoError(t, err)
			east.proxy.Tell(lies...)
			east.proxy.Cut()
			eventually(t, func() bool {
				now, err := os.ReadFile(log)
				return err == nil && strings.Contains(string(now[len(before):]), says) && east.proxy.Told() >= len(lies)
			}, "the gateway says: %s", says)
			east.proxy.Tell()
		}
	}
	for _, kind := range []string{"services", "endpointslices"} {
		w.steady("a list of "+kind+" is empty once", tell("objects are missing in a list", east.proxy.Empty(kind)))
		w.steady("a list of "+kind+" is refused a few times", tell("",
			testcluster.Refused(kind), testcluster.Refused(kind), testcluster.Refused(kind)))
		w.steady("what was seen of "+kind+" is gone, and has to be listed again", tell("", testcluster.Gone(kind), testcluster.Gone(kind)))
	}
}

// steadily are the services that nothing may happen to: east exports them, with two Pods each.
var steadily = []string{"web", "api"}

func newSteadyWorld(t *testing.T, make func(*testing.T, ...registry.Cluster) *world) *world {
	t.Helper()
	w := make(t, "east", "west")
	for _, name := range steadily {
		w.all[0].exported(name, 2)
		w.all[1].sees(name, map[registry.Cluster]uint32{"east": 2})
		w.all[1].leadsTo(name, w.all[1].podIPs(0)...)
	}
	return w
}

// steady makes something happen, and shows by one more export that the gateways have heard of all that happened since. All the while
// the others are to be had everywhere, and at its end nothing about them was written.
func (w *world) steady(what string, happen func()) {
	w.t.Helper()
	w.t.Run(what, func(t *testing.T) {
		east, west := w.all[0], w.all[1]
		before := []map[string]string{east.written(steadily...), west.written(steadily...)}
		watching := watch(w.all, steadily)
		happen()
		w.markers++
		marker := fmt.Sprintf("marker-%d", w.markers)
		east.exported(marker, 1)
		west.sees(marker, map[registry.Cluster]uint32{"east": 1})
		west.leadsTo(marker, west.podIPs(0)...)
		require.Empty(t, watching.end())
		require.Equal(t, before, []map[string]string{east.written(steadily...), west.written(steadily...)})
	})
}

// watcher asks gateways again and again which services can be had, and notes every time when one can't.
type watcher struct {
	stop     chan struct{}
	asking   sync.WaitGroup
	mu       sync.Mutex
	failures []string
}

func watch(sites []*site, names []string) *watcher {
	w := &watcher{stop: make(chan struct{})}
	for _, s := range sites {
		w.asking.Go(func() {
			for ticker := time.NewTicker(50 * time.Millisecond); ; {
				select {
				case <-w.stop:
					ticker.Stop()
					return
				case <-ticker.C:
					w.look(s, names)
				}
			}
		})
	}
	return w
}

func (w *watcher) look(s *site, names []string) {
	services := ask[[]daemon.Service](s.gateways[0], "services")
	for _, name := range names {
		if ready := readyAt(services, name); ready["east"] != 2 {
			w.mu.Lock()
			w.failures = append(w.failures, fmt.Sprintf("%s sees %v of %s", s.name, ready, name))
			w.mu.Unlock()
		}
	}
}

// end returns what was noted.
func (w *watcher) end() []string {
	close(w.stop)
	w.asking.Wait()
	return w.failures
}
