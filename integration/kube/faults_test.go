package kube

import (
	"fmt"
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

// TestFaults holds that nothing which an API server does, short of saying that something was deleted, takes an export from the
// mesh or rewrites what Grapevine has written, neither in the cluster that exports nor in the one that imports.
func TestFaults(t *testing.T) {
	w := newWorld(t, "east", "west")
	east, west := w.all[0], w.all[1]
	names := []string{"web", "api"}
	for _, name := range names {
		east.exported(name, 2)
		west.sees(name, map[registry.Cluster]uint32{"east": 2})
		west.leadsTo(name, west.podIPs(0)...)
	}
	pause := away
	if testing.Short() {
		pause = 5 * time.Second
	}
	believed := func(words string, lies ...testcluster.Lie) func(s *site) {
		return func(s *site) {
			s.proxy.Tell(lies...)
			s.proxy.Cut()
			eventually(t, func() bool { return strings.Contains(s.gateways[0].process.Tail(100), words) }, "the gateway says: %s", words)
		}
	}
	kinds := []string{"services", "endpointslices", "serviceexports"}
	var gone, empty, refused []testcluster.Lie
	for _, kind := range kinds {
		gone = append(gone, testcluster.Gone(kind))
		empty = append(empty, east.proxy.Empty(kind))
		refused = append(refused, testcluster.Refused(kind), testcluster.Refused(kind), testcluster.Refused(kind))
	}
	for i, fault := range []struct {
		name   string
		of     *site
		happen func(s *site)
	}{
		{"the exporter's API server is away", east, func(s *site) { s.Stop(); time.Sleep(pause); s.Start() }},
		{"the exporter's API server is killed", east, func(s *site) { s.Kill(); s.Start() }},
		{"the exporter's API server hangs", east, func(s *site) { s.Freeze(); time.Sleep(pause / 2); s.Thaw() }},
		{"the importer's API server is away", west, func(s *site) { s.Stop(); time.Sleep(pause); s.Start() }},
		{"all that was seen is gone, and has to be listed again", east, func(s *site) {
			s.proxy.Tell(gone...)
			s.proxy.Cut()
		}},
		{"a list is empty once", east, believed("objects are missing in a list", append(gone, empty...)...)},
		{"lists are refused for a while", east, believed("not allowed to read", append(gone, refused...)...)},
		{"etcd is put back, at the exporter", east, func(s *site) {
			before := s.Snapshot()
			for i := range 20 {
				create(t, s.Cluster, "default", service(fmt.Sprintf("lost-%d", i)))
			}
			s.Stop()
			s.Restore(before)
		}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			before := []map[string]string{east.written(names...), west.written(names...)}
			watching := watch(w.all, names)
			fault.happen(fault.of)
			fault.of.proxy.Tell()
			marker := fmt.Sprintf("marker-%d", i) // shows that the gateways have heard of what happened since
			east.exported(marker, 1)
			west.sees(marker, map[registry.Cluster]uint32{"east": 1})
			west.leadsTo(marker, west.podIPs(0)...)
			require.Empty(t, watching.end())
			require.Equal(t, before, []map[string]string{east.written(names...), west.written(names...)})
		})
	}

	t.Run("etcd is put back, at the importer", func(t *testing.T) {
		before := west.written(names...)
		snapshot := west.Snapshot()
		east.exported("late", 1)
		west.leadsTo("late", west.podIPs(0)...)
		lost := west.derived("late")
		watching := watch(w.all, names)
		west.Stop()
		west.Restore(snapshot)
		eventually(t, func() bool {
			found := west.findDerived("late")
			return found != nil && found.UID != lost.UID
		}, "what was lost is made again")
		west.leadsTo("late", west.podIPs(0)...)
		require.Empty(t, watching.end())
		require.Equal(t, before, west.written(names...))
	})

	t.Run("and what is deleted is believed at once", func(t *testing.T) {
		remove(t, east.Cluster, "shop", "web")
		west.sees("web", map[registry.Cluster]uint32{})
		eventually(t, func() bool { return west.findDerived("web") == nil }, "the derived Service is gone")
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
