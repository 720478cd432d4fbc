package registry

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// Quota bounds what one owner may have in the registry, withdrawn services included. It is the same for all gateways of a
// mesh: what one of them accepts, all must.
type Quota struct {
	Entries int // 0: 4096
	Bytes   int // of signed entries; 0: 4 MiB
}

// Bounds of the owners. A cluster that invents gateways fills only its own share.
const (
	maxOwners           = 2048
	maxOwnersPerCluster = 128
)

// StoreConfig is what a store is made of.
type StoreConfig struct {
	Self    Gateway
	Epoch   uint64   // of this start; see [LoadEpoch]
	Signer  Signer   // signs what Self exports
	Keyring *Keyring // knows Self's own certificate, so that others can be shown it
	Quota   Quota

	// OnChange is told what became of which service, in the order in which it happened, own exports included. It is
	// called with the store locked: it must not block, and must not call the store. It may be nil.
	OnChange func([]Change)
}

// Store is what this gateway knows of who exports what: its own exports, and the signed entries of all others. It is safe
// for concurrent use, and never waits for anything.
type Store struct {
	config   StoreConfig
	refusals refusals

	publishing sync.Mutex // held while deciding and signing what Self says; taken before mu
	offered    map[ServiceName][]byte
	recalled   time.Time // when Self last took a higher epoch because somebody had one

	mu      sync.RWMutex
	epoch   uint64 // of what Self says
	owners  map[Gateway]*owned
	lines   map[Gateway]Hash // of each owner's line: the members of root
	root    Hash
	news    news          // what nobody was told yet
	changed chan struct{} // one slot: there is news
}

// NewStore returns a store that holds nothing.
func NewStore(config StoreConfig) (*Store, error) {
	if err := config.Self.Validate(); err != nil {
		return nil, err
	}
	if config.Epoch == 0 || config.Signer == nil || config.Keyring == nil {
		return nil, errors.New("registry: store without epoch, signer or keyring")
	}
	if config.Quota.Entries == 0 {
		config.Quota.Entries = 4096
	}
	if config.Quota.Bytes == 0 {
		config.Quota.Bytes = 4 << 20
	}
	return &Store{
		config: config, epoch: config.Epoch, offered: map[ServiceName][]byte{},
		owners: map[Gateway]*owned{}, lines: map[Gateway]Hash{}, news: news{},
		changed: make(chan struct{}, 1),
	}, nil
}

// Root returns the hash of all that is held: equal roots are equal registries.
func (s *Store) Root() Hash {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.root
}

// Owners returns the gateways of which something is held, in order.
func (s *Store) Owners() []Gateway {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.SortedFunc(maps.Keys(s.owners), Gateway.Compare)
}

// Entries returns the entries of owner that count, in the services' order, withdrawn and quarantined ones included.
func (s *Store) Entries(owner Gateway) []*Entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o := s.owners[owner]
	if o == nil {
		return nil
	}
	return slices.SortedFunc(maps.Values(o.shown.entries), func(a, b *Entry) int { return a.Service.Compare(b.Service) })
}

// Refusals returns what was refused so far, by the peer who sent it and by reason.
func (s *Store) Refusals() []Refusal { return s.refusals.list() }

// Recheck verifies all certificates again, and forgets what was signed with one that is no longer valid: an entry lives no
// longer than the certificate behind it. So the entries of a cluster whose CA was taken out go, and so do, in the end,
// those of a gateway that never came back. It returns of whom nothing is left. Whoever reloads the CA calls it, and a timer.
func (s *Store) Recheck() []Gateway {
	s.config.Keyring.Recheck()
	s.mu.Lock()
	defer s.mu.Unlock()
	var forgotten []Gateway
	for owner, o := range s.owners {
		if owner == s.config.Self {
			continue
		}
		changes := o.forget(s.config.Keyring.knows)
		if o.shown == nil {
			forgotten = append(forgotten, owner)
			delete(s.owners, owner)
		}
		s.tallyLocked(owner)
		s.tellLocked(changes)
	}
	slices.SortFunc(forgotten, Gateway.Compare)
	return forgotten
}

// tallyLocked brings the root up to date with what is now held of owner.
func (s *Store) tallyLocked(owner Gateway) {
	if former, ok := s.lines[owner]; ok {
		s.root.toggle(former)
		delete(s.lines, owner)
	}
	if held := s.owners[owner]; held != nil {
		hash := held.line(owner).hash()
		s.lines[owner] = hash
		s.root.toggle(hash)
	}
}

func (s *Store) tellLocked(changes []Change) {
	if len(changes) > 0 && s.config.OnChange != nil {
		s.config.OnChange(changes)
	}
}

// takeNews returns what nobody was told yet, and counts it as told.
func (s *Store) takeNews() news {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.news
	s.news = news{}
	return taken
}
