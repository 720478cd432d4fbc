package gossip

import (
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func stacks() string {
	buffer := make([]byte, 4<<20)
	return string(buffer[:runtime.Stack(buffer, true)])
}

// TestRestartElsewhere starts a gateway again under another address, with another certificate, and without a way to
// look for its last one: while the ring still takes it for alive, when it has found it dead, and when it has forgotten it.
func TestRestartElsewhere(t *testing.T) {
	for i, away := range []time.Duration{0, 15 * time.Second, 2 * time.Minute} {
		t.Run(away.String(), func(t *testing.T) {
			inMesh(t, func(m *mesh) {
				m.six()
				time.Sleep(5 * time.Second)
				m.kill("west/w-0")
				time.Sleep(away)
				moved := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 99, 0, byte(i)}), 7946)
				back := m.start("west/w-0", seeds("east/e-0", "north/n-0"), at(moved), deaf)
				m.within(2*time.Second, "back under its new address", func() bool {
					for _, n := range m.nodes {
						w := n.member("west/w-0")
						if w.State != Alive || w.Instance != back.cfg.Instance || w.Advertise[0] != moved {
							return false
						}
					}
					return m.whole()
				})
				time.Sleep(time.Minute)
				require.True(m, m.whole(), "and stays")
			})
		})
	}
}

// TestLeave shows the difference between going and dying, which only the links can tell.
func TestLeave(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.six()
		m.nodes["east/e-0"].Ring.Left(gateway("west/w-1"))
		require.Equal(m, Alive, m.nodes["east/e-0"].sees("west/w-1"), "a farewell alone changes nothing")
		m.stop("west/w-1")
		m.within(4*time.Second, "gone everywhere", func() bool {
			for _, n := range m.nodes {
				if n.sees("west/w-1").present() {
					return false
				}
			}
			return true
		})
		require.Equal(m, Left, m.nodes["east/e-0"].sees("west/w-1"), "heard the farewell before")
		require.Equal(m, Dead, m.nodes["north/n-0"].sees("west/w-1"), "heard none")
		m.nodes["north/n-0"].Ring.Left(gateway("west/w-1"))
		require.Equal(m, Left, m.nodes["north/n-0"].sees("west/w-1"), "heard the farewell afterwards")

		m.start("west/w-1", seeds("east/e-0"))
		m.within(2*time.Second, "back", m.whole)
		m.kill("west/w-1")
		m.within(12*time.Second, "dead this time", func() bool { return m.agree(Dead, "west/w-1") })
	})
}

// TestSuspicion shows that a suspicion is told, which memberlist does in its log alone, and that it ends.
func TestSuspicion(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.six()
		west := gateway("west/w-0")
		m.nodes["west/w-0"].host.freeze(true)
		m.within(8*time.Second, "suspected by somebody", func() bool {
			for _, n := range m.nodes {
				if n.view.state(west) == Suspect {
					return true
				}
			}
			return false
		})
		m.nodes["west/w-0"].host.freeze(false)
		m.within(8*time.Second, "and believed again", m.whole)
		for name, n := range m.nodes {
			require.True(m, name == "west/w-0" || n.count(Dead) == 0, "at %s", name)
		}
	})
}

// TestCertificateRenewed replaces a gateway's key while it runs: the ring learns the new one, and nobody notices.
func TestCertificateRenewed(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.six()
		n := m.nodes["west/w-0"]
		fresh := newIdentity(gateway("west/w-0"))
		_, err := n.host.keyring.Add(fresh.chain)
		require.NoError(m, err)
		n.cfg.Signer.(*identity).replace(fresh)
		m.within(10*time.Second, "everybody believes the new certificate", func() bool {
			for name, other := range m.nodes {
				if name != "west/w-0" && other.announced(m, "west/w-0").Signer != fresh.Fingerprint() {
					return false
				}
			}
			return true
		})
		newcomer := m.start("south/s-0", seeds("east/e-0"))
		m.within(3*time.Second, "joined", m.whole)
		require.Equal(m, fresh.Fingerprint(), newcomer.announced(m, "west/w-0").Signer)
		for name, n := range m.nodes {
			require.Zero(m, n.count(Dead), "at %s", name)
		}
	})
}

// TestAddressChanged gives a gateway other addresses while it runs, as a load balancer does: everybody learns them.
func TestAddressChanged(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.six()
		balancer := netip.MustParseAddrPort("203.0.113.7:7946")
		m.nodes["west/w-0"].Advertise([]netip.AddrPort{balancer, {}})
		m.within(5*time.Second, "everybody knows the new address", func() bool {
			for _, other := range m.nodes {
				i := slices.IndexFunc(other.Members(), func(member Member) bool { return member.Gateway == gateway("west/w-0") })
				if !slices.Equal(other.Members()[i].Advertise, []netip.AddrPort{balancer}) {
					return false
				}
			}
			return true
		})
		for name, n := range m.nodes {
			require.Zero(m, n.count(Dead), "at %s", name)
		}
	})
}

// TestEvents shows that changes are told in order, outside every lock, and that the last one told is what is so.
func TestEvents(t *testing.T) {
	inMesh(t, func(m *mesh) {
		watcher := m.start("east/e-0", func(c *Config, h *host) {
			record := c.OnMember
			c.OnMember = func(member Member) {
				record(member)
				h.ring.Members() // would deadlock in memberlist's own callbacks
				h.ring.Stats()
			}
		})
		m.start("west/w-0", seeds("east/e-0"))
		m.within(2*time.Second, "joined", m.whole)
		m.kill("west/w-0")
		m.within(12*time.Second, "dead", func() bool { return watcher.sees("west/w-0") == Dead })
		m.start("west/w-0", seeds("east/e-0"))
		m.within(2*time.Second, "back", m.whole)
		var states []State
		for _, event := range watcher.told() {
			if event.Gateway == gateway("west/w-0") && event.State != Suspect {
				states = append(states, event.State)
			}
		}
		require.Equal(m, []State{Alive, Dead, Alive}, states)
	})
}
