package registry

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Bounds of a keyring. They count per gateway and per cluster, so that a cluster which mints certificates without end
// pushes out only its own. A gateway has two for the time of a rotation; the rest is room for hasty ones.
const (
	maxChainsPerGateway = 4
	maxChainsPerCluster = 1024
	maxChainLength      = 8
	maxChainBytes       = 16 << 10
)

var errChain = errors.New("certificate chain is empty or too long")

// Keyring holds the certificate chains of gateways, so that what a gateway signed can be verified though it came from
// somebody else, and although that gateway is gone. It is safe for concurrent use.
type Keyring struct {
	verify func(der [][]byte) (Gateway, crypto.PublicKey, error)

	mu    sync.RWMutex
	keys  map[Fingerprint]*chain
	clock uint64 // counts additions: the age of a chain
}

type chain struct {
	der   [][]byte
	owner Gateway
	key   crypto.PublicKey
	added uint64
}

// NewKeyring returns an empty keyring. The function verify tells whether a chain, leaf first, is a gateway's
// certificate of this mesh, now, and whose. It is called without any lock held.
func NewKeyring(verify func(der [][]byte) (Gateway, crypto.PublicKey, error)) *Keyring {
	return &Keyring{verify: verify, keys: map[Fingerprint]*chain{}}
}

// Add verifies a chain, leaf first, and remembers it. What is known already costs one look-up. Where the gateway or
// its cluster has too many chains, their oldest goes.
func (k *Keyring) Add(der [][]byte) (Fingerprint, error) {
	if err := checkChainSize(der); err != nil {
		return Fingerprint{}, err
	}
	fingerprint := Fingerprint(sha256.Sum256(der[0]))
	k.mu.RLock()
	known := k.keys[fingerprint]
	k.mu.RUnlock()
	if known != nil && slices.EqualFunc(known.der, der, bytes.Equal) {
		return fingerprint, nil
	}
	owner, key, err := k.verify(der)
	if err != nil {
		return fingerprint, fmt.Errorf("certificate %s: %w", fingerprint, err)
	}
	kept := make([][]byte, len(der))
	for i, certificate := range der {
		kept[i] = bytes.Clone(certificate)
	}

	k.mu.Lock()
	defer k.mu.Unlock()
	k.clock++
	k.keys[fingerprint] = &chain{der: kept, owner: owner, key: key, added: k.clock}
	k.evictLocked(owner)
	return fingerprint, nil
}

func checkChainSize(der [][]byte) error {
	total := 0
	for _, certificate := range der {
		total += len(certificate)
	}
	if len(der) == 0 || len(der) > maxChainLength || len(der[0]) == 0 || total > maxChainBytes {
		return errChain
	}
	return nil
}

func (k *Keyring) evictLocked(owner Gateway) {
	var ofGateway, ofCluster int
	var oldestOfGateway, oldestOfCluster Fingerprint
	minGateway, minCluster := k.clock+1, k.clock+1
	for fingerprint, c := range k.keys {
		if c.owner.Cluster != owner.Cluster {
			continue
		}
		ofCluster++
		if c.added < minCluster {
			minCluster, oldestOfCluster = c.added, fingerprint
		}
		if c.owner != owner {
			continue
		}
		ofGateway++
		if c.added < minGateway {
			minGateway, oldestOfGateway = c.added, fingerprint
		}
	}
	switch {
	case ofGateway > maxChainsPerGateway:
		delete(k.keys, oldestOfGateway)
	case ofCluster > maxChainsPerCluster:
		delete(k.keys, oldestOfCluster)
	}
}

// Chain returns the chain of a certificate, leaf first, for a peer that doesn't know it. The caller must not change it.
func (k *Keyring) Chain(f Fingerprint) ([][]byte, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	c := k.keys[f]
	if c == nil {
		return nil, false
	}
	return c.der, true
}

func (k *Keyring) knows(f Fingerprint) bool {
	_, ok := k.Chain(f)
	return ok
}

// Verify tells whether sig is owner's signature over message, made with the certificate by. It returns nil,
// [ErrUnknownKey], [ErrNotOwner] or [ErrSignature].
func (k *Keyring) Verify(owner Gateway, by Fingerprint, message, sig []byte) error {
	k.mu.RLock()
	c := k.keys[by]
	k.mu.RUnlock()
	switch {
	case c == nil:
		return ErrUnknownKey
	case c.owner != owner:
		return ErrNotOwner
	case !checkSignature(c.key, message, sig):
		return ErrSignature
	}
	return nil
}

// Recheck verifies every chain again and forgets those that are no longer valid: expired, or of a CA that was taken
// out. It returns how many it forgot. Store.Recheck calls it.
func (k *Keyring) Recheck() int {
	k.mu.RLock()
	chains := make(map[Fingerprint]*chain, len(k.keys))
	for fingerprint, c := range k.keys {
		chains[fingerprint] = c
	}
	k.mu.RUnlock()

	forgotten := 0
	for fingerprint, c := range chains {
		if owner, _, err := k.verify(c.der); err == nil && owner == c.owner {
			continue
		}
		k.mu.Lock()
		if k.keys[fingerprint] == c {
			delete(k.keys, fingerprint)
			forgotten++
		}
		k.mu.Unlock()
	}
	return forgotten
}
