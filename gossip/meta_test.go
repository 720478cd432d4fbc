package gossip

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/hashicorp/memberlist"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/grapevine-mesh/grapevine/registry"
)

// anyAddr draws an address that a gateway can have.
func anyAddr(t *rapid.T) netip.AddrPort {
	var ip netip.Addr
	if rapid.Bool().Draw(t, "six") {
		ip = netip.AddrFrom16([16]byte{0x20, 0x01, 15: byte(rapid.IntRange(1, 255).Draw(t, "last"))})
	} else {
		ip = netip.AddrFrom4([4]byte{10, 0, 0, byte(rapid.IntRange(1, 255).Draw(t, "last"))})
	}
	return netip.AddrPortFrom(ip, uint16(rapid.IntRange(1, 65535).Draw(t, "port")))
}

// bulky signs with as many bytes as it is told to.
type bulky int

func (bulky) Fingerprint() registry.Fingerprint     { return registry.Fingerprint{1} }
func (b bulky) Sign(message []byte) ([]byte, error) { return make([]byte, b), nil }

// TestMetaFits: whatever addresses and signature there are, metadata never gets to the size at which memberlist panics.
func TestMetaFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		advertise := rapid.SliceOfN(rapid.Custom(anyAddr), 0, 40).Draw(t, "advertise")
		size := rapid.IntRange(0, 600).Draw(t, "signature")
		wire, err := signMeta(gateway("east/e-0"), 1, advertise, bulky(size))
		if size > maxSignature {
			require.ErrorContains(t, err, "ECDSA or Ed25519")
			return
		}
		require.NoError(t, err)
		require.LessOrEqual(t, len(wire), memberlist.MetaMaxSize)
		m, _, _, err := parseMeta(wire)
		require.NoError(t, err)
		require.Len(t, m.Advertise, min(len(advertise), maxAdvertise))
		for i, addr := range m.Advertise {
			require.Equal(t, advertise[i], addr, "the first ones, in order")
		}
	})
}

// TestMetaIsBound: metadata holds for the name, the certificate and the bytes that were signed, and for nothing else.
func TestMetaIsBound(t *testing.T) {
	east, west := newIdentity(gateway("east/e-0")), newIdentity(gateway("west/w-0"))
	keyring := newKeyring()
	for _, id := range []*identity{east, west} {
		_, err := keyring.Add(id.chain)
		require.NoError(t, err)
	}
	addr := netip.MustParseAddrPort("[2001:db8::1]:7946")
	wire, err := signMeta(gateway("east/e-0"), 17, []netip.AddrPort{addr}, east)
	require.NoError(t, err)

	m, err := openMeta(gateway("east/e-0"), wire, keyring)
	require.NoError(t, err)
	require.Equal(t, meta{Instance: 17, Signer: east.Fingerprint(), Advertise: []netip.AddrPort{addr}}, m)

	_, err = openMeta(gateway("west/w-0"), wire, keyring)
	require.ErrorIs(t, err, registry.ErrNotOwner)
	_, err = openMeta(gateway("east/e-0"), wire, newKeyring())
	require.ErrorIs(t, err, registry.ErrUnknownKey)
	forged, err := signMeta(gateway("east/e-0"), 17, nil, west)
	require.NoError(t, err)
	_, err = openMeta(gateway("east/e-0"), forged, keyring)
	require.ErrorIs(t, err, registry.ErrNotOwner)

	for i := range wire {
		changed := append([]byte(nil), wire...)
		changed[i] ^= 1
		_, err := openMeta(gateway("east/e-0"), changed, keyring)
		require.Error(t, err, "byte %d", i)
		_, err = openMeta(gateway("east/e-0"), wire[:i], keyring)
		require.Error(t, err, "cut at %d", i)
	}
}

// TestMetaOfLaterVersion: what a later version appends is signed, and doesn't keep this one from understanding the rest.
func TestMetaOfLaterVersion(t *testing.T) {
	id, keyring := newIdentity(gateway("east/e-0")), newKeyring()
	_, err := keyring.Add(id.chain)
	require.NoError(t, err)
	body := append(appendBody(nil, meta{Instance: 17, Signer: id.Fingerprint()}), "zone=a"...)
	sig, err := id.Sign(signedMeta(gateway("east/e-0"), body))
	require.NoError(t, err)
	m, err := openMeta(gateway("east/e-0"), append(append([]byte{metaVersion, byte(len(sig))}, sig...), body...), keyring)
	require.NoError(t, err)
	require.EqualValues(t, 17, m.Instance)
}

// TestMetaRefusesAddresses that can't be one gateway's.
func TestMetaRefusesAddresses(t *testing.T) {
	for _, bad := range []string{"0.0.0.0:7946", "[::]:7946", "224.0.0.1:7946", "10.0.0.1:0"} {
		body := appendBody(nil, meta{Advertise: []netip.AddrPort{netip.MustParseAddrPort(bad)}})
		_, err := parseBody(body)
		require.ErrorIs(t, err, errMeta, bad)
	}
}

func FuzzMeta(f *testing.F) {
	for _, advertise := range [][]netip.AddrPort{nil, {addrOf("a")}, {addrOf("a"), netip.MustParseAddrPort("[2001:db8::1]:1")}} {
		wire, err := signMeta(gateway("east/e-0"), 17, advertise, newIdentity(gateway("east/e-0")))
		require.NoError(f, err)
		f.Add(wire)
	}
	f.Add([]byte{metaVersion, 255})
	f.Add(append([]byte{metaVersion, 0}, binary.BigEndian.AppendUint64(nil, 1)...))
	f.Fuzz(func(t *testing.T, wire []byte) {
		m, sig, body, err := parseMeta(wire)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(wire), memberlist.MetaMaxSize)
		require.Equal(t, wire, append(append([]byte{metaVersion, byte(len(sig))}, sig...), body...))
		again := appendBody(nil, m)
		require.Equal(t, body[:len(again)], again, "what was read is what was written")
		_, err = openMeta(gateway("east/e-0"), wire, newKeyring())
		require.ErrorIs(t, err, registry.ErrUnknownKey)
	})
}
