package chaos

// figure is a time that one experiment yields, and that many experiments yield a [Spread] of.
type figure struct {
	Name   string // in limits
	Label  string // in tables
	of     func(*Result) *Millis
	spread func(*Runs) *Spread
}

// timeFigures returns the figures in the order in which a failover goes through them.
func timeFigures() []figure {
	return []figure{
		{"longest", "longest request", func(r *Result) *Millis { return &r.Requests.Longest }, func(r *Runs) *Spread { return &r.Longest }},
		{"last_sent", "last request sent there", LastSent, func(r *Runs) *Spread { return &r.LastSent }},
		{"link_down", "link down", LinkDown, func(r *Runs) *Spread { return &r.LinkDown }},
		{"ring_dead", "ring dead", RingDead, func(r *Runs) *Spread { return &r.RingDead }},
		{"outage", "last failing request", LastFailing, func(r *Runs) *Spread { return &r.Outage }},
		{"heal", "heal to first answer", FirstAnswer, func(r *Runs) *Spread { return &r.Heal }},
	}
}

// values returns the figure of each result that has it.
func (f figure) values(results []*Result) []Millis {
	var values []Millis
	for _, r := range results {
		if value := f.of(r); value != nil {
			values = append(values, *value)
		}
	}
	return values
}

// LabelledSpread is a figure of many runs with its name for people.
type LabelledSpread struct {
	Label  string
	Spread Spread
}

// Figures returns the figures that any run had, in the order in which a failover goes through them.
func (r *Runs) Figures() []LabelledSpread {
	var figures []LabelledSpread
	for _, f := range timeFigures() {
		if spread := *f.spread(r); spread.shown(f) {
			figures = append(figures, LabelledSpread{f.Label, spread})
		}
	}
	return figures
}

// shown tells whether a spread tells people anything: that nothing failed they read elsewhere.
func (s Spread) shown(f figure) bool {
	return s.Max != nil && (f.Name != "outage" || *s.Max > 0)
}

// LastSent returns the time of the slowest observer, as do [LinkDown] and [RingDead]; nil where one of them has none.
func LastSent(r *Result) *Millis {
	return slowest(r, func(o Observation) *Millis { return o.LastSent })
}

// LinkDown is to links what [LastSent] is to requests.
func LinkDown(r *Result) *Millis {
	return slowest(r, func(o Observation) *Millis { return o.LinkDown })
}

// RingDead is to the ring what [LastSent] is to requests.
func RingDead(r *Result) *Millis {
	return slowest(r, func(o Observation) *Millis { return o.RingDead })
}

// FirstAnswer returns the time from the heal to the first answer; nil where there was none.
func FirstAnswer(r *Result) *Millis {
	if r.Heal == nil {
		return nil
	}
	return r.Heal.FirstAnswer
}

// LastFailing returns when the last request was begun that failed or hung after the fault; 0 where none did, nil without
// a fault.
func LastFailing(r *Result) *Millis {
	if r.Fault == nil {
		return nil
	}
	last := new(Millis)
	for _, t := range r.Troubles {
		last = later(last, &t.Last)
	}
	return last
}

// slowest returns the time of the slowest observer; nil where one of them has none.
func slowest(r *Result, of func(Observation) *Millis) *Millis {
	if len(r.Observers) == 0 {
		return nil
	}
	last := new(Millis)
	for _, o := range r.Observers {
		last = later(last, of(o))
	}
	return last
}
