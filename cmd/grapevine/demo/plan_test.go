package demo

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// TestTwoDemosShareNothing makes two plans at once and compares every address.
func TestTwoDemosShareNothing(t *testing.T) {
	t.Parallel()
	taken := make(map[netip.AddrPort]bool)
	var ranges []netip.Prefix
	for range 2 {
		s, err := takeSlot()
		require.NoError(t, err)
		defer s.release()
		p, err := newPlan(t.TempDir(), s)
		require.NoError(t, err)
		for _, c := range p.Clusters {
			addresses := []netip.AddrPort{c.Service}
			for _, g := range c.Gateways {
				addresses = append(addresses, g.Mesh, g.DNS, g.Admin, g.Metrics)
				for _, other := range ranges {
					require.False(t, other.Overlaps(g.VIPs), "%s and %s", other, g.VIPs)
				}
				ranges = append(ranges, g.VIPs)
			}
			for _, address := range addresses {
				require.False(t, taken[address], "%s stands twice", address)
				taken[address] = true
			}
		}
	}
	require.Len(t, ranges, 12)
}

func TestTheLastSlotsAddressesExist(t *testing.T) {
	t.Parallel()
	s := &slot{number: slots - 1}
	last := s.rangeAt(len(ClusterNames())*gatewaysEach - 1)
	require.Equal(t, byte(vipOctet), last.Addr().As4()[1])
	require.Equal(t, byte(slots*len(ClusterNames())*gatewaysEach-1), last.Addr().As4()[2], "the third byte doesn't wrap")
	require.Less(t, firstPort+slots*slotPorts, 32768, "below the ports that Linux gives to outgoing connections")
}

func TestFilesOfAGateway(t *testing.T) {
	t.Parallel()
	s, err := takeSlot()
	require.NoError(t, err)
	defer s.release()
	p, err := newPlan(t.TempDir(), s)
	require.NoError(t, err)
	require.NoError(t, p.write())
	g := p.cluster("west").Gateways[1]
	text, err := os.ReadFile(g.config())
	require.NoError(t, err)
	var file map[string]any
	require.NoError(t, yaml.UnmarshalStrict(text, &file))
	require.Equal(t, "west", file["cluster"])
	require.Equal(t, "w-1", file["gateway"])
	require.Len(t, file["mesh"].(map[string]any)["seeds"], 3)
	for _, name := range []string{"tls.crt", "tls.key", "ca.crt"} {
		info, err := os.Stat(filepath.Join(g.Dir, name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	require.NoFileExists(t, filepath.Join(g.Dir, "ca.key"), "the CA's key is never written")
}
