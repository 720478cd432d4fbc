package imports

import "time"

// A patience holds changes back until they were in every plan for as long as they say. Its keys are what such a change is
// about, and since when.
type patience map[string]time.Time

// due returns the errands with those changes that can be made now, and when the next of the others can be; zero: never.
func (p *patience) due(errands []errand, now time.Time) (due []errand, next time.Time) {
	since := patience{}
	for _, e := range errands {
		ripe := errand{about: e.about}
		for _, c := range e.changes {
			if c.after == 0 {
				ripe.changes = append(ripe.changes, c)
				continue
			}
			key := e.about + "\n" + c.key()
			first, waited := (*p)[key]
			if !waited {
				first = now
			}
			since[key] = first
			if at := first.Add(c.after); at.After(now) {
				next = earlier(next, at)
			} else {
				ripe.changes = append(ripe.changes, c)
			}
		}
		if len(ripe.changes) > 0 {
			due = append(due, ripe)
		}
	}
	*p = since
	return due, next
}

// key tells changes apart. One that takes away more than it did is another, whose time begins anew.
func (c *change) key() string {
	return c.kind() + " " + c.object() + " " + string(c.verb) + " " + c.reason + " " + c.takes
}

func (c *change) kind() string {
	if c.service != nil {
		return "Service"
	}
	return "EndpointSlice"
}

func (c *change) object() string {
	switch {
	case c.service != nil:
		return c.service.object
	case c.slice != nil:
		return c.slice.object
	}
	return c.clear
}

// earlier returns the earlier of two times, where zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
