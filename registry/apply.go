package registry

import (
	"fmt"
	"time"
)

// A delivery is what the bundles of one frame have in common.
type delivery struct {
	from  Gateway
	shown chains // certificates that came along
	asked bool   // the bundles are what was wanted
	news  bool   // what is new is to be passed on
	now   time.Time
}

// A verdict says what is to be done after a bundle was taken in.
type verdict struct {
	stale   bool  // we hold a newer epoch: the sender should know
	missing *want // ask the sender for this
}

// apply takes in what is said of one owner: the good parts of it. What is refused is counted, and stops nothing.
func (s *Store) apply(d *delivery, b *bundle) verdict {
	i := inspection{delivery: d, store: s, owner: b.Owner}
	entries, head := i.entries(b.Entries), i.head(b.Head)
	if b.Owner == s.config.Self {
		s.recall(d.from, entries, head, d.now)
		return verdict{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mergeLocked(d.from, b.Owner, entries, head, d.news)

	held := s.owners[b.Owner].newest()
	switch {
	case d.asked: // there is no more to be had from the sender
		return verdict{}
	case i.unknown: // ask for it once more: an answer shows the certificate along with the entries
	case held == nil || held.epoch < b.After.Epoch: // nothing of it was any good
		return verdict{}
	case held.epoch > b.After.Epoch:
		return verdict{stale: true}
	case held.complete() || b.After.Seq <= held.checked: // nothing is missing, or nothing that the sender has
		return verdict{}
	}
	w := s.wantLocked(b.Owner, false)
	return verdict{missing: &w}
}

// mergeLocked puts verified entries and a head where they belong.
func (s *Store) mergeLocked(from, owner Gateway, entries []*Entry, head *Head, news bool) {
	o := s.owners[owner]
	if o == nil {
		if len(entries) == 0 && head == nil {
			return
		}
		if err := s.roomLocked(owner); err != nil {
			s.refusals.add(from, OverQuota, err)
			return
		}
		o = &owned{}
		s.owners[owner] = o
	}
	var changes []Change
	for _, e := range entries {
		ledger := o.at(e.Version.Epoch)
		if ledger == nil || !ledger.lacks(e) {
			continue
		}
		if err := s.config.Quota.admit(ledger, e); err != nil {
			s.refusals.add(from, OverQuota, fmt.Errorf("%s: service %s: %w", owner, e.Service, err))
			continue
		}
		changes = append(changes, o.put(ledger, e)...)
		if news {
			s.news.add(owner, e.Version)
		}
	}
	if head != nil {
		if ledger := o.at(head.Version.Epoch); ledger != nil && head.beats(ledger.head) {
			ledger.head = head
			if news {
				s.news.add(owner, head.Version)
			}
		}
	}
	changes = append(changes, o.settle()...)
	s.tallyLocked(owner)
	s.tellLocked(changes)
	if len(s.news) > 0 {
		raise(s.changed)
	}
}

// roomLocked tells whether there is room for one more owner.
func (s *Store) roomLocked(owner Gateway) error {
	ofCluster := 0
	for other := range s.owners {
		if other.Cluster == owner.Cluster {
			ofCluster++
		}
	}
	if owner != s.config.Self && (len(s.owners) >= maxOwners || ofCluster >= maxOwnersPerCluster) {
		return fmt.Errorf("%s: more than %d gateways, or %d of one cluster", owner, maxOwners, maxOwnersPerCluster)
	}
	return nil
}

// admit tells whether e fits into the ledger.
func (q Quota) admit(ledger *ledger, e *Entry) error {
	count, size := len(ledger.entries)+1, ledger.bytes+e.signed.size()
	if former := ledger.entries[e.Service]; former != nil {
		count, size = count-1, size-former.signed.size()
	}
	if count > q.Entries || size > q.Bytes {
		return fmt.Errorf("over the quota of %d entries and %d bytes", q.Entries, q.Bytes)
	}
	return nil
}
