package gossip

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEverySeedDead: those inside don't care; a newcomer says so, keeps trying, and is in soon after a seed is back.
func TestEverySeedDead(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.six()
		m.kill("east/e-0", "west/w-0", "north/n-0")
		m.within(15*time.Second, "seeds dead", func() bool { return m.agree(Dead, "east/e-0", "west/w-0", "north/n-0") })
		newcomer := m.start("south/s-0", seeds("east/e-0", "west/w-0", "north/n-0"))
		time.Sleep(10 * time.Minute)
		require.Len(m, newcomer.Members(), 1, "itself")
		require.Equal(m, 3, m.nodes["east/e-1"].count(Dead), "nobody else died")
		for _, seed := range newcomer.Seeds() {
			require.Contains(m, seed.Err, "no answer")
			require.Less(m, time.Since(seed.At), 15*time.Second, "tried on")
		}
		require.Equal(m, 3, strings.Count(newcomer.log.String(), "seed can't be reached"), "each said once")

		m.start("west/w-0", seeds("east/e-0", "west/w-0", "north/n-0"))
		m.within(10*time.Second, "all in", m.whole)
		require.Contains(m, newcomer.log.String(), "seed reached")
	})
}

// TestPeersFileInsteadOfSeeds: a gateway that was in the ring finds it again though every seed is dead, and though it has
// moved, so that nobody finds it.
func TestPeersFileInsteadOfSeeds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "peers")
	inMesh(t, func(m *mesh) {
		m.six()
		m.start("south/s-0", seeds("east/e-0"), peersFile(file))
		m.within(2*time.Second, "joined", m.whole)
		time.Sleep(5 * time.Second)
		m.kill("south/s-0")
		m.kill("east/e-0", "west/w-0", "north/n-0")
		time.Sleep(time.Minute)
		m.start("south/s-0", seeds("east/e-0"), peersFile(file), at(netip.MustParseAddrPort("10.99.0.1:7946")))
		m.within(3*time.Second, "joined without a seed", m.whole)
	})
}

// TestPeersFileRefused: a file that can't be believed is set aside, says why, and doesn't stop the start.
func TestPeersFileRefused(t *testing.T) {
	good, err := encodePeers(gateway("east/e-0"), []acquaintance{{Gateway: gateway("west/w-0"), Advertise: []netip.AddrPort{addrOf("west/w-0")}}})
	require.NoError(t, err)
	foreign, err := encodePeers(gateway("east/e-1"), nil)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"cut off in mid-write":  {good[:len(good)-7], "checksum"},
		"cut off in the header": {good[:12], "not a peers file"},
		"empty":                 {nil, "not a peers file"},
		"another gateway's":     {foreign, "east/e-1, this is east/e-0"},
		"something else":        {[]byte("#!/bin/sh\necho\n"), "not a peers file"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "peers")
			require.NoError(t, os.WriteFile(file, c.content, 0o600))
			inMesh(t, func(m *mesh) {
				n := m.start("east/e-0", peersFile(file))
				m.start("west/w-0", seeds("east/e-0"))
				m.within(2*time.Second, "joined", m.whole)
				require.Contains(m, n.log.String(), c.says)
				m.stop("east/e-0")
			})
			aside, err := filepath.Glob(file + ".refused-*")
			require.NoError(t, err)
			require.Len(t, aside, 1)
			kept, err := os.ReadFile(aside[0])
			require.NoError(t, err)
			require.Equal(t, string(c.content), string(kept), "nothing is lost")
			fresh, err := readPeers(file, gateway("east/e-0"))
			require.NoError(t, err)
			require.Equal(t, "west/w-0", fresh[0].Gateway.String())
		})
	}
}

// TestSeedResolvedAfresh: the address behind a seed's name changes before the first contact, and after it.
func TestSeedResolvedAfresh(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.start("west/w-0")
		newcomer := m.start("east/e-0", func(c *Config, _ *host) { c.Seeds = []string{"gw.west.example.com:7946"} })
		time.Sleep(time.Minute)
		require.Contains(m, newcomer.Seeds()[0].Err, "no such host")
		m.setName("gw.west.example.com", netip.MustParseAddr("192.0.2.1"))
		time.Sleep(time.Minute)
		require.Contains(m, newcomer.Seeds()[0].Err, "no answer")
		m.setName("gw.west.example.com", netip.MustParseAddr("192.0.2.1"), addrOf("west/w-0").Addr())
		m.within(10*time.Second, "joined", m.whole)
		require.Empty(m, newcomer.Seeds()[0].Err)

		// The other side moves while both are cut off: the old address leads nowhere, the name does.
		m.kill("west/w-0")
		time.Sleep(time.Minute)
		moved := netip.MustParseAddrPort("10.99.0.1:7946")
		m.start("west/w-0", at(moved))
		time.Sleep(time.Minute)
		require.False(m, m.whole(), "nobody knows the new address")
		m.setName("gw.west.example.com", moved.Addr())
		m.within(10*time.Second, "found again", m.whole)
	})
}
