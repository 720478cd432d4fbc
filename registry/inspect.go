package registry

import (
	"errors"
	"fmt"
	"time"
)

const (
	// maxAhead is how far an epoch, which is a time in milliseconds, may lie ahead of our clock. Certificates would fail
	// earlier with clocks that differ more.
	maxAhead = 24 * time.Hour
	// maxForged is how many bad signatures of one bundle are looked at: an honest one has none, and each costs as much
	// as a good one.
	maxForged = 64
)

// A claim is something signed: an entry or a head.
type claim interface {
	signer() Fingerprint
	verify(keys *Keyring) error
}

// An inspection lets through what is new here, and rightly signed. No lock is held meanwhile, for signatures take long.
type inspection struct {
	*delivery
	store   *Store
	owner   Gateway
	forged  int
	unknown bool // something was signed with a certificate that we don't know
}

func (i *inspection) entries(all []signed) []*Entry {
	var good []*Entry
	for _, s := range all {
		e, err := parseEntry(s)
		if err != nil {
			i.refuse(Malformed, err)
			continue
		}
		if i.store.lacks(e) && i.pass(e, e.Owner, e.Version) {
			if e.Quarantined != nil {
				i.refuse(Quarantine, e.Quarantined)
			}
			good = append(good, e)
		}
	}
	return good
}

func (i *inspection) head(s *signed) *Head {
	if s == nil {
		return nil
	}
	h, err := parseHead(*s)
	if err != nil {
		i.refuse(Malformed, err)
		return nil
	}
	if !i.store.lacksHead(h) || !i.pass(h, h.Owner, h.Version) {
		return nil
	}
	return h
}

// pass tells whether c, which is new here, is what it claims to be.
func (i *inspection) pass(c claim, owner Gateway, v Version) bool {
	switch {
	case owner != i.owner:
		i.refuse(Malformed, fmt.Errorf("of %s, among those of %s", owner, i.owner))
		return false
	case v.Epoch > uint64(i.now.Add(maxAhead).UnixMilli()) && owner != i.store.config.Self:
		i.refuse(Future, fmt.Errorf("%s: epoch %d at %d", owner, v.Epoch, i.now.UnixMilli()))
		return false
	case i.forged >= maxForged:
		return false
	}
	err := i.verify(c)
	if err == nil {
		return true
	}
	i.unknown = i.unknown || errors.Is(err, ErrUnknownKey)
	if reason := reasonOf(err); reason != UnknownKey || i.asked {
		i.forged++
		i.refuse(reason, fmt.Errorf("%s: %w", owner, err))
	}
	return false
}

// verify looks at a certificate that came along only where something was signed with it.
func (i *inspection) verify(c claim) error {
	keys := i.store.config.Keyring
	err := c.verify(keys)
	if der := i.shown[c.signer()]; der != nil && errors.Is(err, ErrUnknownKey) {
		if _, invalid := keys.Add(der); invalid != nil {
			return fmt.Errorf("%w: %w", err, invalid)
		}
		return c.verify(keys)
	}
	return err
}

func (i *inspection) refuse(reason Reason, err error) { i.store.refusals.add(i.from, reason, err) }

// lacks tells whether e would be new here.
func (s *Store) lacks(e *Entry) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	held, over := s.heldLocked(e.Owner, e.Version.Epoch)
	return !over && (held == nil || held.lacks(e))
}

func (s *Store) lacksHead(h *Head) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	held, over := s.heldLocked(h.Owner, h.Version.Epoch)
	return !over && (held == nil || h.beats(held.head))
}

// heldLocked returns what is held of an owner's epoch, nil for nothing, and whether that epoch is over.
func (s *Store) heldLocked(owner Gateway, epoch uint64) (held *ledger, over bool) {
	if owner == s.config.Self && epoch < s.epoch {
		return nil, true
	}
	newest := s.owners[owner].newest()
	if newest == nil || newest.epoch < epoch {
		return nil, false
	}
	return newest, newest.epoch > epoch
}
