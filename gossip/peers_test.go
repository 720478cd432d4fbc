package gossip

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/grapevine-mesh/grapevine/registry"
)

func TestPeersFileRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var known []acquaintance
		for i := range rapid.IntRange(0, 20).Draw(t, "peers") {
			known = append(known, acquaintance{
				Gateway:   registry.Gateway{Cluster: "west", Name: fmt.Sprintf("w-%d", i)},
				Advertise: rapid.SliceOfN(rapid.Custom(anyAddr), 1, maxAdvertise).Draw(t, "advertise"),
				Seen:      time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "seen"), 0).UTC(),
				Left:      rapid.Bool().Draw(t, "left"),
			})
		}
		file, err := encodePeers(gateway("east/e-0"), known)
		require.NoError(t, err)
		again, err := decodePeers(gateway("east/e-0"), file)
		require.NoError(t, err)
		require.Equal(t, known, again)
	})
}

// TestPeersFileHolds: as many peers as are remembered, with as many addresses as they can have, are read again.
func TestPeersFileHolds(t *testing.T) {
	p := newPeers()
	var advertise []netip.AddrPort
	for i := range maxAdvertise {
		advertise = append(advertise, netip.MustParseAddrPort(fmt.Sprintf("[2001:db8:1111:2222:3333:4444:5555:%d]:65535", 1000+i)))
	}
	for i := range 2 * maxAcquaintances {
		name := fmt.Sprintf("a-very-long-name-of-a-gateway-in-a-cluster-far-away-%d", i)
		p.meet(acquaintance{Gateway: registry.Gateway{Cluster: "west", Name: name}, Advertise: advertise, Seen: time.Unix(int64(i), 999).UTC()})
	}
	require.Len(t, p.list(), maxAcquaintances)
	file, err := encodePeers(gateway("east/e-0"), p.list())
	require.NoError(t, err)
	require.Less(t, len(file), maxPeersBytes)
	again, err := decodePeers(gateway("east/e-0"), file)
	require.NoError(t, err)
	require.Len(t, again, maxAcquaintances)
}

// TestPeersForget: one that left goes first, then who was not seen for longest.
func TestPeersForget(t *testing.T) {
	p := newPeers()
	for i := range maxAcquaintances {
		p.meet(acquaintance{Gateway: registry.Gateway{Cluster: "west", Name: fmt.Sprint("w-", i)}, Seen: time.Unix(int64(100+i), 0)})
	}
	p.left(gateway("west/w-500"), time.Unix(9999, 0))
	has := func(name string) bool {
		for _, a := range p.list() {
			if a.Gateway == gateway(name) {
				return true
			}
		}
		return false
	}
	p.meet(acquaintance{Gateway: gateway("north/n-0"), Seen: time.Unix(9999, 0)})
	require.False(t, has("west/w-500"))
	require.True(t, has("west/w-0"))
	p.meet(acquaintance{Gateway: gateway("north/n-1"), Seen: time.Unix(9999, 0)})
	require.False(t, has("west/w-0"))
	require.True(t, has("west/w-1"))
}

func FuzzPeersFile(f *testing.F) {
	self := gateway("east/e-0")
	good, err := encodePeers(self, []acquaintance{{Gateway: gateway("west/w-0"), Advertise: []netip.AddrPort{addrOf("west/w-0")}, Seen: time.Unix(1, 0).UTC()}})
	require.NoError(f, err)
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte(peersMagic + " east/e-0 00000000\n"))
	f.Add([]byte(`{"gateway":"west/w-0","advertise":["0.0.0.0:0"]}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		_, _ = decodePeers(self, file)
		known, err := parsePeers(file) // what a checksum of the writer's would let through
		if err != nil {
			return
		}
		encoded, err := encodePeers(self, known)
		require.NoError(t, err)
		again, err := decodePeers(self, encoded)
		require.NoError(t, err)
		require.Equal(t, len(known), len(again))
	})
}
