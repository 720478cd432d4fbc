package tunnel_test

import (
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/tunnel"
)

// stranger makes west another's: its certificate is of another CA.
func stranger(w *world) setup {
	return func(cfg *tunnel.Config) {
		other, err := tunnel.NewAuthority(mesh, time.Now(), 24*time.Hour)
		require.NoError(w, err)
		certPEM, keyPEM, err := other.Issue(west, time.Now(), time.Hour)
		require.NoError(w, err)
		// It trusts our CA, so that it is our side which refuses.
		cfg.Identity, err = tunnel.NewIdentity(append(other.CertPEM(), w.authority.CertPEM()...), certPEM, keyPEM, mesh, west)
		require.NoError(w, err)
	}
}

func TestStrangerIsRefusedWhoeverDials(t *testing.T) {
	inWorld(t, func(w *world) {
		e, ww := w.start(east), w.start(west, stranger(w))
		meet(e, ww)
		time.Sleep(30 * time.Second)
		require.Equal(w, tunnel.Down, e.link(west).State)
		require.Equal(w, "cannot dial: certificate of the peer refused", e.link(west).Reason)
		require.Equal(w, tunnel.Down, ww.link(east).State)
		require.Equal(w, "cannot dial: certificate refused by the peer", ww.link(east).Reason)
		require.Empty(w, e.changes(west))
		require.Empty(w, ww.changes(east), "a dialler doesn't call it a link before the other side agreed")
		_, err := e.Connect(w.Context(), addr(west))
		require.ErrorContains(w, err, "certificate of west/w-0: not signed by the mesh's CA")
	})
}

// Who answers at west's address has a good certificate, but isn't west.
func TestAnotherGatewayAtTheAddress(t *testing.T) {
	inWorld(t, func(w *world) {
		e, n := w.start(east), w.start(north)
		e.Learn(west, []netip.AddrPort{addr(north)})
		time.Sleep(10 * time.Second)
		require.Equal(w, tunnel.Down, e.link(west).State)
		require.Empty(w, n.changes(east))
		g, err := e.Connect(w.Context(), addr(north))
		require.NoError(w, err)
		require.Equal(w, north, g)
	})
}

func TestConnectionEndsWithTheCertificate(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.start(east)
		ww := w.start(west, func(cfg *tunnel.Config) { cfg.Identity = w.identity(west, time.Minute) })
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		time.Sleep(55 * time.Second)
		require.Equal(w, tunnel.Up, e.link(west).State)
		require.LessOrEqual(w, e.until(west, tunnel.Down, time.Minute), 20*time.Second)
		require.Equal(w, "certificate", e.link(west).Reason)
		time.Sleep(10 * time.Second)
		require.Equal(w, tunnel.Down, e.link(west).State)
	})
}

// While a CA is replaced by another, every order of reloading keeps the mesh together; when the old one is taken out,
// who still has a certificate of it is cut.
func TestAuthorityIsRotatedWhileRunning(t *testing.T) {
	inWorld(t, func(w *world) {
		old := w.authority
		next, err := tunnel.NewAuthority(mesh, time.Now(), 24*time.Hour)
		require.NoError(w, err)
		eastFiles, westFiles := writeIdentity(w.T, old.CertPEM(), old, east), writeIdentity(w.T, old.CertPEM(), old, west)
		from := func(files tunnel.Files) setup {
			return func(cfg *tunnel.Config) {
				cfg.Identity, err = tunnel.LoadIdentity(files, mesh, cfg.Self)
				require.NoError(w, err)
			}
		}
		var identities []*tunnel.Identity
		remember := func(cfg *tunnel.Config) { identities = append(identities, cfg.Identity) }
		e, ww := w.start(east, from(eastFiles), remember), w.start(west, from(westFiles), remember)
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		reload := func() {
			for _, identity := range identities {
				_, err := identity.Reload()
				require.NoError(w, err)
			}
		}
		both := append(old.CertPEM(), next.CertPEM()...)
		for _, files := range []tunnel.Files{eastFiles, westFiles} {
			require.NoError(w, os.WriteFile(files.CA, both, 0o600))
			reload()
			time.Sleep(time.Minute)
		}
		renewed := writeIdentity(w.T, both, next, east)
		for _, file := range [][2]string{{renewed.Cert, eastFiles.Cert}, {renewed.Key, eastFiles.Key}} {
			content, err := os.ReadFile(file[0])
			require.NoError(w, err)
			require.NoError(w, os.WriteFile(file[1], content, 0o600))
		}
		reload()
		time.Sleep(time.Minute)
		require.Equal(w, []string{"up connected"}, e.changes(west), "nothing was cut so far")
		require.Equal(w, []string{"up connected"}, ww.changes(east))

		require.NoError(w, os.WriteFile(eastFiles.CA, next.CertPEM(), 0o600))
		reload()
		require.LessOrEqual(w, e.until(west, tunnel.Down, time.Minute), 16*time.Second)
		require.Equal(w, "certificate", e.link(west).Reason)
	})
}
