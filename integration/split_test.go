package integration

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/file"
)

// A split heals to one ring and equal registries within ten seconds, however long it lasted. memberlist alone never
// heals one that was longer than a few seconds: what does is the rejoin loop.
func TestSplitsHeal(t *testing.T) {
	for _, lasts := range []time.Duration{25 * time.Second, 2 * time.Minute, time.Hour} {
		t.Run(lasts.String(), func(t *testing.T) {
			newMesh(t, threeClusters, 2, func(m *mesh) {
				m.eventually(10*time.Second, "one mesh", m.all(), whole(6, 3))
				m.network.SetWeather(chaos.Partition(addrs(m.of("east")), addrs(m.of("north", "west"))))
				time.Sleep(lasts)
				for _, g := range m.of("east") {
					require.NoError(m.t, whole(2, 1)(g.run.daemon), "%s serves with what it reaches", g.self)
				}
				for _, g := range m.of("north", "west") {
					require.NoError(m.t, whole(4, 2)(g.run.daemon), "%s serves with what it reaches", g.self)
				}
				m.network.SetWeather(chaos.Calm)
				m.t.Logf("healed after %s", m.eventually(10*time.Second, "one mesh again", m.all(), whole(6, 3)))
				m.sameRegistry(10 * time.Second)
			})
		})
	}
}

// What changed on either side of a split is known to all after it.
func TestChangesDuringASplitArriveAfterIt(t *testing.T) {
	newMesh(t, threeClusters, 2, func(m *mesh) {
		m.eventually(10*time.Second, "one mesh", m.all(), whole(6, 3))
		east, rest := m.of("east"), m.of("north", "west")
		m.network.SetWeather(chaos.Partition(addrs(east), addrs(rest)))
		time.Sleep(30 * time.Second)
		m.stop(east[1])
		m.services = append(m.services, file.Service{Name: "api", Namespace: "shop", Ports: []registry.Port{{Port: 8081}}, Endpoints: []string{"127.0.0.1:9001"}})
		m.start(east[1])
		m.eventually(10*time.Second, "api in east", east, serving("api", 1))
		require.Error(m.t, serving("api", 1)(rest[0].run.daemon))
		m.network.SetWeather(chaos.Calm)
		m.eventually(10*time.Second, "api everywhere", m.all(), serving("api", 1))
		m.sameRegistry(10 * time.Second)
	})
}

// A pod that comes back has another address. It is the same member, accepted within two seconds.
func TestGatewayRestartedWithAnotherAddressIsBackWithinTwoSeconds(t *testing.T) {
	newMesh(t, threeClusters, 2, func(m *mesh) {
		m.eventually(10*time.Second, "one mesh", m.all(), whole(6, 3))
		for _, away := range []time.Duration{time.Second, 30 * time.Second} { // before and after the ring gave it up
			moved := m.of("west")[1]
			m.kill(moved)
			time.Sleep(away)
			moved.addr = moved.addr.Next()
			m.start(moved)
			m.t.Logf("away for %s, back after %s", away, m.eventually(2*time.Second, "back", m.all(), whole(6, 3)))
		}
	})
}

// Three of nine die in the same instant. Each survivor learns of each, and nobody else is taken for dead.
func TestThreeOfNineDieInTheSameInstant(t *testing.T) {
	newMesh(t, threeClusters, 3, func(m *mesh) {
		m.eventually(10*time.Second, "one mesh", m.all(), whole(9, 3))
		time.Sleep(time.Minute) // nobody uses a link any more: they beat once a second
		victims := []*gateway{m.of("east")[2], m.of("north")[2], m.of("west")[2]}
		m.kill(victims...)
		alive := m.running()
		require.Len(m.t, alive, 6)
		m.t.Logf("links down after %s", m.eventually(7*time.Second, "links, idle as they are", alive, func(d *daemon.Daemon) error {
			for _, v := range victims {
				if err := linkIs(d, v.self.String(), "down"); err != nil {
					return err
				}
			}
			return nil
		}))
		m.t.Logf("ring after %s", m.eventually(30*time.Second, "ring", alive, whole(6, 3)))
	})
}

// Every seed dies. Those inside don't care. One that was never inside keeps trying and says so; one that was is back by
// what it kept on disk.
func TestEverySeedDies(t *testing.T) {
	newMesh(t, threeClusters, 2, func(m *mesh) {
		m.eventually(10*time.Second, "one mesh", m.all(), whole(6, 3))
		seeds := []*gateway{m.of("east")[0], m.of("north")[0], m.of("west")[0]}
		m.kill(seeds...)
		alive := m.running()
		m.eventually(30*time.Second, "three left", alive, whole(3, 3))

		known := alive[2]
		m.stop(known)
		m.start(known)
		m.eventually(10*time.Second, "back without a seed", alive, whole(3, 3))

		stranger := m.add(registry.Gateway{Cluster: "south", Name: "s-0"}, netip.MustParseAddr("10.4.0.1"))
		m.start(stranger)
		time.Sleep(time.Minute)
		status := stranger.run.daemon.Status()
		require.True(m.t, status.Isolated)
		require.True(m.t, status.Ready, "it serves its own cluster all the same")
		require.False(m.t, status.Synced)
		for _, seed := range status.Seeds {
			require.NotEmpty(m.t, seed.Error, "it says that %s is unreachable", seed.Seed)
		}
		unknown := m.query(stranger, "api.shop.federated", dns.TypeA)
		require.Equal(m.t, dns.RcodeServerFailure, unknown.Rcode, "what it can't know it doesn't deny")
		require.Equal(m.t, "south", m.get(stranger, m.lookup(stranger, "web.shop.federated")), "what is beside it, it serves")

		m.start(seeds[0])
		m.eventually(10*time.Second, "joined through the seed that came back", m.running(), whole(5, 4))
		require.Equal(m.t, dns.RcodeNameError, m.query(stranger, "api.shop.federated", dns.TypeA).Rcode, "now it knows")
	})
}

// Loss, delay and jitter as bad as real networks get: nobody is taken for dead, nothing stops serving.
func TestBadWeatherKillsNobody(t *testing.T) {
	newMesh(t, threeClusters, 2, func(m *mesh) {
		m.network.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 100 * time.Millisecond, Jitter: 50 * time.Millisecond, Loss: 0.05}))
		m.eventually(30*time.Second, "one mesh", m.all(), whole(6, 3))
		for range 10 {
			time.Sleep(30 * time.Second)
			for _, g := range m.all() {
				for _, other := range []string{"east", "north", "west"} {
					require.NoError(m.t, members(g.run.daemon, other, "dead", 0), "%s", g.self)
				}
			}
		}
	})
}

// sameRegistry waits until every running gateway knows the same of every service.
func (m *mesh) sameRegistry(limit time.Duration) {
	m.t.Helper()
	first := m.running()[0].run.daemon
	m.eventually(limit, "the same registry", m.running(), func(d *daemon.Daemon) error { return sameHash(first, d) })
}

func addrs(gateways []*gateway) []netip.Addr {
	var addrs []netip.Addr
	for _, g := range gateways {
		addrs = append(addrs, g.addr)
	}
	return addrs
}
