package registry

import (
	"cmp"
	"slices"
)

// A ledger is what is held of one owner in one epoch: the newest entry of each service, withdrawals included, and the
// newest head. Putting entries and heads into it is idempotent, commutative and associative.
type ledger struct {
	epoch   uint64
	entries map[ServiceName]*Entry
	bytes   int  // of the signed entries
	sum     Hash // of the entries
	head    *Head
	checked uint64 // the last head's sequence number at which nothing was missing; 0: none yet
}

func newLedger(epoch uint64) *ledger {
	return &ledger{epoch: epoch, entries: map[ServiceName]*Entry{}}
}

// lacks tells whether e would be new here.
func (l *ledger) lacks(e *Entry) bool { return e.beats(l.entries[e.Service]) }

// put takes in an entry that the ledger lacks.
func (l *ledger) put(e *Entry) {
	if former := l.entries[e.Service]; former != nil {
		l.bytes -= former.signed.size()
		l.sum.toggle(former.hash)
	}
	l.entries[e.Service] = e
	l.bytes += e.signed.size()
	l.sum.toggle(e.hash)
}

// settle notes whether all is here that the owner's head speaks of.
func (l *ledger) settle() {
	if l.complete() {
		l.checked = l.head.Version.Seq
	}
}

// complete tells whether the ledger is just what its head says.
func (l *ledger) complete() bool { return l.head != nil && l.head.Sum == l.sum }

// forked tells whether the owner said two things with one version: nothing was missing, and now there is something else.
func (l *ledger) forked() bool {
	return l.head != nil && l.checked >= l.head.Version.Seq && !l.complete()
}

// signer returns the certificate that answers for the ledger: its head's, or that of any entry where no head has come yet.
func (l *ledger) signer() Fingerprint {
	if l.head != nil {
		return l.head.By
	}
	for _, e := range l.entries {
		return e.By
	}
	return Fingerprint{}
}

// after returns the entries with a greater sequence number, the oldest first.
func (l *ledger) after(seq uint64) []*Entry {
	var newer []*Entry
	for _, e := range l.entries {
		if e.Version.Seq > seq {
			newer = append(newer, e)
		}
	}
	slices.SortFunc(newer, func(a, b *Entry) int {
		return cmp.Or(cmp.Compare(a.Version.Seq, b.Version.Seq), a.Service.Compare(b.Service))
	})
	return newer
}

// all returns the entries by service.
func (l *ledger) all() map[ServiceName]*Entry {
	if l == nil {
		return nil
	}
	return l.entries
}
