package imports

import "time"

// aheadFor bounds how long we trust what we wrote over what we see: an object that was written and then deleted by somebody
// may never be seen.
const aheadFor = 5 * time.Second

// An ahead is what was written and hasn't come back through the cache yet. Without it each look in between would find the
// same things missing and write them again. An object counts as not come back as long as the cache has the very same thing
// that it had before the write.
type ahead struct {
	services map[string]written[derived]
	slices   map[string]written[slice]
}

type written[T any] struct {
	before any // what the cache had; nil: nothing
	now    *T  // nil: deleted
	until  time.Time
}

func newAhead() *ahead {
	return &ahead{services: map[string]written[derived]{}, slices: map[string]written[slice]{}}
}

// overlay puts what was written over what the cache has, and drops what has come back. It returns when it will trust the
// cache again at the latest.
func (a *ahead) overlay(s *situation, now time.Time) (next time.Time) {
	return earlier(
		overlay(a.services, s.services, now, func(d *derived) any { return d.source }),
		overlay(a.slices, s.slices, now, func(s *slice) any { return s.source }),
	)
}

func overlay[T any](ahead map[string]written[T], seen map[string]*T, now time.Time, source func(*T) any) (next time.Time) {
	for object, w := range ahead {
		var before any
		if there := seen[object]; there != nil {
			before = source(there)
		}
		switch {
		case before != w.before || !w.until.After(now):
			delete(ahead, object)
			continue
		case w.now == nil:
			delete(seen, object)
		default:
			seen[object] = w.now
		}
		next = earlier(next, w.until)
	}
	return next
}

// done takes in a change that was made in a situation, and what the API server has since.
func (a *ahead) done(c *change, service *derived, written *slice, s *situation, now time.Time) {
	until := now.Add(aheadFor)
	switch {
	case c.verb == clearAll:
		for _, there := range s.slices {
			if !there.foreign && there.gateway == c.clear {
				note(a.slices, there.object, there.source, nil, until)
			}
		}
	case c.service != nil:
		if service != nil {
			service.source, service.pending = c.service.source, true
		}
		note(a.services, c.service.object, c.service.source, service, until)
	default:
		if written != nil {
			written.source, written.pending = c.slice.source, true
		}
		note(a.slices, c.slice.object, c.slice.source, written, until)
	}
}

func note[T any](ahead map[string]written[T], object string, before any, now *T, until time.Time) {
	if former, again := ahead[object]; again {
		before = former.before
	}
	ahead[object] = written[T]{before, now, until}
}
