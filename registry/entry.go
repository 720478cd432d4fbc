package registry

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Version orders what one owner says: by epoch, then by sequence number. The epoch grows at every start of the owner, the
// sequence number with every change.
type Version struct {
	Epoch uint64 `cbor:"1,keyasint" json:"epoch"`
	Seq   uint64 `cbor:"2,keyasint" json:"seq"`
}

// Compare orders versions, older first.
func (v Version) Compare(other Version) int {
	return cmp.Or(cmp.Compare(v.Epoch, other.Epoch), cmp.Compare(v.Seq, other.Seq))
}

// Entry is one export as replicated. It is immutable.
type Entry struct {
	Owner   Gateway
	Version Version
	Service ServiceName
	Export  *Export     // nil: withdrawn, or quarantined
	By      Fingerprint // the certificate that signed it

	// Quarantined says why a rightly signed export isn't served: this gateway can't make sense of it. It is kept and
	// passed on all the same, because whether an owner's entries are complete must not depend on who understands them,
	// and because the one who understands it may only be a version ahead.
	Quarantined error

	content []byte // the encoded export: equal bytes are equal exports
	hash    Hash
	signed  signed
}

// entryBody is what the owner signs, after [entryPurpose].
type entryBody struct {
	Owner   Gateway         `cbor:"1,keyasint"`
	Version Version         `cbor:"2,keyasint"`
	Service ServiceName     `cbor:"3,keyasint"`
	By      []byte          `cbor:"4,keyasint"`           // SHA-256 of the leaf certificate
	Export  cbor.RawMessage `cbor:"5,keyasint,omitempty"` // the [Export]; absent: withdrawn
}

// newEntry signs what owner says about a service. No content withdraws it.
func newEntry(signer Signer, by Fingerprint, owner Gateway, v Version, service ServiceName, content []byte) (*Entry, error) {
	body := encode(entryBody{Owner: owner, Version: v, Service: service, By: by[:], Export: content})
	if len(body) > maxEntry {
		return nil, fmt.Errorf("%d bytes: want %d at most", len(body), maxEntry)
	}
	s, err := entryPurpose.sign(signer, body)
	if err != nil {
		return nil, err
	}
	return parseEntry(s)
}

// parseEntry decodes an entry. Its signature isn't verified yet.
func parseEntry(s signed) (*Entry, error) {
	var body entryBody
	if err := decode(s.Body, maxEntry, &body); err != nil {
		return nil, fmt.Errorf("entry: %w", err)
	}
	by, err := checkSigned(body.Owner, body.Version, body.By, s.Sig)
	if err != nil {
		return nil, fmt.Errorf("entry: %w", err)
	}
	if err := body.Service.Validate(); err != nil {
		return nil, fmt.Errorf("entry: %w", err)
	}
	e := &Entry{
		Owner: body.Owner, Version: body.Version, Service: body.Service, By: by,
		content: body.Export, hash: hashOf(entryPurpose, s.Body), signed: s,
	}
	if len(body.Export) > 0 {
		e.Export, e.Quarantined = decodeExport(body.Service, body.Export)
	}
	return e, nil
}

// checkSigned holds what every signed body has in common.
func checkSigned(owner Gateway, v Version, by, sig []byte) (Fingerprint, error) {
	if err := owner.Validate(); err != nil {
		return Fingerprint{}, err
	}
	if v.Epoch == 0 || v.Seq == 0 {
		return Fingerprint{}, errors.New("no version")
	}
	if len(by) != len(Fingerprint{}) || len(sig) == 0 || len(sig) > maxSignature {
		return Fingerprint{}, errors.New("no signature, or not one that could be")
	}
	return Fingerprint(by), nil
}

// decodeExport returns a valid export, or why it isn't.
func decodeExport(service ServiceName, content []byte) (*Export, error) {
	export := &Export{}
	if err := decode(content, maxEntry, export); err != nil {
		return nil, fmt.Errorf("service %s: %w", service, err)
	}
	export.Service = service
	if err := export.Validate(); err != nil {
		return nil, err
	}
	return export, nil
}

// beats tells whether e takes the place of other, which is about the same service in the same epoch. An honest owner never
// signs two things with one version. Where it does, the greater hash wins everywhere, so that all gateways end up with the
// same entry.
func (e *Entry) beats(other *Entry) bool {
	if other == nil {
		return true
	}
	return cmp.Or(cmp.Compare(e.Version.Seq, other.Version.Seq), e.hash.compare(other.hash)) > 0
}

// exported returns what e offers, or nil.
func (e *Entry) exported() *Export {
	if e == nil {
		return nil
	}
	return e.Export
}

func (e *Entry) signer() Fingerprint { return e.By }
func (e *Entry) verify(keys *Keyring) error {
	return keys.Verify(e.Owner, e.By, entryPurpose.message(e.signed.Body), e.signed.Sig)
}
