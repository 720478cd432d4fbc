package mcs

import "time"

const (
	standIn      = 3 * time.Second // how long the first gateway has before another one writes in its place
	firstRetry   = time.Second     // longer than a write takes to show in what is watched
	longestRetry = 5 * time.Minute
	awayRetry    = 5 * time.Second // while the API server is away, which says nothing about the change
)

// queue knows since when each change has been wished, and when it was tried. A change leaves it by not being wished any
// more: that is how a write is known to have had its effect. So one that fails, and one that somebody else undoes again
// and again, are both repeated at growing intervals.
type queue map[objectKey]*wish

type wish struct {
	content string
	since   time.Time
	tries   int
	next    time.Time // not before; zero: not tried yet
}

// due returns the changes whose time has come, as tried now, and how long it is until the next one's; 0: none waits.
func (q queue) due(changes []change, first bool, now time.Time) (due []change, wait time.Duration) {
	wished := make(map[objectKey]bool, len(changes))
	for _, c := range changes {
		wished[c.key] = true
		w := q[c.key]
		if w == nil || w.content != c.content {
			w = &wish{content: c.content, since: now}
			q[c.key] = w
		}
		at := w.at(c.after, first)
		if !at.After(now) {
			due = append(due, c)
			w.tries++
			w.next = now.Add(retryAfter(w.tries))
			at = w.at(c.after, first)
		}
		if left := at.Sub(now); wait == 0 || left < wait {
			wait = left
		}
	}
	for key := range q {
		if !wished[key] {
			delete(q, key)
		}
	}
	return due, wait
}

// putOff takes back that a change was tried.
func (q queue) putOff(c change, now time.Time) {
	w := q[c.key]
	w.tries--
	w.next = now.Add(awayRetry)
}

// at returns when a change's time comes.
func (w *wish) at(after time.Duration, first bool) time.Time {
	if !first {
		after += standIn
	}
	if at := w.since.Add(after); at.After(w.next) {
		return at
	}
	return w.next
}

func retryAfter(tries int) time.Duration {
	return min(firstRetry<<min(tries-1, 16), longestRetry)
}
