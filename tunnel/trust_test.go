package tunnel_test

import (
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
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

// A stream lives longer than the certificates under it, where each side has a newer one in time, and whoever dialled.
func TestStreamOutlivesTheCertificates(t *testing.T) {
	for _, renewing := range []registry.Gateway{east, west} {
		t.Run(renewing.String(), func(t *testing.T) {
			inWorld(t, func(w *world) {
				files := writeIdentity(w.T, w.authority.CertPEM(), w.authority, renewing)
				w.renew(files, renewing, 5*time.Minute)
				identity, err := tunnel.LoadIdentity(files, mesh, renewing)
				require.NoError(w, err)
				shortLived := func(cfg *tunnel.Config) {
					if cfg.Self == renewing {
						cfg.Identity = identity
					}
				}
				e, ww := w.start(east, shortLived), w.start(west, shortLived, serving(w, west, echo))
				meet(e, ww)
				e.until(west, tunnel.Up, time.Second)
				conn, _, err := e.Open(w.Context(), web, candidates(west))
				require.NoError(w, err)
				defer conn.Close()

				time.Sleep(2 * time.Minute)
				w.renew(files, renewing, 24*time.Hour)
				_, err = identity.Reload()
				require.NoError(w, err)
				time.Sleep(2 * time.Minute)
				require.NotZero(w, e.StaleStreams(west)+ww.StaleStreams(east), "who dialled has replaced the connection")
				other, _, err := e.Open(w.Context(), web, candidates(west))
				require.NoError(w, err)
				defer other.Close()

				time.Sleep(2 * time.Minute)
				for _, c := range []net.Conn{conn, other} {
					c.Write([]byte("still"))
					_, err = io.ReadFull(c, make([]byte, 5))
					require.NoError(w, err)
				}
				require.Equal(w, []string{"up connected"}, e.changes(west))
				require.Equal(w, []string{"up connected"}, ww.changes(east))
				control, data := e.Connections(west)
				require.Equal(w, 1, control)
				require.LessOrEqual(w, data, 3)
			})
		})
	}
}

// A newer certificate makes good for one that ended, and not for one whose CA was taken out meanwhile.
func TestStreamEndsWithItsAuthority(t *testing.T) {
	inWorld(t, func(w *world) {
		old := w.authority
		next, err := tunnel.NewAuthority(mesh, time.Now(), 24*time.Hour)
		require.NoError(w, err)
		both := append(old.CertPEM(), next.CertPEM()...)
		load := func(files tunnel.Files, g registry.Gateway) (*tunnel.Identity, setup) {
			identity, err := tunnel.LoadIdentity(files, mesh, g)
			require.NoError(w, err)
			return identity, func(cfg *tunnel.Config) { cfg.Identity = identity }
		}
		eastFiles, westFiles := writeIdentity(w.T, both, next, east), writeIdentity(w.T, both, old, west)
		w.renew(westFiles, west, 5*time.Minute)
		eastIdentity, eastSetup := load(eastFiles, east)
		westIdentity, westSetup := load(westFiles, west)
		e, ww := w.start(east, eastSetup), w.start(west, westSetup, serving(w, west, echo))
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		conn, _, err := e.Open(w.Context(), web, candidates(west))
		require.NoError(w, err)
		w.authority = next
		w.renew(eastFiles, east, 24*time.Hour)
		w.renew(westFiles, west, 24*time.Hour)
		for _, identity := range []*tunnel.Identity{eastIdentity, westIdentity} {
			_, err = identity.Reload()
			require.NoError(w, err)
		}
		time.Sleep(4 * time.Minute)
		conn.Write([]byte("still"))
		_, err = io.ReadFull(conn, make([]byte, 5))
		require.NoError(w, err)

		require.NoError(w, os.WriteFile(eastFiles.CA, next.CertPEM(), 0o600))
		_, err = eastIdentity.Reload()
		require.NoError(w, err)
		time.Sleep(16 * time.Second)
		conn.SetReadDeadline(time.Now().Add(time.Second))
		_, err = conn.Read(make([]byte, 5))
		require.Error(w, err)
		require.NotErrorIs(w, err, os.ErrDeadlineExceeded)
		require.Equal(w, []string{"up connected"}, e.changes(west), "the link lives, over its new connection")
	})
}

// renew writes a new certificate and key over an identity's files.
func (w *world) renew(files tunnel.Files, g registry.Gateway, lifetime time.Duration) {
	w.Helper()
	certPEM, keyPEM, err := w.authority.Issue(g, time.Now(), lifetime)
	require.NoError(w, err)
	require.NoError(w, os.WriteFile(files.Cert, certPEM, 0o600))
	require.NoError(w, os.WriteFile(files.Key, keyPEM, 0o600))
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
