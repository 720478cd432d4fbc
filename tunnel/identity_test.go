package tunnel_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// leaf issues a certificate that deviates from what an Authority issues.
func leaf(t *testing.T, a *tunnel.Authority, key crypto.Signer, deviate func(*x509.Certificate)) (certPEM, keyPEM []byte) {
	t.Helper()
	block, _ := pem.Decode(a.CertPEM())
	ca, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	block, _ = pem.Decode(a.KeyPEM())
	caKey, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "odd"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		URIs:        uris(t, "spiffe://east.mesh.internal/gateway/e-0"),
	}
	deviate(template)
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
}

func uris(t *testing.T, texts ...string) (parsed []*url.URL) {
	for _, text := range texts {
		u, err := url.Parse(text)
		require.NoError(t, err)
		parsed = append(parsed, u)
	}
	return parsed
}

func newKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(t, err)
	return key
}

func newAuthority(t *testing.T, mesh string) *tunnel.Authority {
	a, err := tunnel.NewAuthority(mesh, time.Now(), 24*time.Hour)
	require.NoError(t, err)
	return a
}

func TestIdentityTellsWhatIsWrong(t *testing.T) {
	a, other := newAuthority(t, mesh), newAuthority(t, mesh)
	foreign := newAuthority(t, "elsewhere.org")
	key := newKey(t, elliptic.P256())
	good, goodKey, err := a.Issue(east, time.Now(), time.Hour)
	require.NoError(t, err)
	of := func(a *tunnel.Authority, g registry.Gateway, now time.Time) (certPEM, keyPEM []byte) {
		certPEM, keyPEM, err := a.Issue(g, now, time.Hour)
		require.NoError(t, err)
		return certPEM, keyPEM
	}
	deviating := func(deviate func(*x509.Certificate)) func() ([]byte, []byte) {
		return func() ([]byte, []byte) { return leaf(t, a, key, deviate) }
	}
	withURIs := func(texts ...string) func() ([]byte, []byte) {
		return deviating(func(c *x509.Certificate) { c.URIs = uris(t, texts...) })
	}
	for want, issue := range map[string]func() ([]byte, []byte){
		"tls.cert: it says west/w-0, this is east/e-0": func() ([]byte, []byte) { return of(a, west, time.Now()) },
		"tls.cert: not signed by the CA":               func() ([]byte, []byte) { return of(other, east, time.Now()) },
		"tls.cert: certificate of spiffe://east.elsewhere.org/gateway/e-0: of another mesh than mesh.internal": func() ([]byte, []byte) {
			return of(foreign, east, time.Now())
		},
		"tls.cert: expired at 20":       func() ([]byte, []byte) { return of(a, east, time.Now().Add(-2*time.Hour)) },
		"tls.cert: not valid before 20": func() ([]byte, []byte) { return of(a, east, time.Now().Add(2*time.Hour)) },
		"tls.key: does not belong to the certificate": func() ([]byte, []byte) {
			_, otherKey := of(a, east, time.Now())
			return good, otherKey
		},
		"tls.cert: no certificate in it": func() ([]byte, []byte) { return goodKey, goodKey },
		"tls.key: no key in it":          func() ([]byte, []byte) { return good, good },
		"tls.key: want an ECDSA P-256 or Ed25519 key": func() ([]byte, []byte) {
			return leaf(t, a, newKey(t, elliptic.P384()), func(*x509.Certificate) {})
		},
		"certificate contains no URI SAN":                withURIs(),
		"certificate contains more than one URI SAN":     withURIs("spiffe://east.mesh.internal/gateway/e-0", "spiffe://west.mesh.internal/gateway/w-0"),
		"not a gateway's, whose path is /gateway/<name>": withURIs("spiffe://east.mesh.internal/pod/e-0"),
		`cluster: "east.eu": want a DNS label`:           withURIs("spiffe://east.eu.mesh.internal/gateway/e-0"),
		"scheme is missing or invalid":                   withURIs("https://east.mesh.internal/gateway/e-0"),
		"a CA's certificate, not a gateway's": deviating(func(c *x509.Certificate) {
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		}),
		"incompatible key usage": deviating(func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[:1] }),
	} {
		t.Run(want, func(t *testing.T) {
			certPEM, keyPEM := issue()
			_, err := tunnel.NewIdentity(a.CertPEM(), certPEM, keyPEM, mesh, east)
			require.ErrorContains(t, err, want)
		})
	}
	_, err = tunnel.NewIdentity(good, good, goodKey, mesh, east)
	require.ErrorContains(t, err, "is not a CA's")
	_, err = tunnel.NewIdentity(a.CertPEM(), good, goodKey, mesh, east)
	require.NoError(t, err)
}

// The CA's own name constraints keep it from speaking for another mesh, even to who trusts it.
func TestAuthorityIsBoundToItsMesh(t *testing.T) {
	a := newAuthority(t, mesh)
	certPEM, keyPEM := leaf(t, a, newKey(t, elliptic.P256()), func(c *x509.Certificate) {
		c.URIs = uris(t, "spiffe://east.elsewhere.org/gateway/e-0")
	})
	_, err := tunnel.NewIdentity(a.CertPEM(), certPEM, keyPEM, "elsewhere.org", east)
	require.ErrorContains(t, err, "is not permitted by any constraint")
}

func TestAuthorityIsReadBack(t *testing.T) {
	a := newAuthority(t, mesh)
	again, err := tunnel.ParseAuthority(a.CertPEM(), a.KeyPEM())
	require.NoError(t, err)
	require.Equal(t, mesh, again.Mesh())
	certPEM, keyPEM, err := again.Issue(west, time.Now(), 100*365*24*time.Hour)
	require.NoError(t, err)
	identity, err := tunnel.NewIdentity(a.CertPEM(), certPEM, keyPEM, mesh, west)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(24*time.Hour), identity.Expires(), time.Minute, "with the CA's end")

	_, err = tunnel.ParseAuthority(a.CertPEM(), newAuthority(t, mesh).KeyPEM())
	require.ErrorContains(t, err, "CA key: does not belong to the CA certificate")
	_, err = tunnel.ParseAuthority(certPEM, keyPEM)
	require.ErrorContains(t, err, "CA certificate: it is not a mesh CA's")
	_, err = tunnel.NewAuthority("not a name", time.Now(), time.Hour)
	require.ErrorContains(t, err, `mesh name "not a name"`)
	_, _, err = a.Issue(registry.Gateway{Cluster: "East", Name: "e"}, time.Now(), time.Hour)
	require.ErrorContains(t, err, "want a DNS label")
}

func TestSignaturesAreVerifiedWithTheChain(t *testing.T) {
	a := newAuthority(t, mesh)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	for name, key := range map[string]crypto.Signer{"ECDSA": newKey(t, elliptic.P256()), "Ed25519": ed} {
		t.Run(name, func(t *testing.T) {
			certPEM, keyPEM := leaf(t, a, key, func(*x509.Certificate) {})
			identity, err := tunnel.NewIdentity(a.CertPEM(), certPEM, keyPEM, mesh, east)
			require.NoError(t, err)
			ring := registry.NewKeyring(identity.VerifyChain)
			by, err := ring.Add(identity.Chain())
			require.NoError(t, err)
			require.Equal(t, identity.Fingerprint(), by)
			require.Equal(t, registry.Fingerprint(sha256.Sum256(identity.Chain()[0])), by)
			sig, err := identity.Sign([]byte("message"))
			require.NoError(t, err)
			require.NoError(t, ring.Verify(east, by, []byte("message"), sig))
			require.ErrorIs(t, ring.Verify(west, by, []byte("message"), sig), registry.ErrNotOwner)
			require.ErrorIs(t, ring.Verify(east, by, []byte("massage"), sig), registry.ErrSignature)
		})
	}
}

func TestIdentityIsReloaded(t *testing.T) {
	a, next := newAuthority(t, mesh), newAuthority(t, mesh)
	files := writeIdentity(t, a.CertPEM(), a, east)
	identity, err := tunnel.LoadIdentity(files, mesh, east)
	require.NoError(t, err)
	changed, err := identity.Reload()
	require.NoError(t, err)
	require.False(t, changed)
	before := identity.Fingerprint()

	certPEM, keyPEM, err := a.Issue(east, time.Now(), time.Hour)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(files.Cert, certPEM, 0o600))
	_, err = identity.Reload()
	require.ErrorContains(t, err, files.Key, "its key isn't there yet")
	require.Equal(t, before, identity.Fingerprint())
	require.NoError(t, os.WriteFile(files.Key, keyPEM, 0o600))
	changed, err = identity.Reload()
	require.NoError(t, err)
	require.True(t, changed)
	require.NotEqual(t, before, identity.Fingerprint())

	_, _, err = identity.VerifyChain(chainOf(t, next, west))
	require.ErrorContains(t, err, "certificate of west/w-0: not signed by the mesh's CA")
	require.NoError(t, os.WriteFile(files.CA, append(a.CertPEM(), next.CertPEM()...), 0o600))
	changed, err = identity.Reload()
	require.NoError(t, err)
	require.True(t, changed)
	g, _, err := identity.VerifyChain(chainOf(t, next, west))
	require.NoError(t, err)
	require.Equal(t, west, g)
	_, _, err = identity.VerifyChain(nil)
	require.Error(t, err)
	_, _, err = identity.VerifyChain([][]byte{[]byte("junk")})
	require.Error(t, err)
}

func TestMissingFilesAreNamed(t *testing.T) {
	a := newAuthority(t, mesh)
	files := writeIdentity(t, a.CertPEM(), a, east)
	for key, file := range map[string]string{"tls.ca": files.CA, "tls.cert": files.Cert, "tls.key": files.Key} {
		kept, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.Remove(file))
		_, err = tunnel.LoadIdentity(files, mesh, east)
		require.ErrorContains(t, err, key+": open "+file)
		require.ErrorIs(t, err, os.ErrNotExist)
		require.NoError(t, os.WriteFile(file, kept, 0o600))
	}
	_, err := tunnel.LoadIdentity(files, mesh, west)
	require.ErrorContains(t, err, "tls.cert ("+files.Cert+"): it says east/e-0, this is west/w-0")
}

func writeIdentity(t *testing.T, caPEM []byte, a *tunnel.Authority, g registry.Gateway) tunnel.Files {
	dir := t.TempDir()
	files := tunnel.Files{CA: filepath.Join(dir, "ca.crt"), Cert: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}
	certPEM, keyPEM, err := a.Issue(g, time.Now(), time.Hour)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(files.CA, caPEM, 0o600))
	require.NoError(t, os.WriteFile(files.Cert, certPEM, 0o600))
	require.NoError(t, os.WriteFile(files.Key, keyPEM, 0o600))
	return files
}

func chainOf(t *testing.T, a *tunnel.Authority, g registry.Gateway) [][]byte {
	certPEM, _, err := a.Issue(g, time.Now(), time.Hour)
	require.NoError(t, err)
	block, _ := pem.Decode(certPEM)
	return [][]byte{block.Bytes}
}
