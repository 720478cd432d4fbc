package integration

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// A gateway of another authority, with the same mesh's name, gets nowhere: no link, no member, no export.
func TestStrangersCertificateOpensNothing(t *testing.T) {
	newMesh(t, threeClusters, 1, func(m *mesh) {
		m.eventually(10*time.Second, "one mesh", m.all(), whole(3, 3))
		ours := m.authority
		var err error
		m.authority, err = tunnel.NewAuthority("mesh.internal", time.Now(), time.Hour)
		require.NoError(m.t, err)
		stranger := m.add(registry.Gateway{Cluster: "south", Name: "s-0"}, netip.MustParseAddr("10.4.0.1"))
		m.authority = ours
		m.start(stranger)
		time.Sleep(time.Minute)
		for _, g := range m.of("east", "north", "west") {
			require.NoError(m.t, whole(3, 3)(g.run.daemon), "%s", g.self)
		}
		require.True(m.t, stranger.run.daemon.Status().Isolated)
	})
}

// Two processes have one name: the one that started first steps down and says so, and the mesh goes on with the other.
func TestTwoGatewaysOfOneName(t *testing.T) {
	newMesh(t, threeClusters, 2, func(m *mesh) {
		m.eventually(10*time.Second, "one mesh", m.all(), whole(6, 3))
		first := m.of("west")[1]
		second := &gateway{self: first.self, addr: netip.MustParseAddr("10.3.0.9")}
		m.dir = filepath.Join(m.dir, "second")
		m.gateways[second.self] = second
		m.add(second.self, second.addr)
		second = m.gateways[second.self]
		m.start(second)
		select {
		case err := <-first.run.ended:
			require.ErrorContains(m.t, err, "two gateways are named west/w-1")
		case <-time.After(time.Minute):
			require.Fail(m.t, "the first one never noticed")
		}
		first.web.Close()
		m.eventually(10*time.Second, "one mesh with the second", m.all(), whole(6, 3))
	})
}

// A certificate that is renewed on disk is taken over without a restart, and what it signed is believed when the old one has
// long expired. One that nobody renews ends its gateway's links when it ends.
func TestCertificatesAreRenewedWhileRunning(t *testing.T) {
	newMesh(t, threeClusters, 1, func(m *mesh) {
		m.eventually(10*time.Second, "one mesh", m.all(), whole(3, 3))
		east, west := m.of("east")[0], m.of("west")[0]
		for _, g := range []*gateway{east, west} {
			m.renew(g, time.Hour)
			m.stop(g)
			m.start(g)
		}
		m.eventually(10*time.Second, "one mesh with the short-lived ones", m.all(), whole(3, 3))
		m.renew(east, 24*time.Hour)
		time.Sleep(10 * time.Second)
		require.WithinDuration(m.t, time.Now().Add(24*time.Hour), east.run.daemon.Status().CertificateExpires, time.Minute)
		time.Sleep(30 * time.Minute)
		require.NoError(m.t, whole(3, 3)(east.run.daemon))
		time.Sleep(30*time.Minute + time.Second)

		m.eventually(time.Minute, "west is cut", m.of("east", "north"), whole(2, 2))
		require.Equal(m.t, "east", m.get(m.of("north")[0], m.lookup(east, "east.web.shop.federated")))
		m.eventually(2*time.Minute, "what west signed is forgotten", m.of("east", "north"), exporting("web", 2))
		m.renew(west, 24*time.Hour)
		m.eventually(30*time.Second, "one mesh again", m.all(), whole(3, 3))
	})
}

// renew writes a new certificate over g's.
func (m *mesh) renew(g *gateway, lifetime time.Duration) {
	m.t.Helper()
	cert, key, err := m.authority.Issue(g.self, time.Now(), lifetime)
	require.NoError(m.t, err)
	require.NoError(m.t, os.WriteFile(filepath.Join(m.path(g), "tls.crt"), cert, 0o600))
	require.NoError(m.t, os.WriteFile(filepath.Join(m.path(g), "tls.key"), key, 0o600))
}
