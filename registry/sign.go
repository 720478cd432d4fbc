package registry

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Fingerprint names a gateway's certificate: the SHA-256 of the leaf's DER bytes.
type Fingerprint [sha256.Size]byte

// String returns the first 8 bytes in hexadecimal: enough to tell certificates apart in a log.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:8]) }

// Signer signs in the name of this gateway. The certificate behind it may change while running: what Sign returned was
// signed by the certificate that Fingerprint named before the call, or by the one that it names after it.
type Signer interface {
	Fingerprint() Fingerprint
	Sign(message []byte) ([]byte, error)
}

// What a signature can be refused for.
var (
	ErrUnknownKey = errors.New("signed with a certificate that is not known here")
	ErrNotOwner   = errors.New("signed with another gateway's certificate")
	ErrSignature  = errors.New("signature does not match")
)

// A purpose goes before what is signed, so that a signature can't be used for anything else. It carries the version of
// the format behind it.
type purpose string

const (
	entryPurpose purpose = "grapevine registry entry 1\x00"
	headPurpose  purpose = "grapevine registry head 1\x00"
)

func (p purpose) message(body []byte) []byte { return append([]byte(p), body...) }

// signed is a signed value as it is stored and passed on: the owner's own bytes, never encoded again, so that what a
// later version put into them survives gateways that don't know it.
type signed struct {
	_    struct{} `cbor:",toarray"`
	Body []byte
	Sig  []byte
}

const maxSignature = 128 // bytes; ECDSA P-256 takes 72 at most, Ed25519 64

func (s *signed) size() int { return len(s.Body) + len(s.Sig) }

func (p purpose) sign(by Signer, body []byte) (signed, error) {
	sig, err := by.Sign(p.message(body))
	if err != nil {
		return signed{}, fmt.Errorf("sign: %w", err)
	}
	return signed{Body: body, Sig: sig}, nil
}

// checkSignature verifies sig over message: ECDSA over SHA-256 in ASN.1 form, or Ed25519.
func checkSignature(key crypto.PublicKey, message, sig []byte) bool {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		digest := sha256.Sum256(message)
		return ecdsa.VerifyASN1(key, digest[:], sig)
	case ed25519.PublicKey:
		return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, message, sig)
	}
	return false
}
