package registry

import (
	"crypto/sha256"
	"errors"
	"fmt"
)

// frameVersion is the version of the frames. Fields may be added without changing it: who doesn't know them ignores them.
const frameVersion = 1

// A frame is what one gateway tells another, and what that one replies. Each part is optional and means the same
// whichever side says it: see answer. CBOR, map keys as given.
type frame struct {
	Version uint64     `cbor:"1,keyasint"`            // frameVersion
	Root    []byte     `cbor:"2,keyasint,omitempty"`  // the hash of all that the sender holds: is yours the same?
	Lines   []line     `cbor:"3,keyasint,omitempty"`  // what the sender holds, owner by owner: beside a root, of all owners
	Wants   []want     `cbor:"4,keyasint,omitempty"`  // please send these
	Bundles []bundle   `cbor:"5,keyasint,omitempty"`  // entries and heads
	Asked   bool       `cbor:"6,keyasint,omitempty"`  // the bundles are what was wanted
	News    bool       `cbor:"7,keyasint,omitempty"`  // what is new in the bundles is worth passing on
	Again   []want     `cbor:"8,keyasint,omitempty"`  // of what was wanted, or is news, this didn't fit: ask for it
	Lacking [][]byte   `cbor:"9,keyasint,omitempty"`  // fingerprints of certificates that the sender wants to see
	Chains  [][][]byte `cbor:"10,keyasint,omitempty"` // certificate chains, DER, leaf first
}

// A line is what somebody holds of one owner's newest epoch, in few bytes. It is a claim, not a proof.
type line struct {
	Owner    Gateway `cbor:"1,keyasint"`
	Version  Version `cbor:"2,keyasint"`           // of the head; sequence number 0: no head yet
	Sum      []byte  `cbor:"3,keyasint"`           // the first 16 bytes of the entries' sum
	Complete bool    `cbor:"4,keyasint,omitempty"` // just what the head says
	Forked   bool    `cbor:"5,keyasint,omitempty"` // more than the head says: the owner said two things with one version
}

var errFrameVersion = errors.New("frame of another protocol version")

// decodeFrame reads a frame of this version.
func decodeFrame(data []byte) (*frame, error) {
	f := &frame{}
	if err := decode(data, MaxFrame, f); err != nil {
		return nil, fmt.Errorf("frame: %w", err)
	}
	if f.Version != frameVersion {
		return nil, fmt.Errorf("%w: %d, want %d", errFrameVersion, f.Version, frameVersion)
	}
	return f, nil
}

func (f *frame) encode() []byte {
	f.Version = frameVersion
	return encode(f)
}

// empty tells whether f says nothing: the conversation is over.
func (f *frame) empty() bool {
	return len(f.Root)+len(f.Lines)+len(f.Wants)+len(f.Bundles)+len(f.Again)+len(f.Lacking)+len(f.Chains) == 0
}

// chains finds the chains of a frame by their fingerprint. They are verified when something needs them, so a frame full
// of worthless ones costs no more than their hashes.
type chains map[Fingerprint][][]byte

func (f *frame) chains() chains {
	found := chains{}
	for _, der := range f.Chains {
		if checkChainSize(der) == nil {
			found[sha256.Sum256(der[0])] = der
		}
	}
	return found
}
