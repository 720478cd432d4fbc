package gossip

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

// impostor makes a ring announce another name than the one that its certificate and its links prove.
func impostor(name string) setup {
	return func(c *Config, _ *host) { c.Self = gateway(name) }
}

// TestForgedMember: west's certificate announces a gateway of east. Everybody refuses it, and nobody else suffers.
func TestForgedMember(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.six()
		liar := m.start("west/w-9", seeds("east/e-0"), impostor("east/e-9"))
		time.Sleep(2 * time.Minute)
		delete(m.nodes, "west/w-9")
		defer func() { m.nodes["west/w-9"] = liar }()
		require.True(m, m.whole())
		for name, n := range m.nodes {
			require.Empty(m, n.sees("east/e-9"), "at %s", name)
			require.Zero(m, n.count(Dead), "at %s", name)
		}
		seed := m.nodes["east/e-0"]
		require.Positive(m, seed.Stats().Refused[NotOwner])
		require.Contains(m, seed.log.String(), "announcement of a member refused")
	})
}

// TestForgedMove: west's certificate says that a gateway of east has started anew, elsewhere.
func TestForgedMove(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.six()
		liar := m.start("west/w-9", seeds("north/n-0"), impostor("east/e-1"))
		time.Sleep(2 * time.Minute)
		delete(m.nodes, "west/w-9")
		defer func() { m.nodes["west/w-9"] = liar }()
		require.True(m, m.whole())
		for name, n := range m.nodes {
			require.Equal(m, addrOf("east/e-1"), n.member("east/e-1").Advertise[0], "at %s", name)
			require.Zero(m, n.count(Dead), "at %s", name)
		}
		select {
		case <-m.nodes["east/e-1"].ended:
			require.Fail(m, "the victim gave way to a forgery")
		default:
		}
	})
}

// accusation is memberlist's message that a node is dead, in MessagePack.
func accusation(node, by string, incarnation uint32) []byte {
	text := func(b []byte, s string) []byte { return append(append(b, 0xd9, byte(len(s))), s...) }
	const dead, mapOfThree, number = 5, 0x83, 0xce
	b := binary.BigEndian.AppendUint32(append(text([]byte{dead, mapOfThree}, "Incarnation"), number), incarnation)
	b = text(text(b, "Node"), node)
	return text(text(b, "From"), by)
}

// TestAccusation: a member says that another one is dead, with the one incarnation number that can't be outbid. The
// ring believes it. The links don't.
func TestAccusation(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.six(func(c *Config, h *host) { c.Vouch = h.linked })
		for _, n := range m.nodes {
			n.HandlePacket(gateway("west/w-1"), accusation("east/e-0", "west/w-1", math.MaxUint32), time.Now())
		}
		time.Sleep(10 * time.Second)
		require.Equal(m, Suspect, m.nodes["north/n-0"].sees("east/e-0"))
		require.Equal(m, 1, strings.Count(m.nodes["north/n-0"].log.String(), "gave up a member whose link is up"))
		m.within(time.Minute, "and the ring comes round", m.whole)
		for name, n := range m.nodes {
			require.Zero(m, n.count(Dead), "at %s", name)
		}
		m.kill("east/e-0")
		m.within(12*time.Second, "who has no link can die", func() bool { return m.agree(Dead, "east/e-0") })
	})
}

// TestUnknownKey: certificates don't come by themselves. They are asked for, and then the members are accepted.
func TestUnknownKey(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.fabric.shy = true
		m.six()
		for _, n := range m.nodes {
			require.Positive(m, n.Stats().Refused[UnknownKey])
		}
	})
	inMesh(t, func(m *mesh) {
		m.fabric.shy = true
		m.start("east/e-0", deaf)
		m.start("west/w-0", deaf, seeds("east/e-0"))
		time.Sleep(time.Minute)
		require.Len(m, m.nodes["east/e-0"].Members(), 1, "nobody vouches")
		_, err := m.nodes["east/e-0"].host.keyring.Add(m.nodes["west/w-0"].host.chain)
		require.NoError(m, err)
		_, err = m.nodes["west/w-0"].host.keyring.Add(m.nodes["east/e-0"].host.chain)
		require.NoError(m, err)
		m.within(10*time.Second, "the certificates came by another way", m.whole)
	})
}

// TestTwoOfOneName: the one that started last keeps the name; the other one stops and says why.
func TestTwoOfOneName(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.six()
		time.Sleep(time.Minute)
		older := m.nodes["west/w-1"]
		moved := addrOf("west/w-1 elsewhere")
		newer := m.start("west/w-1", seeds("east/e-0"), at(moved))
		start := time.Now()
		select {
		case <-older.ended:
			m.Logf("after %s: %s", time.Since(start), older.err)
		case <-time.After(time.Minute):
			require.FailNow(m, "nobody noticed")
		}
		var conflict *ConflictError
		require.True(m, errors.As(older.err, &conflict))
		require.Equal(m, newer.cfg.Instance, conflict.Theirs)
		require.ErrorContains(m, older.err, "two gateways are named west/w-1")
		require.ErrorContains(m, older.err, moved.String())
		m.within(10*time.Second, "one ring", m.whole)
		time.Sleep(time.Minute)
		require.True(m, m.whole())
		require.NoError(m, newer.err)
	})
}

// TestSlowLinks: a Links whose Send blocks for a dead peer, or whose Open fails at once, costs nobody else a thing.
func TestSlowLinks(t *testing.T) {
	release := func(m *mesh) (chan struct{}, setup) {
		stuck := make(chan struct{})
		return stuck, func(_ *Config, h *host) {
			h.onSend = func(to registry.Gateway) {
				if m.isDead(to) {
					<-stuck
				}
			}
		}
	}
	for name, fault := range map[string]func(m *mesh) (func(), setup){
		"blocks": func(m *mesh) (func(), setup) {
			stuck, s := release(m)
			return sync.OnceFunc(func() { close(stuck) }), s
		},
		"fails": func(m *mesh) (func(), setup) {
			return func() {}, func(_ *Config, h *host) {
				h.onOpen = func(to registry.Gateway) error {
					if m.isDead(to) {
						return errors.New("no link")
					}
					return nil
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inMesh(t, func(m *mesh) {
				end, faulty := fault(m)
				defer end()
				m.six(faulty)
				time.Sleep(10 * time.Second)
				m.kill("west/w-0")
				m.within(12*time.Second, "dead everywhere", func() bool { return m.agree(Dead, "west/w-0") })
				time.Sleep(time.Minute)
				for name, n := range m.nodes {
					require.Equal(m, 1, n.count(Dead), "at %s", name)
				}
				m.start("west/w-0", seeds("east/e-0"))
				end()
				m.within(5*time.Second, "back", m.whole)
			})
		})
	}
}
