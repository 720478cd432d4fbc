package registry

import (
	"cmp"
	"errors"
	"fmt"
)

// Head is an owner's signed word on what all its entries were at a version. With it anybody can tell, whoever the entries
// came from, whether some are missing: a relay can be late, and can't hide or bring back anything unnoticed.
type Head struct {
	Owner   Gateway
	Version Version // of the newest entry
	Sum     Hash    // of the newest entry of each service in this epoch, withdrawals included
	By      Fingerprint

	hash   Hash
	signed signed
}

// headBody is what the owner signs, after [headPurpose].
type headBody struct {
	Owner   Gateway `cbor:"1,keyasint"`
	Version Version `cbor:"2,keyasint"`
	Sum     []byte  `cbor:"3,keyasint"`
	By      []byte  `cbor:"4,keyasint"`
}

const maxHead = 1 << 10 // bytes; two names take 126, the rest 90

func newHead(signer Signer, by Fingerprint, owner Gateway, v Version, sum Hash) (*Head, error) {
	s, err := headPurpose.sign(signer, encode(headBody{Owner: owner, Version: v, Sum: sum[:], By: by[:]}))
	if err != nil {
		return nil, err
	}
	return parseHead(s)
}

// parseHead decodes a head. Its signature isn't verified yet.
func parseHead(s signed) (*Head, error) {
	var body headBody
	if err := decode(s.Body, maxHead, &body); err != nil {
		return nil, fmt.Errorf("head: %w", err)
	}
	by, err := checkSigned(body.Owner, body.Version, body.By, s.Sig)
	if err != nil {
		return nil, fmt.Errorf("head: %w", err)
	}
	if len(body.Sum) != len(Hash{}) {
		return nil, errors.New("head: no sum")
	}
	return &Head{
		Owner: body.Owner, Version: body.Version, Sum: Hash(body.Sum), By: by,
		hash: hashOf(headPurpose, s.Body), signed: s,
	}, nil
}

// beats tells whether h takes the place of other, which is of the same epoch, by the same rule as for entries.
func (h *Head) beats(other *Head) bool {
	if other == nil {
		return true
	}
	return cmp.Or(cmp.Compare(h.Version.Seq, other.Version.Seq), h.hash.compare(other.hash)) > 0
}

func (h *Head) signer() Fingerprint { return h.By }
func (h *Head) verify(keys *Keyring) error {
	return keys.Verify(h.Owner, h.By, headPurpose.message(h.signed.Body), h.signed.Sig)
}
