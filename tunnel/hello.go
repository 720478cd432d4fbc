package tunnel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/grapevine-mesh/grapevine/registry"
)

// The hello is the first thing on the first stream of a control connection: the dialler's, then the answer. It also
// proves what TLS 1.3 alone doesn't tell a dialler: that the other side accepted its certificate.
//
//	0  1  length of what follows; newer versions may append, older ones ignore it
//	1  8  the sender's instance, which grows with every start
//	9  8  the number of this dialling of the dialler's, which grows with each; 0 in the answer
const helloSize = 16

var errHello = errors.New("malformed hello")

type hello struct {
	instance uint64
	number   uint64
}

func (h hello) append(b []byte) []byte {
	b = append(b, helloSize)
	b = binary.BigEndian.AppendUint64(b, h.instance)
	return binary.BigEndian.AppendUint64(b, h.number)
}

func readHello(r io.Reader) (hello, error) {
	var buffer [256]byte
	if _, err := io.ReadFull(r, buffer[:1]); err != nil {
		return hello{}, fmt.Errorf("hello: %w", err)
	}
	length := int(buffer[0])
	if length < helloSize {
		return hello{}, errHello
	}
	if _, err := io.ReadFull(r, buffer[:length]); err != nil {
		return hello{}, fmt.Errorf("hello: %w", err)
	}
	return hello{
		instance: binary.BigEndian.Uint64(buffer[0:]),
		number:   binary.BigEndian.Uint64(buffer[8:]),
	}, nil
}

// pedigree is what decides between several control connections to the same peer.
type pedigree struct {
	instance  uint64 // the peer's
	dialledBy registry.Gateway
	number    uint64 // of the dialling, as its dialler counts
}

// better tells whether a connection of pedigree p is used rather than one of pedigree other. Both ends come to the same
// answer. A newer instance stands above everything: after a crash the stale connection would win otherwise, until it
// times out. Then the smaller name's dialling wins, which settles crossing dials; then the newer one, since nobody dials
// again without having lost the first.
func (p pedigree) better(other pedigree) bool {
	if p.instance != other.instance {
		return p.instance > other.instance
	}
	if c := p.dialledBy.Compare(other.dialledBy); c != 0 {
		return c < 0
	}
	return p.number > other.number
}
