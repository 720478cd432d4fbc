package imports

import (
	"maps"
	"time"
)

const (
	shortestPause = 500 * time.Millisecond
	longestPause  = 30 * time.Second
	longestAway   = 5 * time.Second // while the API server is away, which is over from one moment to the next
)

// A backoff says what isn't to be tried yet, because it failed.
type backoff map[string]*setback

type setback struct {
	failures int
	until    time.Time
	err      string // for the log to say the same only once
}

// failed puts the next attempt off: twice as long as before, up to the longest, and up to that much again, so that gateways that
// failed together don't try together. draw is a random number below 1. It tells whether the error is another than before.
func (b backoff) failed(about string, err error, now time.Time, longest time.Duration, draw float64) (news bool) {
	s := b[about]
	if s == nil {
		s = &setback{}
		b[about] = s
	}
	pause := min(longest, shortestPause<<min(s.failures, 10))
	s.failures++
	s.until = now.Add(pause + time.Duration(draw*float64(pause)))
	news = s.err != err.Error()
	s.err = err.Error()
	return news
}

// hold puts the next attempt off though this one didn't fail.
func (b backoff) hold(about string, until time.Time) { b[about] = &setback{until: until} }

// held tells until when something isn't to be tried.
func (b backoff) held(about string, now time.Time) (until time.Time, held bool) {
	if s := b[about]; s != nil && s.until.After(now) {
		return s.until, true
	}
	return time.Time{}, false
}

// keep forgets all that isn't to be done any more.
func (b backoff) keep(about map[string]bool, now time.Time) {
	maps.DeleteFunc(b, func(key string, s *setback) bool { return !about[key] && !s.until.After(now) })
}
