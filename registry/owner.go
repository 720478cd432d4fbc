package registry

import "bytes"

// An owned is what is held of one owner. A new epoch, which is a new start of the owner, says everything afresh; until all
// of it is here, what the epoch before said still counts, so a restart that changes nothing changes nothing anywhere.
// Where nothing was held before, what has come counts at once.
type owned struct {
	shown  *ledger // what counts; nil: nothing yet
	coming *ledger // of a newer epoch, and not complete; nil: none
}

// Change is what became of one service of one owner.
type Change struct {
	Owner   Gateway
	Service ServiceName
	Export  *Export // nil: no longer exported. It is shared; nobody may change it.
}

// newest returns the ledger of the newest epoch, or nil. It is what is told to others.
func (o *owned) newest() *ledger {
	if o == nil {
		return nil
	}
	if o.coming != nil {
		return o.coming
	}
	return o.shown
}

// at returns the ledger to put something of an epoch into, or nil where that epoch is over. It begins a newer epoch.
func (o *owned) at(epoch uint64) *ledger {
	newest := o.newest()
	switch {
	case newest == nil:
		o.shown = newLedger(epoch)
		return o.shown
	case epoch < newest.epoch:
		return nil
	case epoch > newest.epoch:
		o.coming = newLedger(epoch)
		return o.coming
	}
	return newest
}

// put takes in an entry that ledger, one of o's two, lacks. It returns what that changes in what counts.
func (o *owned) put(ledger *ledger, e *Entry) []Change {
	former := ledger.entries[e.Service]
	ledger.put(e)
	if ledger != o.shown {
		return nil
	}
	return change(former, e)
}

// settle lets a newer epoch count as soon as it is complete, and returns what that changes.
func (o *owned) settle() []Change {
	o.newest().settle()
	if o.coming == nil || !o.coming.complete() {
		return nil
	}
	former := o.shown
	o.shown, o.coming = o.coming, nil
	return replace(former, o.shown)
}

// forget drops what is signed with a certificate that isn't known any more, and returns what that changes. Where a newer
// epoch is on its way, what has come of it counts at once, as there is nothing else.
func (o *owned) forget(known func(Fingerprint) bool) []Change {
	if o.coming != nil && !known(o.coming.signer()) {
		o.coming = nil
	}
	if known(o.shown.signer()) {
		return nil
	}
	former := o.shown
	o.shown, o.coming = o.coming, nil
	return replace(former, o.shown)
}

// change returns what differs for one service when the entry to takes the place of from; nil is none.
func change(from, to *Entry) []Change {
	before, after := from.exported(), to.exported()
	switch {
	case before == nil && after == nil:
		return nil
	case before != nil && after != nil && bytes.Equal(from.content, to.content):
		return nil
	case after == nil:
		return []Change{{Owner: from.Owner, Service: from.Service}}
	}
	return []Change{{Owner: to.Owner, Service: to.Service, Export: after}}
}

// replace returns what differs when one ledger counts in another's place; nil is an empty one.
func replace(from, to *ledger) []Change {
	var changes []Change
	for service, e := range from.all() {
		changes = append(changes, change(e, to.all()[service])...)
	}
	for service, e := range to.all() {
		if from.all()[service] == nil {
			changes = append(changes, change(nil, e)...)
		}
	}
	return changes
}
