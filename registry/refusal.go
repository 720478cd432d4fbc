package registry

import (
	"cmp"
	"errors"
	"slices"
	"sync"
)

// Reason says why something that a peer sent was refused.
type Reason string

// The reasons of refusals.
const (
	Malformed   Reason = "malformed"    // can't be decoded, or stands where it doesn't belong
	Unversioned Reason = "version"      // a frame of a protocol version that isn't spoken here
	UnknownKey  Reason = "unknown-key"  // signed with a certificate that nobody has shown us, or that isn't valid here
	Foreign     Reason = "foreign"      // signed with another gateway's certificate
	Forged      Reason = "forged"       // the signature doesn't match
	Future      Reason = "future"       // of an epoch far ahead of our clock
	OverQuota   Reason = "over-quota"   // more entries, bytes or gateways than one owner or cluster may have
	Quarantine  Reason = "quarantined"  // an export that makes no sense here: kept, passed on, and not served
	OwnName     Reason = "own-identity" // entries in our own name that aren't ours: a backup was restored, or we run twice
)

// Refusal counts what one peer sent and one reason refused. Peers are those of the link, so the count stays with the one
// who sent it, whoever it speaks of: an honest gateway passes on only what it accepted.
type Refusal struct {
	From   Gateway
	Reason Reason
	Count  uint64
	Last   string // what was wrong with the last one
}

// maxRefusers bounds the peers that are counted one by one. The rest is counted as of the zero Gateway.
const maxRefusers = 1024

// refusals count. The zero value is ready for use.
type refusals struct {
	mu     sync.Mutex
	counts map[Gateway]map[Reason]*Refusal
}

func (r *refusals) add(from Gateway, reason Reason, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = map[Gateway]map[Reason]*Refusal{}
	}
	if r.counts[from] == nil {
		if len(r.counts) >= maxRefusers {
			from = Gateway{}
		}
		if r.counts[from] == nil {
			r.counts[from] = map[Reason]*Refusal{}
		}
	}
	counted := r.counts[from][reason]
	if counted == nil {
		counted = &Refusal{From: from, Reason: reason}
		r.counts[from][reason] = counted
	}
	counted.Count++
	counted.Last = why.Error()
}

// list returns a copy, ordered by peer and reason.
func (r *refusals) list() []Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Refusal
	for _, byReason := range r.counts {
		for _, counted := range byReason {
			all = append(all, *counted)
		}
	}
	slices.SortFunc(all, func(a, b Refusal) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Reason, b.Reason))
	})
	return all
}

// reasonOf tells which reason a failed verification counts as.
func reasonOf(err error) Reason {
	switch {
	case errors.Is(err, ErrUnknownKey):
		return UnknownKey
	case errors.Is(err, ErrNotOwner):
		return Foreign
	}
	return Forged
}
