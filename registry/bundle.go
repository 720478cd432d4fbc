package registry

// A bundle is the head and the entries of one owner: all that the sender holds of that epoch after a sequence number,
// unless the frame says Again for it.
type bundle struct {
	Owner   Gateway  `cbor:"1,keyasint"`
	After   Version  `cbor:"2,keyasint"`
	Head    *signed  `cbor:"3,keyasint,omitempty"`
	Entries []signed `cbor:"4,keyasint,omitempty"`
}

// A want asks for an owner's entries of an epoch, or of a newer one, that are newer than a sequence number.
type want struct {
	Owner Gateway `cbor:"1,keyasint"`
	After Version `cbor:"2,keyasint"`
}

const signedOverhead = 16 // bytes at most round each signed value

func (b *bundle) size() int {
	size := 2*signedOverhead + len(b.Owner.Cluster) + len(b.Owner.Name)
	if b.Head != nil {
		size += b.Head.size() + signedOverhead
	}
	for i := range b.Entries {
		size += b.Entries[i].size() + signedOverhead
	}
	return size
}

// bundle returns what w asks for, in not much more than budget bytes, and who signed it. What didn't fit is to be asked for
// by rest; nil is nothing.
func (s *Store) bundle(w want, budget int) (b *bundle, by Fingerprint, rest *want) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	held := s.owners[w.Owner].newest()
	if held == nil || held.epoch < w.After.Epoch {
		return nil, by, nil
	}
	after := w.After
	if held.epoch > w.After.Epoch {
		after = Version{Epoch: held.epoch}
	}
	b, by = &bundle{Owner: w.Owner, After: after}, held.signer()
	if held.head != nil {
		b.Head = &held.head.signed
	}
	for _, e := range held.after(after.Seq) {
		if budget <= 0 {
			return b, by, &want{Owner: w.Owner, After: after}
		}
		b.Entries = append(b.Entries, e.signed)
		budget -= e.signed.size() + signedOverhead
		after.Seq = e.Version.Seq
	}
	return b, by, nil
}
