package registry

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A mint stands in for the mesh's CA: its "certificates" are bytes that it remembers.
type mint struct {
	issued  map[string]minted
	revoked map[string]bool
}

type minted struct {
	gateway Gateway
	key     crypto.PublicKey
}

func newMint() *mint { return &mint{issued: map[string]minted{}, revoked: map[string]bool{}} }

func (m *mint) verify(der [][]byte) (Gateway, crypto.PublicKey, error) {
	issued, ok := m.issued[string(der[0])]
	if !ok || m.revoked[string(der[0])] {
		return Gateway{}, nil, errors.New("not signed by this mint")
	}
	return issued.gateway, issued.key, nil
}

// testSigner signs with a key that a mint certified.
type testSigner struct {
	der  []byte
	sign func(message []byte) ([]byte, error)
}

func (s *testSigner) Fingerprint() Fingerprint            { return sha256.Sum256(s.der) }
func (s *testSigner) Sign(message []byte) ([]byte, error) { return s.sign(message) }
func (s *testSigner) chain() [][]byte                     { return [][]byte{s.der} }

func (m *mint) signer(t testing.TB, g Gateway) *testSigner {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der := fmt.Appendf(nil, "certificate %d of %s", len(m.issued), g)
	m.issued[string(der)] = minted{g, public}
	return &testSigner{der, func(message []byte) ([]byte, error) { return ed25519.Sign(private, message), nil }}
}

func (m *mint) ecdsaSigner(t testing.TB, g Gateway) *testSigner {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der := fmt.Appendf(nil, "certificate %d of %s", len(m.issued), g)
	m.issued[string(der)] = minted{g, &private.PublicKey}
	return &testSigner{der, func(message []byte) ([]byte, error) {
		digest := sha256.Sum256(message)
		return ecdsa.SignASN1(rand.Reader, private, digest[:])
	}}
}

var east0, west0 = Gateway{"east", "e-0"}, Gateway{"west", "w-0"}

func TestKeyringVerifiesTheOwnersSignatureAlone(t *testing.T) {
	m := newMint()
	keyring := NewKeyring(m.verify)
	for _, signer := range []*testSigner{m.signer(t, west0), m.ecdsaSigner(t, west0)} {
		sig, err := signer.Sign([]byte("message"))
		require.NoError(t, err)
		require.ErrorIs(t, keyring.Verify(west0, signer.Fingerprint(), []byte("message"), sig), ErrUnknownKey)
		fingerprint, err := keyring.Add(signer.chain())
		require.NoError(t, err)
		require.Equal(t, signer.Fingerprint(), fingerprint)

		require.NoError(t, keyring.Verify(west0, fingerprint, []byte("message"), sig))
		require.ErrorIs(t, keyring.Verify(east0, fingerprint, []byte("message"), sig), ErrNotOwner)
		require.ErrorIs(t, keyring.Verify(west0, fingerprint, []byte("another"), sig), ErrSignature)
		require.ErrorIs(t, keyring.Verify(west0, fingerprint, []byte("message"), nil), ErrSignature)
	}
}

func TestKeyringRefusesForeignAndOversizedChains(t *testing.T) {
	m := newMint()
	keyring := NewKeyring(m.verify)
	for name, der := range map[string][][]byte{
		"none":        nil,
		"empty leaf":  {{}},
		"too long":    make([][]byte, maxChainLength+1),
		"too large":   {make([]byte, maxChainBytes+1)},
		"another's":   {[]byte("certificate of another CA")},
		"empty first": {{}, []byte("x")},
	} {
		_, err := keyring.Add(der)
		require.Error(t, err, name)
	}
}

func TestKeyringForgetsOnlyTheFloodersCertificates(t *testing.T) {
	m := newMint()
	keyring := NewKeyring(m.verify)
	quiet, neighbour := m.signer(t, west0), m.signer(t, Gateway{"east", "e-1"})
	var flood []*testSigner
	for range maxChainsPerGateway + 3 {
		flood = append(flood, m.signer(t, east0))
	}
	for _, signer := range append([]*testSigner{quiet, neighbour}, flood...) {
		_, err := keyring.Add(signer.chain())
		require.NoError(t, err)
	}
	for _, kept := range append([]*testSigner{quiet, neighbour}, flood[3:]...) {
		_, ok := keyring.Chain(kept.Fingerprint())
		require.True(t, ok)
	}
	_, ok := keyring.Chain(flood[2].Fingerprint())
	require.False(t, ok)
}

func TestKeyringBoundsACluster(t *testing.T) {
	m := newMint()
	keyring := NewKeyring(m.verify)
	quiet := m.signer(t, west0)
	_, err := keyring.Add(quiet.chain())
	require.NoError(t, err)
	for i := range maxChainsPerCluster + 10 {
		_, err := keyring.Add(m.signer(t, Gateway{"east", fmt.Sprintf("e-%d", i)}).chain())
		require.NoError(t, err)
	}
	require.Len(t, keyring.keys, maxChainsPerCluster+1)
	_, ok := keyring.Chain(quiet.Fingerprint())
	require.True(t, ok)
}

func TestKeyringRecheckForgetsWhatIsNoLongerValid(t *testing.T) {
	m := newMint()
	keyring := NewKeyring(m.verify)
	gone, stays := m.signer(t, east0), m.signer(t, west0)
	for _, signer := range []*testSigner{gone, stays} {
		_, err := keyring.Add(signer.chain())
		require.NoError(t, err)
	}
	m.revoked[string(gone.der)] = true
	require.Equal(t, 1, keyring.Recheck())
	_, ok := keyring.Chain(gone.Fingerprint())
	require.False(t, ok)
	_, ok = keyring.Chain(stays.Fingerprint())
	require.True(t, ok)
}
