package registry

// news is what has to be told, as a level: from which version on, for each owner. So later news joins what waits already,
// and what waits for a slow peer never grows beyond one version per owner.
type news map[Gateway]Version

// add joins v of owner, with all that came after it.
func (n news) add(owner Gateway, v Version) {
	waiting, ok := n[owner]
	if !ok || v.Epoch > waiting.Epoch || v.Epoch == waiting.Epoch && v.Seq < waiting.Seq {
		n[owner] = v
	}
}

// join adds other.
func (n news) join(other news) {
	for owner, v := range other {
		n.add(owner, v)
	}
}

// tell returns the frame that tells news.
func (s *Store) tell(n news) *frame {
	out := &frame{}
	var wants []want
	for owner, v := range n {
		wants = append(wants, want{Owner: owner, After: Version{Epoch: v.Epoch, Seq: v.Seq - 1}})
	}
	s.deliver(wants, out, false)
	return out
}
