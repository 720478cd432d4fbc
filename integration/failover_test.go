package integration

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
)

// traffic asks a gateway's VIP every few milliseconds, as open-loop as virtual time allows: every request is begun when it
// is due, whatever became of those before.
type traffic struct {
	mu      sync.Mutex
	results []result
	stop    chan struct{}
	begun   sync.WaitGroup
}

type result struct {
	at   time.Time
	took time.Duration
	by   string
	err  error
}

func (m *mesh) traffic(g *gateway, every time.Duration) *traffic {
	vip := m.lookup(g, "web.shop.federated")
	tr := &traffic{stop: make(chan struct{})}
	tr.begun.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-tr.stop:
				return
			case at := <-ticker.C:
				tr.begun.Go(func() {
					by, err := g.try(vip)
					if err == nil && by == "" {
						err = errors.New("no answer")
					}
					tr.mu.Lock()
					defer tr.mu.Unlock()
					tr.results = append(tr.results, result{at, time.Since(at), by, err})
				})
			}
		}
	})
	return tr
}

// end stops the traffic and returns what became of the requests begun from a moment on.
func (tr *traffic) end(from time.Time) []result {
	close(tr.stop)
	tr.begun.Wait()
	return slices.DeleteFunc(tr.results, func(r result) bool { return r.at.Before(from) })
}

// unnoticed is how long a request may take in spite of what happens to a cluster: less than the detector needs.
const unnoticed = 250 * time.Millisecond

// fine fails the test for the first request that failed or that somebody would have noticed.
func (m *mesh) fine(results []result) {
	m.t.Helper()
	require.NotEmpty(m.t, results)
	longest := time.Duration(0)
	for _, r := range results {
		require.NoError(m.t, r.err, "after %d requests, by %q", len(results), r.by)
		require.Less(m.t, r.took, unnoticed, "after %d requests, by %q", len(results), r.by)
		longest = max(longest, r.took)
	}
	m.t.Logf("%d requests, longest %s", len(results), longest)
}

// A whole cluster loses its power. New connections must not notice: not one fails, and none takes long.
func TestClusterDiesAndNewConnectionsDoNotNotice(t *testing.T) {
	newMesh(t, threeClusters, 2, func(m *mesh) {
		m.network.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 10 * time.Millisecond}))
		m.eventually(10*time.Second, "one mesh", m.all(), whole(6, 3))
		time.Sleep(8 * time.Second) // before, the detectors don't know yet that hardly a beat gets lost, and wait longer
		alive := m.of("east", "north")
		east, north := m.traffic(alive[0], 5*time.Millisecond), m.traffic(alive[2], 5*time.Millisecond)
		time.Sleep(time.Second)

		killed := time.Now()
		m.kill(m.of("west")...)
		m.t.Logf("links down after %s", m.eventually(time.Second, "links down", alive, func(d *daemon.Daemon) error { return down(d, "west") }))
		m.t.Logf("ring dead after %s", m.eventually(30*time.Second, "ring", alive, func(d *daemon.Daemon) error { return members(d, "west", "dead", 2) }))
		m.fine(east.end(killed))
		m.fine(north.end(killed))

		healed := time.Now()
		for _, g := range m.of("west") {
			m.start(g)
		}
		m.eventually(10*time.Second, "one mesh again", m.all(), whole(6, 3))
		m.t.Logf("whole again after %s", time.Since(healed))
	})
}

// SIGSTOP: everything of the cluster stands still, and comes back later with a view of the past.
func TestClusterHangsAndComesBack(t *testing.T) {
	newMesh(t, threeClusters, 2, func(m *mesh) {
		m.eventually(10*time.Second, "one mesh", m.all(), whole(6, 3))
		east := m.traffic(m.of("east")[0], 5*time.Millisecond)
		time.Sleep(time.Second)
		frozen := time.Now()
		for _, g := range m.of("west") {
			g.host.Freeze()
		}
		time.Sleep(20 * time.Second)
		m.fine(east.end(frozen))
		for _, g := range m.of("west") {
			g.host.Thaw()
		}
		m.eventually(10*time.Second, "one mesh again", m.all(), whole(6, 3))
	})
}

// A gateway that was asked to stop costs nobody a connection.
func TestRestartingOneGatewayAfterTheOtherCostsNothing(t *testing.T) {
	newMesh(t, threeClusters, 2, func(m *mesh) {
		m.eventually(10*time.Second, "one mesh", m.all(), whole(6, 3))
		east := m.traffic(m.of("east")[0], 5*time.Millisecond)
		start := time.Now()
		time.Sleep(time.Second)
		for _, g := range m.of("west") {
			g.run.cancel() // the service beside it goes on until the gateway has left
			require.NoError(m.t, <-g.run.ended)
			g.run = nil
			g.web.Close()
			m.eventually(time.Second, "left", m.of("east"), func(d *daemon.Daemon) error { return member(d, g.self.String(), "left") })
			time.Sleep(2 * time.Second)
			m.start(g)
			m.eventually(10*time.Second, "one mesh again", m.all(), whole(6, 3))
		}
		m.fine(east.end(start))
	})
}

// Only one direction of one pair is cut. The ring keeps everybody: others still reach both. The pair itself routes round.
func TestOneWayCutCostsAPairAndNobodyElse(t *testing.T) {
	newMesh(t, threeClusters, 2, func(m *mesh) {
		m.eventually(10*time.Second, "one mesh", m.all(), whole(6, 3))
		east, west := m.of("east"), m.of("west")
		tr := m.traffic(east[0], 5*time.Millisecond)
		time.Sleep(time.Second)
		cut := time.Now()
		m.network.SetWeather(chaos.Over(chaos.Calm, chaos.CutOneWay(east[0].addr, west[0].addr)))
		m.eventually(2*time.Second, "down", east[:1], func(d *daemon.Daemon) error { return linkIs(d, west[0].self.String(), "down") })
		time.Sleep(time.Minute)
		for _, g := range m.all() {
			require.NoError(m.t, members(g.run.daemon, "west", "alive", 2), "%s", g.self)
		}
		m.fine(tr.end(cut.Add(time.Second)))
		m.network.SetWeather(chaos.Calm)
		m.eventually(10*time.Second, "one mesh again", m.all(), whole(6, 3))
	})
}

// down asks that no link to a gateway of the cluster is in use.
func down(d *daemon.Daemon, cluster string) error {
	for _, link := range d.Links() {
		if string(link.Gateway.Cluster) == cluster && link.State != "down" {
			return fmt.Errorf("the link to %s is %s", link.Gateway, link.State)
		}
	}
	return nil
}

func linkIs(d *daemon.Daemon, gateway, state string) error {
	for _, link := range d.Links() {
		if link.Gateway.String() == gateway && link.State == state {
			return nil
		}
	}
	return fmt.Errorf("the link to %s is not %s", gateway, state)
}

// members asks for n members of the cluster in a state.
func members(d *daemon.Daemon, cluster, state string, n int) error {
	found := 0
	for _, m := range d.Members() {
		if string(m.Cluster) == cluster && m.State == state {
			found++
		}
	}
	if found != n {
		return fmt.Errorf("%d members of %s are %s, want %d", found, cluster, state, n)
	}
	return nil
}

func member(d *daemon.Daemon, gateway, state string) error {
	for _, m := range d.Members() {
		if m.Gateway.String() == gateway && m.State == state {
			return nil
		}
	}
	return fmt.Errorf("%s is not %s", gateway, state)
}
