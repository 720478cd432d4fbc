package file

// health is what the outcomes of an endpoint's checks add up to. Its zero value is that of an endpoint that wasn't
// checked yet.
type health struct {
	known bool // it was checked at least once
	ready bool
	run   int // outcomes in a row that speak against ready
}

// after returns the health after one more check, which ended with err. It changes after rise successes or fall failures
// in a row, except that a refused connection is no matter of luck: nobody listens there.
func (h health) after(err error, c check) health {
	h.known = true
	if good := err == nil; good == h.ready {
		h.run = 0
		return h
	}
	h.run++
	needed := c.rise
	if h.ready {
		needed = c.fall
	}
	if h.run >= needed || refused(err) {
		h.ready, h.run = !h.ready, 0
	}
	return h
}
