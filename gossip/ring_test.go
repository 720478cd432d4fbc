package gossip

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

// TestJoin shows a ring in calm weather: it finds together at once, and from then on nothing happens. All certificates
// are known here, so that most members come by gossip alone, without having been contacted.
func TestJoin(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.acquainted = true
		m.sixAt(seeds("east/e-0"))
		time.Sleep(10 * time.Minute)
		for name, n := range m.nodes {
			require.Len(m, n.Members(), 6)
			require.Zero(m, n.count(Suspect), "at %s", name)
			require.Zero(m, n.Stats().Dropped, "at %s", name)
		}
	})
}

// TestDeath kills one after the other, down to a ring of one.
func TestDeath(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.six()
		for _, victim := range m.running()[1:] {
			time.Sleep(10 * time.Second)
			m.kill(victim)
			m.within(12*time.Second, victim+" dead everywhere", func() bool { return m.agree(Dead, victim) })
		}
	})
}

func TestThreeOfNineDieAtOnce(t *testing.T) {
	for range 3 {
		inMesh(t, func(m *mesh) {
			m.six()
			cluster := []string{"south/s-0", "south/s-1", "south/s-2"}
			for _, name := range cluster {
				m.start(name, seeds("east/e-0"))
			}
			m.within(3*time.Second, "nine joined", m.whole)
			time.Sleep(10 * time.Second)
			m.kill(cluster...)
			m.within(15*time.Second, "all three dead everywhere", func() bool { return m.agree(Dead, cluster...) })
			time.Sleep(time.Minute)
			require.True(m, m.whole(), "no survivor was taken along")
		})
	}
}

// TestSplitHeals cuts a third off, for short and for long. The seeds are of no help: their name is gone from the DNS.
func TestSplitHeals(t *testing.T) {
	for _, length := range []time.Duration{25 * time.Second, 2 * time.Minute, time.Hour} {
		t.Run(length.String(), func(t *testing.T) {
			if testing.Short() && length == time.Hour {
				t.Skip("an hour takes some seconds, and a minute under the race detector")
			}
			inMesh(t, func(m *mesh) {
				m.setName("gw.example.com", addrOf("east/e-0").Addr())
				m.sixAt(func(c *Config, _ *host) { c.Seeds = []string{"gw.example.com:7946"} })
				m.setName("gw.example.com")
				calm := m.fabric.weather
				m.fabric.setWeather(split([]registry.Cluster{"east"}, []registry.Cluster{"west", "north"}))
				time.Sleep(length)
				require.Equal(m, Dead, m.nodes["east/e-0"].sees("west/w-1"))
				require.Equal(m, Dead, m.nodes["west/w-0"].sees("east/e-1"))
				require.Equal(m, Alive, m.nodes["west/w-0"].sees("north/n-1"))
				m.fabric.setWeather(calm)
				m.within(10*time.Second, "one ring", m.whole)
				time.Sleep(time.Minute)
				require.True(m, m.whole(), "and it stays one")
			})
		})
	}
}

// TestLossAndDistance is the worst network that the ring is tuned for.
func TestLossAndDistance(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.fabric.setWeather(everywhere(weather{delay: 125 * time.Millisecond, jitter: 25 * time.Millisecond, loss: 0.05}))
		m.six()
		time.Sleep(30 * time.Minute)
		suspected := 0
		for name, n := range m.nodes {
			require.Zero(m, n.count(Dead), "at %s", name)
			suspected += n.count(Suspect)
		}
		m.Logf("suspicions in 3 hours of members: %d", suspected)
		require.True(m, m.whole())
		m.kill("west/w-1")
		m.within(20*time.Second, "and yet the dead are found", func() bool { return m.agree(Dead, "west/w-1") })
	})
}

// TestIsolationIsNotContagious: who was cut off comes back with the news that everybody else died. Nobody takes it from
// him, though memberlist does for a moment.
func TestIsolationIsNotContagious(t *testing.T) {
	for _, length := range []time.Duration{3 * time.Second, 5 * time.Second, 8 * time.Second, 12 * time.Second} {
		inMesh(t, func(m *mesh) {
			m.six()
			time.Sleep(10 * time.Second)
			calm, west := m.fabric.weather, gateway("west/w-0")
			m.fabric.setWeather(func(from, to registry.Gateway) weather { return weather{cut: from == west || to == west} })
			time.Sleep(length)
			m.fabric.setWeather(calm)
			time.Sleep(time.Minute)
			require.True(m, m.whole())
			for name, n := range m.nodes {
				for _, event := range n.told() {
					require.False(m, name != "west/w-0" && event.Gateway != west && event.State == Dead, "%s about %s", name, event.Gateway)
				}
			}
		})
	}
}

// TestOneWay: nothing gets from one gateway to another, while everybody else reaches both. That isn't a death.
func TestOneWay(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.six()
		calm, east, west := m.fabric.weather, gateway("east/e-0"), gateway("west/w-0")
		m.fabric.setWeather(func(from, to registry.Gateway) weather {
			w := calm(from, to)
			w.cut = from == east && to == west
			return w
		})
		time.Sleep(10 * time.Minute)
		for name, n := range m.nodes {
			require.Zero(m, n.count(Dead), "at %s", name)
		}
		require.True(m, m.whole())
	})
}

// TestGarbage feeds a ring packets that were changed on the way, and streams of anything: it goes on.
func TestGarbage(t *testing.T) {
	inMesh(t, func(m *mesh) {
		var (
			mu      sync.Mutex
			packets [][]byte
		)
		m.fabric.tap = func(packet []byte) {
			mu.Lock()
			defer mu.Unlock()
			if len(packets) < 200 {
				packets = append(packets, packet)
			}
		}
		m.six()
		m.within(time.Minute, "enough packets", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(packets) == 200
		})
		victim, liar := m.nodes["east/e-0"], gateway("west/w-0")
		for range 5000 {
			packet := slices.Clone(packets[rand.N(len(packets))])
			for range rand.N(4) {
				packet[rand.N(len(packet))] = byte(rand.N(256))
			}
			victim.HandlePacket(liar, packet[:1+rand.N(len(packet))], time.Now())
			if rand.N(10) == 0 {
				near, far := net.Pipe()
				go victim.HandleStream(liar, far)
				_, _ = near.Write(packet)
				_ = near.Close()
			}
			synctest.Wait()
		}
		m.within(time.Minute, "whole", m.whole)
		m.start("south/s-0", seeds("east/e-0"))
		m.within(5*time.Second, "and open to newcomers", m.whole)
	})
}

// TestStopLeavesNothing shows that no goroutine of this package outlives Run, though one is held up when it is asked to
// stop. (That memberlist's do, for some seconds, and then end, is shown by every test: a bubble doesn't end before its
// goroutines.)
func TestStopLeavesNothing(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.six()
		m.start("south/s-0", func(c *Config, _ *host) {
			c.Seeds = []string{"slow.example.com:7946"}
			c.Resolve = func(context.Context, string) ([]netip.Addr, error) {
				time.Sleep(20 * time.Second)
				return nil, errors.New("too slow")
			}
		})
		time.Sleep(10 * time.Second)
		for _, name := range m.running() {
			m.stop(name)
		}
		require.NotContains(m, stacks(), "gossip.(*Ring)")
		require.NotContains(m, stacks(), "gossip.(*transport)")
		require.NotContains(m, stacks(), "gossip.(*outbox)")
	})
}
