package file

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/grapevine-mesh/grapevine/registry"
)

var (
	loopback = netip.MustParsePrefix("127.80.0.0/16")
	self     = registry.Gateway{Cluster: "east", Name: "e-0"}
)

func vipName(name string, cluster registry.Cluster) registry.VIPName {
	return registry.VIPName{Service: registry.ServiceName{Namespace: "shop", Name: name}, Cluster: cluster}
}

func vipNames(n int) []registry.VIPName {
	var names []registry.VIPName
	for i := range n {
		names = append(names, vipName(fmt.Sprintf("s%d", i), ""))
	}
	return names
}

func open(t testing.TB, prefix netip.Prefix, path string) *VIPs {
	v, err := OpenVIPs(VIPConfig{Range: prefix, Gateway: self, Path: path})
	require.NoError(t, err)
	return v
}

// assigned gives addresses to names, and returns all that are held.
func assigned(t testing.TB, v *VIPs, names []registry.VIPName) map[registry.VIPName]netip.Addr {
	require.NoError(t, v.Assign(names))
	held := map[registry.VIPName]netip.Addr{}
	for _, name := range names {
		v4, v6 := v.Lookup(name)
		require.True(t, usable(v.prefix, v4), "%s: %s", name, v4)
		require.False(t, v6.IsValid())
		held[name] = v4
	}
	return held
}

// TestVIPsAreStable restarts with the file, and without it, and with more names than before.
func TestVIPsAreStable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vips")
	names := append(vipNames(300), vipName("s0", "east"), vipName("s0", "west"))
	before := assigned(t, open(t, loopback, path), names)

	require.Equal(t, before, assigned(t, open(t, loopback, path), names), "same file")
	require.Equal(t, before, assigned(t, open(t, loopback, ""), names), "no file, same names")

	more := assigned(t, open(t, loopback, path), vipNames(600))
	for name, addr := range before {
		if name.Cluster == "" {
			require.Equal(t, addr, more[name], "with more names beside it")
		}
	}

	crowded := netip.MustParsePrefix("127.80.0.0/22") // many hashes meet, but the order of names is always the same
	backwards := slices.Clone(names)
	slices.Reverse(backwards)
	require.Equal(t, assigned(t, open(t, crowded, ""), names), assigned(t, open(t, crowded, ""), backwards))

	without := open(t, loopback, "") // no file, and the names come in another order
	moved := 0
	require.NoError(t, without.Assign(vipNames(600)[300:]))
	for name, addr := range assigned(t, without, names) {
		if addr != before[name] {
			moved++
		}
	}
	require.Less(t, moved, 10, "only those whose hashes meet")
}

// TestVIPsForDNSAreUnknownUntilAssigned says that Lookup gives nothing away.
func TestVIPsForDNSAreUnknownUntilAssigned(t *testing.T) {
	v := open(t, loopback, "")
	v4, v6 := v.Lookup(vipName("web", ""))
	require.False(t, v4.IsValid() || v6.IsValid())
	require.NoError(t, v.Assign([]registry.VIPName{vipName("web", ""), vipName("web", ""), vipName("web", "west")}))
	v4, _ = v.Lookup(vipName("web", ""))
	mirrored, _ := v.Lookup(vipName("web", "west"))
	require.NotEqual(t, v4, mirrored)
}

// TestVIPsFillTheirRange takes every address, finds no more, and takes back those that nobody wants any longer.
func TestVIPsFillTheirRange(t *testing.T) {
	small := netip.MustParsePrefix("127.80.0.240/28") // .240 is the network, .255 the broadcast address
	v := open(t, small, "")
	names := vipNames(15)
	held := assigned(t, v, names[:14])
	require.Len(t, maps.Collect(invert(held)), 14)

	err := v.Assign(names)
	require.EqualError(t, err, "vips: 127.80.0.240/28 is full: no address for s14.shop and 0 more; give a larger range")
	again := assigned(t, v, names[:14])
	require.Equal(t, held, again, "those who have one keep it")

	fresh := assigned(t, v, names[1:])
	require.Equal(t, held[names[0]], fresh[names[14]], "the one that is free now")
	for _, name := range names[1:14] {
		require.Equal(t, held[name], fresh[name])
	}
}

// TestVIPsLeaveNetworkAddressesOut fills a range that has such addresses in its middle.
func TestVIPsLeaveNetworkAddressesOut(t *testing.T) {
	v := open(t, netip.MustParsePrefix("127.80.0.0/23"), "")
	require.Error(t, v.Assign(vipNames(512)))
	require.Len(t, v.held, 512-4, "without .0 and .255, twice each")
	for _, addr := range v.held {
		last := addr.As4()[3]
		require.True(t, last != 0 && last != 255)
	}
}

func invert(held map[registry.VIPName]netip.Addr) func(func(netip.Addr, registry.VIPName) bool) {
	return func(yield func(netip.Addr, registry.VIPName) bool) {
		for name, addr := range held {
			if !yield(addr, name) {
				return
			}
		}
	}
}

// TestPlaceLaws holds for any range and any names: addresses are usable, none is given twice, and whoever is alone gets
// the one of its hash.
func TestPlaceLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.IntRange(8, 28).Draw(t, "bits")
		prefix := netip.PrefixFrom(addressAt(netip.MustParsePrefix("0.0.0.0/0"), rapid.Uint32().Draw(t, "network")), bits).Masked()
		taken := map[netip.Addr]bool{}
		for i := range rapid.IntRange(1, 14).Draw(t, "names") {
			name := vipName(fmt.Sprintf("s%d", i), "")
			addr, ok := place(prefix, name, taken)
			require.True(t, ok)
			require.True(t, prefix.Contains(addr))
			last := addr.As4()[3]
			require.True(t, last != 0 && last != 255)
			require.False(t, taken[addr])
			taken[addr] = true
		}
	})
}

// TestVIPsOfAnEarlierRange changes the range: what is outside of the new one is placed anew.
func TestVIPsOfAnEarlierRange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vips")
	names := vipNames(5)
	assigned(t, open(t, loopback, path), names)
	for _, addr := range assigned(t, open(t, netip.MustParsePrefix("127.90.0.0/16"), path), names) {
		require.Equal(t, byte(90), addr.As4()[1])
	}
}

// TestVIPsWithoutDisk can't write: everybody has an address all the same, it is said, and later made good.
func TestVIPsWithoutDisk(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "data")
	path := filepath.Join(directory, "vips")
	v := open(t, loopback, path)
	names := vipNames(2)
	require.ErrorContains(t, v.Assign(names), directory)
	v4, _ := v.Lookup(names[0])
	require.True(t, v4.IsValid())
	require.NoError(t, os.Mkdir(directory, 0o700))
	require.NoError(t, v.Assign(names))
	require.FileExists(t, path)
	entries, err := os.ReadDir(directory)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing else is left behind")
}

func TestOpenVIPsRefuses(t *testing.T) {
	for _, text := range []string{"127.80.0.0/7", "127.80.0.0/29", "fd00::/64"} {
		_, err := OpenVIPs(VIPConfig{Range: netip.MustParsePrefix(text), Gateway: self})
		require.ErrorContains(t, err, text)
		require.ErrorContains(t, err, "want an IPv4 range of /8 to /28, such as 127.80.0.0/16")
	}
	_, err := OpenVIPs(VIPConfig{Gateway: self})
	require.ErrorContains(t, err, "invalid Prefix")

	_, err = OpenVIPs(VIPConfig{Range: loopback, Gateway: self, Lock: func(netip.Prefix, registry.Gateway) (func() error, error) {
		return nil, errors.New("overlaps 127.80.0.0/24 of gateway east/e-1")
	}})
	require.EqualError(t, err, "vips: 127.80.0.0/16: overlaps 127.80.0.0/24 of gateway east/e-1")
}
