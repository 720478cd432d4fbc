package registry

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Bounds of what is decoded. They are the protocol's: a gateway that sends more is refused by all others.
const (
	// MaxFrame bounds one frame, in bytes. A frame is filled up to [frameBudget] with entries; the rest leaves room
	// for the digest of as many owners as there may be.
	MaxFrame = 2 << 20

	frameBudget = 1 << 20  // of entries and certificate chains in one frame
	maxEntry    = 32 << 10 // signed bytes of one entry: 256 endpoints with their host names fit
	maxElements = 16 << 10 // of any array: the entries that a frame has room for
	maxFields   = 64       // of any map: far more than any version will need
	maxDepth    = 8        // of nesting; frames need 5
)

// encoding is the codec's two halves, as immutable as constants. CBOR (RFC 8949) in core deterministic form: the same
// value is the same bytes everywhere, so that bytes can be compared, hashed and signed. Decoding ignores fields that it
// doesn't know, so that a later version may add some, and refuses what deterministic encoders don't write: duplicate
// keys, indefinite lengths, tags.
var encoding = newCodec()

type codec struct {
	cbor.EncMode
	cbor.DecMode
}

func newCodec() codec {
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	dec, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		MaxNestedLevels:  maxDepth,
		MaxArrayElements: maxElements,
		MaxMapPairs:      maxFields,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return codec{enc, dec}
}

// encode can't fail: our own types hold nothing that CBOR can't say.
func encode(v any) []byte {
	data, err := encoding.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("registry: encode %T: %v", v, err))
	}
	return data
}

// decode reads exactly one value, of limit bytes at most.
func decode(data []byte, limit int, v any) error {
	if len(data) > limit {
		return fmt.Errorf("%d bytes: want %d at most", len(data), limit)
	}
	return encoding.Unmarshal(data, v)
}
