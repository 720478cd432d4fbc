package imports

import "slices"

// differ returns the writes that make this gateway's slices of a derived Service hold the endpoints wanted, few of them, and
// in an order in which no spot that has endpoints before and after is without any in between: new slices first, then changed
// ones as they allow, then those that go.
func (s *situation) differ(t task, own []*slice, wanted endpoints) []change {
	d := difference{left: slices.Clone(own), held: map[spot]int{}, ends: map[spot]bool{}}
	for _, there := range own {
		d.count(there, 1)
	}
	var open []*slice
	for _, content := range wanted.contents() {
		content.service, content.gateway = t.object, s.gateway
		for _, at := range content.spots() {
			d.ends[at] = true
		}
		if !d.keep(content) {
			open = append(open, content)
		}
	}
	var rewritten, fresh []*slice
	for _, content := range open {
		if d.replace(content) {
			rewritten = append(rewritten, content)
		} else {
			fresh = append(fresh, content)
		}
	}
	return d.inOrder(fresh, rewritten, s.freeNames(t, own))
}

// A difference is between the slices that are there and those that are wanted.
type difference struct {
	left []*slice      // those there for which nothing was found to do: they go
	was  []*slice      // what the rewritten ones were, in their order
	held map[spot]int  // how many slices have endpoints for it now
	ends map[spot]bool // spots that have endpoints in the end
}

func (d *difference) count(s *slice, by int) {
	if len(s.addrs) > 0 {
		for _, at := range s.spots() {
			d.held[at] += by
		}
	}
}

// keep finds the slice that is as it should be.
func (d *difference) keep(content *slice) bool {
	i := slices.IndexFunc(d.left, func(there *slice) bool { return !there.odd && there.same(content) })
	if i >= 0 {
		d.left = slices.Delete(d.left, i, i+1)
	}
	return i >= 0
}

// replace finds the slice to be rewritten: the one with most in common, in ports first and then in addresses.
func (d *difference) replace(content *slice) bool {
	best, most := -1, -1
	for i, there := range d.left {
		common := (maxAddrs + 1) * shared(there.spots(), content.spots())
		common += min(maxAddrs, shared(there.addrs, content.addrs))
		if there.v6 == content.v6 && common > most { // a slice's family can't be changed
			best, most = i, common
		}
	}
	if best < 0 {
		return false
	}
	content.object, content.uid, content.source = d.left[best].object, d.left[best].uid, d.left[best].source
	d.was = append(d.was, d.left[best])
	d.left = slices.Delete(d.left, best, best+1)
	return true
}

// inOrder puts the writes in order. Where the changed ones take from one another in a circle, one of them becomes a new slice.
func (d *difference) inOrder(fresh, rewritten []*slice, freeName func(*slice) string) []change {
	var changes []change
	write := func(content *slice, reason string) {
		changes = append(changes, change{verb: apply, slice: content, reason: reason})
		d.count(content, 1)
	}
	create := func(content *slice) {
		content.object = freeName(content)
		write(content, "missing")
	}
	for _, content := range fresh {
		create(content)
	}
	for len(rewritten) > 0 {
		next := 0
		for next < len(rewritten) && d.robs(d.was[next], rewritten[next]) {
			next++
		}
		if next < len(rewritten) {
			d.count(d.was[next], -1)
			write(rewritten[next], "differs")
		} else {
			next = 0
			d.left = append(d.left, d.was[0])
			rewritten[0].uid, rewritten[0].source = "", nil
			create(rewritten[0])
		}
		rewritten, d.was = slices.Delete(rewritten, next, next+1), slices.Delete(d.was, next, next+1)
	}
	for _, there := range d.left {
		changes = append(changes, change{verb: remove, slice: there, reason: "unwanted"})
	}
	return changes
}

// robs tells whether a rewritten slice would leave a spot without endpoints that is to have some.
func (d *difference) robs(was, becomes *slice) bool {
	if len(was.addrs) == 0 {
		return false
	}
	after := becomes.spots()
	return slices.ContainsFunc(was.spots(), func(at spot) bool {
		return d.ends[at] && d.held[at] <= 1 && !slices.Contains(after, at)
	})
}

// freeNames returns names for new slices that nothing in the namespace has.
func (s *situation) freeNames(t task, own []*slice) func(*slice) string {
	n := map[bool]int{}
	return func(content *slice) string {
		for {
			name := ownSliceName(t.object, s.gateway, content.v6, n[content.v6])
			n[content.v6]++
			if s.slices[name] == nil {
				return name
			}
		}
	}
}

func (s *slice) spots() []spot {
	spots := make([]spot, len(s.ports))
	for i, port := range s.ports {
		spots[i] = spot{s.v6, port.name, port.number.Protocol}
	}
	return spots
}

func shared[T comparable](a, b []T) (n int) {
	for _, x := range a {
		if slices.Contains(b, x) {
			n++
		}
	}
	return n
}
