//go:build linux

package file

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

// testRange is one that no gateway on the machine has, nor another run of this test.
func testRange(bits int) netip.Prefix {
	pid := os.Getpid()
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(pid >> 8), byte(pid), 0}), bits).Masked()
}

// TestLockRange takes a range, and tries others beside it, as another gateway and as the same one.
func TestLockRange(t *testing.T) {
	release, err := LockRange(testRange(24), self)
	require.NoError(t, err)
	for _, bits := range []int{24, 28, 20} {
		_, err := LockRange(testRange(bits), registry.Gateway{Cluster: "east", Name: "e-1"})
		require.EqualError(t, err, fmt.Sprintf("overlaps %s of gateway east/e-0 on this host: each gateway needs a range of its own", testRange(24)))
	}
	_, err = LockRange(testRange(24), self)
	require.Error(t, err, "the same gateway, running twice")

	beside := netip.PrefixFrom(testRange(24).Addr().Prev(), 28).Masked()
	releaseBeside, err := LockRange(beside, registry.Gateway{Cluster: "east", Name: "e-1"})
	require.NoError(t, err)
	require.NoError(t, releaseBeside())

	require.NoError(t, release())
	release, err = LockRange(testRange(20), registry.Gateway{Cluster: registry.Cluster(strings.Repeat("w", 63)), Name: strings.Repeat("w", 63)})
	require.NoError(t, err, "free again, and a long name fits")
	require.NoError(t, release())
}

// TestLockRangeRace lets many gateways go for overlapping ranges at once: one gets it.
func TestLockRangeRace(t *testing.T) {
	var won atomic.Int32
	var racing sync.WaitGroup
	releases := make(chan func() error, 1)
	for i := range 8 {
		racing.Go(func() {
			release, err := LockRange(testRange(24-i%3), registry.Gateway{Cluster: "east", Name: fmt.Sprintf("e-%d", i)})
			if err == nil {
				won.Add(1)
				releases <- release
			}
		})
	}
	racing.Wait()
	require.EqualValues(t, 1, won.Load())
	require.NoError(t, (<-releases)())
}

// TestLockRangeWaitsAtTheDoor holds the door, as a gateway does that has looked and not yet taken: nobody may look then.
func TestLockRangeWaitsAtTheDoor(t *testing.T) {
	door, err := listenUnix(lockSpace + "door")
	require.NoError(t, err)
	locked := make(chan error, 1)
	go func() {
		_, err := LockRange(testRange(24), registry.Gateway{Cluster: "east", Name: "e-1"})
		locked <- err
	}()
	select {
	case err := <-locked:
		require.FailNow(t, "didn't wait", err)
	case <-time.After(100 * time.Millisecond):
	}
	held, err := listenUnix(lockName(testRange(24), self))
	require.NoError(t, err)
	require.NoError(t, door.Close())
	require.ErrorContains(t, <-locked, "of gateway east/e-0")
	require.NoError(t, held.Close())
}

// TestOverlapping reads a table of the kernel's as it looks with other sockets in it.
func TestOverlapping(t *testing.T) {
	table := []byte(`Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 16217 /run/systemd/private
0000000000000000: 00000003 00000000 00000000 0001 03 18361
0000000000000000: 00000002 00000000 00010000 0001 01 16218 @grapevine-vips/door
0000000000000000: 00000002 00000000 00010000 0001 01 16219 @grapevine-vips/nonsense/x/y
0000000000000000: 00000002 00000000 00010000 0001 01 16220 @grapevine-vips/127.80.0.0/16/east/e-0
`)
	require.Equal(t, "127.80.0.0/16 of gateway east/e-0", overlapping(table, netip.MustParsePrefix("127.80.9.0/24")))
	require.Empty(t, overlapping(table, netip.MustParsePrefix("127.81.0.0/16")))
}
