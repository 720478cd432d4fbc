package registry

import (
	"bytes"
	"maps"
	"slices"
)

const lineSum = 16 // bytes of a sum in a line: enough to notice a difference

// line returns what is held of an owner's newest epoch.
func (o *owned) line(owner Gateway) *line {
	held := o.newest()
	l := &line{
		Owner: owner, Version: Version{Epoch: held.epoch}, Sum: bytes.Clone(held.sum[:lineSum]),
		Complete: held.complete(), Forked: held.forked(),
	}
	if held.head != nil {
		l.Version.Seq = held.head.Version.Seq
	}
	return l
}

// hash is the line's part of the root. That an owner forked is left out: who notices depends on what came first.
func (l *line) hash() Hash {
	plain := *l
	plain.Forked = false
	return hashOf("grapevine registry line 1\x00", encode(plain))
}

// A difference is what two lines of one owner mean for the one whose line is mine.
type difference struct {
	want  bool // they have something that I lack
	whole bool // ask for the whole epoch
	offer bool // I have something that they lack
}

// compareLines tells what to do about two lines of one owner; nil is nothing held. Two who both hold everything, and yet not
// the same, have met an owner who said two things with one version. They exchange all of it, and by [Entry.beats] end up
// with the same.
func compareLines(mine, theirs *line) difference {
	switch {
	case theirs == nil:
		return difference{offer: mine != nil}
	case mine == nil || mine.Version.Epoch < theirs.Version.Epoch:
		return difference{want: true, whole: true}
	case mine.Version.Epoch > theirs.Version.Epoch:
		return difference{offer: true}
	case mine.same(theirs):
		return difference{}
	case mine.Version == theirs.Version && (mine.Complete && theirs.Complete || mine.Forked || theirs.Forked):
		return difference{want: true, whole: true, offer: true}
	}
	return difference{
		want:  !mine.Complete || theirs.Version.Seq > mine.Version.Seq,
		offer: !theirs.Complete || mine.Version.Seq > theirs.Version.Seq,
	}
}

func (l *line) same(other *line) bool {
	return l.Version == other.Version && bytes.Equal(l.Sum, other.Sum) && l.Complete == other.Complete
}

// lineOf returns the line of an owner, or nil.
func (s *Store) lineOf(owner Gateway) *line {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.lineOfLocked(owner)
}

func (s *Store) lineOfLocked(owner Gateway) *line {
	if o := s.owners[owner]; o != nil {
		return o.line(owner)
	}
	return nil
}

// digest returns all lines, in the owners' order, and the root that they make.
func (s *Store) digest() ([]line, Hash) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	lines := make([]line, 0, len(s.owners))
	for _, owner := range slices.SortedFunc(maps.Keys(s.owners), Gateway.Compare) {
		lines = append(lines, *s.owners[owner].line(owner))
	}
	return lines, s.root
}

// missing compares somebody's lines with what is held. It returns what to ask them for, and the lines of what they seem
// to lack: where all is set, theirs are the lines of all that they hold.
func (s *Store) missing(theirs []line, all bool) (wants []want, offers []line) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	listed := make(map[Gateway]bool, len(theirs))
	for i := range theirs {
		owner := theirs[i].Owner
		if listed[owner] || owner.Validate() != nil {
			continue
		}
		listed[owner] = true
		mine := s.lineOfLocked(owner)
		d := compareLines(mine, &theirs[i])
		if d.want && (owner != s.config.Self || theirs[i].Version.Epoch >= s.epoch) {
			wants = append(wants, s.wantLocked(owner, d.whole))
		}
		if d.offer && mine != nil {
			offers = append(offers, *mine)
		}
	}
	for owner := range s.owners {
		if all && !listed[owner] {
			offers = append(offers, *s.lineOfLocked(owner))
		}
	}
	return wants, offers
}

// wantLocked asks for what is missing of an owner, and for the whole where that isn't known.
func (s *Store) wantLocked(owner Gateway, whole bool) want {
	w := want{Owner: owner}
	if held := s.owners[owner].newest(); held != nil {
		w.After.Epoch = held.epoch
		if !whole {
			w.After.Seq = held.checked
		}
	}
	return w
}
