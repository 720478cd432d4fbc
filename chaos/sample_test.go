package chaos

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// at is a time on the clock of the tests of figures.
func at(seconds float64) time.Time {
	return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
}

func TestJudge(t *testing.T) {
	outage := []Outage{{From: at(15), Gone: at(15.02)}}
	failure := errors.New("reset")
	for _, c := range []struct {
		name             string
		intended, starts float64
		ends             float64
		err              error
		verdict          Verdict
		hung             bool
	}{
		{"answered in time", 3, 3, 3.1, nil, Answered, false},
		{"answered after over a second", 3, 3, 4.1, nil, Answered, true},
		{"answered at once, but begun late by the prober", 3, 4.1, 4.11, nil, Answered, true},
		{"failed before the outage", 3, 3, 3.1, failure, Failed, false},
		{"failed before the outage, and took long", 3, 3, 8, failure, Failed, true},
		{"in flight when the outage began", 14.9, 14.9, 15.3, failure, CutShort, false},
		{"in flight when the outage began, and noticed late", 14.9, 14.9, 19.9, failure, CutShort, false},
		{"begun while processes were ending", 15.01, 15.01, 15.3, failure, CutShort, false},
		{"meant for before the outage, begun after it", 14.9, 15.03, 15.04, failure, Failed, false},
		{"begun after the outage", 15.03, 15.03, 15.3, failure, Failed, false},
		{"in flight and answered late all the same", 14.9, 14.9, 16.2, nil, Answered, false},
		{"begun after the outage and answered late", 15.03, 15.03, 16.2, nil, Answered, true},
	} {
		s := Sample{Intended: at(c.intended), Started: at(c.starts), Ended: at(c.ends), Err: c.err}
		verdict, hung := Judge(&s, outage)
		require.Equal(t, c.verdict, verdict, c.name)
		require.Equal(t, c.hung, hung, c.name)
	}

	ending := []Outage{{From: at(15)}}
	s := Sample{Intended: at(15.5), Started: at(15.5), Ended: at(15.6), Err: failure}
	verdict, _ := Judge(&s, ending)
	require.Equal(t, CutShort, verdict, "the processes are still ending")
}
