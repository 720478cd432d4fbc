package registry

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	// maxWithdrawn is by how many the withdrawn services may outnumber the others before a new epoch leaves them behind.
	// So withdrawals need no timers, and names that come and go don't pile up.
	maxWithdrawn = 64
	// recallPause lies between two epochs taken because somebody had a higher one in our name, lest two gateways of one
	// name drive each other up without end.
	recallPause = time.Second
	// lastEpoch bounds the epoch that is taken over. A clock won't reach it for a hundred million years.
	lastEpoch = 1 << 62
)

var errSigner = errors.New("registry: the certificate changed again and again while signing")

// A plan is what has to be signed next: at which version it begins, and the contents, where none withdraws a service.
type plan struct {
	first    Version
	services []ServiceName // in order
	contents map[ServiceName][]byte
}

// issue signs what it takes for others to know that offered is what Self exports. Self counts as one that says everything
// in order: its entries, then a head with the next sequence number.
func (s *Store) issue(offered map[ServiceName][]byte) error {
	for range 3 {
		by := s.config.Signer.Fingerprint()
		p := s.plan(offered, by)
		if p == nil {
			s.offered = offered
			return nil
		}
		entries, head, err := s.sign(p, by)
		if err != nil {
			return err
		}
		if s.config.Signer.Fingerprint() != by {
			continue // the certificate changed meanwhile: who knows which one signed
		}
		s.offered = offered
		s.mu.Lock()
		defer s.mu.Unlock()
		s.epoch = p.first.Epoch
		s.mergeLocked(s.config.Self, s.config.Self, entries, head, true)
		return nil
	}
	return errSigner
}

// plan compares what is offered with what was said last; nil means that nothing has to be said.
func (s *Store) plan(offered map[ServiceName][]byte, by Fingerprint) *plan {
	s.mu.RLock()
	defer s.mu.RUnlock()
	said := s.owners[s.config.Self].newest()
	if said == nil || said.epoch != s.epoch {
		return newPlan(Version{Epoch: s.epoch, Seq: 1}, offered)
	}
	changed, total, size := map[ServiceName][]byte{}, len(said.entries), said.bytes
	for service, content := range offered {
		e := said.entries[service]
		if e == nil {
			total++
		}
		if e == nil || !bytes.Equal(e.content, content) {
			changed[service] = content
		}
	}
	for service, e := range said.entries {
		if offered[service] == nil && len(e.content) > 0 {
			changed[service] = nil
		}
	}
	for _, content := range changed {
		size += len(content) + entryOverhead
	}
	quota := s.config.Quota
	outgrown := total > 2*len(offered)+maxWithdrawn || total > quota.Entries || size > quota.Bytes
	switch {
	case said.signer() != by, outgrown && len(changed) > 0:
		return newPlan(Version{Epoch: s.epoch + 1, Seq: 1}, offered)
	case len(changed) == 0:
		return nil
	}
	return newPlan(Version{Epoch: s.epoch, Seq: said.head.Version.Seq + 1}, changed)
}

func newPlan(first Version, contents map[ServiceName][]byte) *plan {
	return &plan{first, slices.SortedFunc(maps.Keys(contents), ServiceName.Compare), contents}
}

// sign makes the entries of a plan, and the head over what they lead to.
func (s *Store) sign(p *plan, by Fingerprint) ([]*Entry, *Head, error) {
	var entries []*Entry
	v, said := p.first, s.said(p.first.Epoch)
	sum := said.sum
	for _, service := range p.services {
		e, err := newEntry(s.config.Signer, by, s.config.Self, v, service, p.contents[service])
		if err != nil {
			return nil, nil, fmt.Errorf("service %s: %w", service, err)
		}
		entries = append(entries, e)
		if former := said.entries[service]; former != nil {
			sum.toggle(former.hash)
		}
		sum.toggle(e.hash)
		v.Seq++
	}
	head, err := newHead(s.config.Signer, by, s.config.Self, v, sum)
	return entries, head, err
}

// said returns what Self has said in an epoch. It changes only while publishing is held, so it can be read without mu.
func (s *Store) said(epoch uint64) *ledger {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if said := s.owners[s.config.Self].newest(); said != nil && said.epoch == epoch {
		return said
	}
	return newLedger(epoch)
}

// recall deals with entries in our own name that are newer than ours. They are our own, from before a backup was restored
// or the clock was set back, and to the others ours are old; so everything is said again in an epoch above.
func (s *Store) recall(from Gateway, entries []*Entry, head *Head, now time.Time) {
	var seen uint64
	for _, e := range entries {
		seen = max(seen, e.Version.Epoch)
	}
	if head != nil {
		seen = max(seen, head.Version.Epoch)
	}
	if seen == 0 || seen >= lastEpoch {
		return
	}
	s.refusals.add(from, OwnName, fmt.Errorf("epoch %d of %s, which this gateway is", seen, s.config.Self))

	s.publishing.Lock()
	defer s.publishing.Unlock()
	if !s.recalled.IsZero() && now.Sub(s.recalled) < recallPause {
		return
	}
	s.mu.Lock()
	behind, published := s.epoch <= seen, s.owners[s.config.Self] != nil
	if behind {
		s.epoch, s.recalled = seen+1, now
	}
	s.mu.Unlock()
	if behind && published {
		if err := s.issue(s.offered); err != nil {
			s.refusals.add(from, OwnName, err)
		}
	}
}
