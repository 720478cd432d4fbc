package gossip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/hashicorp/memberlist"

	"github.com/grapevine-mesh/grapevine/registry"
)

// meta is what a member says of itself; it travels in memberlist's node metadata and is signed, because everything that
// gossip brings has passed through others.
type meta struct {
	Instance  uint64               // grows with every start of that gateway
	Signer    registry.Fingerprint // the certificate that signed
	Advertise []netip.AddrPort     // where the gateway can be dialled, best first
}

// The wire format of metadata, version 1; numbers are big-endian.
//
//	1     version
//	1     length of the signature
//	…     signature over domain ‖ length of the member's name ‖ name ‖ body
//	body:
//	8     instance
//	32    fingerprint of the certificate that signed
//	1     number of addresses
//	…     addresses: 1 byte 4 or 6, 4 or 16 bytes address, 2 bytes port
//	…     whatever a later version appends; it is signed, and ignored here
const (
	metaVersion  = 1
	metaDomain   = "grapevine gossip member 1\x00"
	maxAdvertise = 8
	maxSignature = 255
	minBody      = 8 + len(registry.Fingerprint{}) + 1
	maxBody      = minBody + maxAdvertise*(1+16+2)
)

// memberlist panics over 512 bytes of metadata. With the bounds above more is impossible; this line doesn't compile
// otherwise.
const _ = uint(memberlist.MetaMaxSize - (2 + maxSignature + maxBody))

var (
	errMeta        = errors.New("metadata is malformed")
	errMetaVersion = errors.New("metadata is of an unknown version")
)

// signMeta returns the metadata of this member in its wire form. Addresses beyond the first maxAdvertise are left out.
func signMeta(self registry.Gateway, instance uint64, advertise []netip.AddrPort, signer registry.Signer) ([]byte, error) {
	advertise = advertise[:min(len(advertise), maxAdvertise)]
	for range 3 {
		by := signer.Fingerprint()
		body := appendBody(nil, meta{Instance: instance, Signer: by, Advertise: advertise})
		sig, err := signer.Sign(signedMeta(self, body))
		switch {
		case err != nil:
			return nil, fmt.Errorf("sign metadata: %w", err)
		case len(sig) > maxSignature:
			return nil, fmt.Errorf("sign metadata: signature of %d bytes, want at most %d: use an ECDSA or Ed25519 key", len(sig), maxSignature)
		case signer.Fingerprint() == by:
			return append(append([]byte{metaVersion, byte(len(sig))}, sig...), body...), nil
		}
		// The certificate was replaced in between, so that what was signed may name the wrong one.
	}
	return nil, errors.New("sign metadata: the certificate changes all the time")
}

// openMeta decodes metadata and verifies that the gateway of that name signed it.
func openMeta(g registry.Gateway, wire []byte, keyring *registry.Keyring) (meta, error) {
	m, sig, body, err := parseMeta(wire)
	if err != nil {
		return meta{}, err
	}
	return m, keyring.Verify(g, m.Signer, signedMeta(g, body), sig)
}

// parseMeta decodes metadata without verifying it.
func parseMeta(wire []byte) (m meta, sig, body []byte, err error) {
	switch {
	case len(wire) < 2 || len(wire) > memberlist.MetaMaxSize:
		return meta{}, nil, nil, errMeta
	case wire[0] != metaVersion:
		return meta{}, nil, nil, errMetaVersion
	case len(wire) < 2+int(wire[1]):
		return meta{}, nil, nil, errMeta
	}
	sig, body = wire[2:2+int(wire[1])], wire[2+int(wire[1]):]
	m, err = parseBody(body)
	return m, sig, body, err
}

func signedMeta(g registry.Gateway, body []byte) []byte {
	name := g.String()
	message := make([]byte, 0, len(metaDomain)+1+len(name)+len(body))
	message = append(message, metaDomain...)
	message = append(message, byte(len(name)))
	message = append(message, name...)
	return append(message, body...)
}

func appendBody(b []byte, m meta) []byte {
	b = binary.BigEndian.AppendUint64(b, m.Instance)
	b = append(b, m.Signer[:]...)
	b = append(b, byte(len(m.Advertise)))
	for _, addr := range m.Advertise {
		ip := addr.Addr().Unmap()
		if ip.Is4() {
			b = append(b, 4)
		} else {
			b = append(b, 6)
		}
		b = append(b, ip.AsSlice()...)
		b = binary.BigEndian.AppendUint16(b, addr.Port())
	}
	return b
}

func parseBody(b []byte) (meta, error) {
	if len(b) < minBody || b[minBody-1] > maxAdvertise {
		return meta{}, errMeta
	}
	m := meta{Instance: binary.BigEndian.Uint64(b), Signer: registry.Fingerprint(b[8 : minBody-1])}
	count, b := int(b[minBody-1]), b[minBody:]
	for range count {
		addr, rest, err := parseAddr(b)
		if err != nil {
			return meta{}, err
		}
		m.Advertise, b = append(m.Advertise, addr), rest
	}
	return m, nil
}

func parseAddr(b []byte) (addr netip.AddrPort, rest []byte, err error) {
	size := 0
	switch {
	case len(b) > 0 && b[0] == 4:
		size = 4
	case len(b) > 0 && b[0] == 6:
		size = 16
	}
	if size == 0 || len(b) < 1+size+2 {
		return netip.AddrPort{}, nil, errMeta
	}
	ip, _ := netip.AddrFromSlice(b[1 : 1+size])
	addr = netip.AddrPortFrom(ip, binary.BigEndian.Uint16(b[1+size:]))
	if !dialable(addr) || ip.Is4In6() {
		return netip.AddrPort{}, nil, errMeta
	}
	return addr, b[1+size+2:], nil
}

// dialable tells whether an address can be that of one gateway.
func dialable(addr netip.AddrPort) bool {
	ip := addr.Addr()
	return addr.Port() != 0 && ip.IsValid() && ip.Zone() == "" && !ip.IsUnspecified() && !ip.IsMulticast()
}
