package registry

import (
	"bytes"
	"crypto/sha256"
)

// Hash names signed bytes, or a set of them. The hash of a set is the exclusive or of its members' hashes, so it changes
// with one member at the cost of that member, and members may come in any order. Whoever can choose many members can
// make two sets of one hash; only an owner chooses its entries, and would fool others about nothing but itself.
type Hash [sha256.Size]byte

func hashOf(p purpose, body []byte) Hash { return sha256.Sum256(p.message(body)) }

func (h Hash) compare(other Hash) int { return bytes.Compare(h[:], other[:]) }

// toggle takes member into the set, or out of it.
func (h *Hash) toggle(member Hash) {
	for i := range h {
		h[i] ^= member[i]
	}
}
