package chaos

import "time"

// Closeup is a short time of an experiment request by request: the seconds in which a failover happens are over before a
// [Series] has drawn three slots.
type Closeup struct {
	From, To time.Time
	Samples  []Sample // in the order in which they ended
}

// closeupSamples bounds one close-up: more dots than that are a blot.
const closeupSamples = 12_000

// Watch keeps every request that is meant to start in this time, for [Tally.Closeups].
func (t *Tally) Watch(from, to time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closeups = append(t.closeups, Closeup{From: from, To: to})
}

func (t *Tally) watchLocked(s *Sample) {
	for i := range t.closeups {
		c := &t.closeups[i]
		if !s.Intended.Before(c.From) && s.Intended.Before(c.To) && len(c.Samples) < closeupSamples {
			c.Samples = append(c.Samples, *s)
		}
	}
}

// Closeups returns what was watched so far, in the order of the calls of [Tally.Watch].
func (t *Tally) Closeups() []Closeup {
	t.mu.Lock()
	defer t.mu.Unlock()
	copied := make([]Closeup, len(t.closeups))
	for i, c := range t.closeups {
		copied[i] = c
		copied[i].Samples = append([]Sample(nil), c.Samples...)
	}
	return copied
}
