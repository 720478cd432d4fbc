package kube

import "time"

// confirmAfter is how long what vanished is kept before it is asked after, and how long it is held that a cluster with several
// exports should have none. An API server that was restored, or lags behind, has mostly caught up by then.
const confirmAfter = 10 * time.Second

// A guard remembers what was missing in a list. That an object was deleted is believed when the API server says just that; when
// it merely isn't in a list any more, a second list has to confirm it. A list can lie: one replica of the API server may
// lag, etcd may have been restored, a proxy may answer for somebody else.
//
// Time is a value: a guard does nothing by itself.
type guard struct {
	missing map[string]time.Time // by key: when the first list lacked it
}

// missed notes that a list lacks the object.
func (g *guard) missed(key string, now time.Time) {
	if g.missing == nil {
		g.missing = map[string]time.Time{}
	}
	if _, known := g.missing[key]; !known {
		g.missing[key] = now
	}
}

// settled notes that there is certainty of the object, whatever it says: seen, or deleted.
func (g *guard) settled(key string) { delete(g.missing, key) }

// due returns when the next object has been missing for long enough to be asked after.
func (g *guard) due() (at time.Time, any bool) {
	for _, since := range g.missing {
		if t := since.Add(confirmAfter); !any || t.Before(at) {
			at, any = t, true
		}
	}
	return at, any
}

// asked returns what a list that begins now decides.
func (g *guard) asked(now time.Time) []string {
	var keys []string
	for key, since := range g.missing {
		if now.Sub(since) >= confirmAfter {
			keys = append(keys, key)
		}
	}
	return keys
}

// A hold keeps the last exports of a cluster for a while when all of them would go at once. One may go at once: so do users
// test. All of several rarely go on purpose, and never in a hurry.
type hold struct{ until time.Time }

// keeps tells whether what was exported before still counts, when there would be after of it now.
func (h *hold) keeps(now time.Time, before, after int) bool {
	if after > 0 || before < 2 {
		h.until = time.Time{}
		return false
	}
	if h.until.IsZero() {
		h.until = now.Add(confirmAfter)
	}
	if !now.Before(h.until) {
		h.until = time.Time{}
		return false
	}
	return true
}

// holding tells whether something is kept at present.
func (h *hold) holding() bool { return !h.until.IsZero() }
