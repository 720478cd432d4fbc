package chaos

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// request makes a sample that was begun when it was meant to.
func request(observer, served string, begun float64, took time.Duration) Sample {
	s := Sample{Observer: observer, Served: served, Intended: at(begun), Started: at(begun), Ended: at(begun).Add(took)}
	if served == "" {
		s.Err = errors.New("reset")
	}
	return s
}

func TestTallyCountsFromItsBeginning(t *testing.T) {
	tally := NewTally([]string{"east", "west"})
	tally.Add(request("east", "", 0, time.Millisecond)) // warm-up
	trouble, err := tally.Trouble()
	require.Equal(t, at(0).Add(time.Millisecond), trouble)
	require.EqualError(t, err, "reset")

	tally.Begin(at(10))
	tally.Add(request("east", "", 9.9, 200*time.Millisecond)) // meant for the warm-up
	for range 98 {
		tally.Add(request("east", "west", 10, 2*time.Millisecond))
	}
	tally.Add(request("east", "east", 11, 40*time.Millisecond))
	slow := request("east", "east", 12, 1500*time.Millisecond)
	slow.Steps = Steps{Resolve: 1020 * time.Millisecond, Connect: 5 * time.Millisecond}
	tally.Add(slow)
	tally.Add(request("east", "", 14.9, 3*time.Second))
	tally.Add(request("west", "", 16, 10*time.Millisecond))
	tally.Add(request("west", "mars", 17, time.Millisecond))
	tally.Add(request("nowhere", "east", 17, time.Millisecond))
	tally.SetOutage(Outage{From: at(15)})
	tally.SetOutage(Outage{From: at(15), Gone: at(15.1)})

	all := tally.Requests("")
	require.Equal(t, Verdicts{Sent: 103, OK: 100, Failed: 2, Hung: 1, Cut: 1}, all.Verdicts)
	require.Equal(t, all.Verdicts, tally.Verdicts())
	require.Equal(t, all.Sent, all.OK+all.Failed+all.Cut)
	require.Equal(t, map[string]int64{"east": 2, "west": 98}, all.Served)
	require.InDelta(t, 2, float64(all.P50), 0.01)
	require.InDelta(t, 40, float64(all.P99), 0.1)
	require.Equal(t, Millis(1500), all.Longest, "what was cut stands apart")
	require.Equal(t, Millis(3000), all.CutLongest)
	require.Equal(t, Verdicts{Sent: 2, Failed: 2}, tally.Requests("west").Verdicts)

	failures := tally.Failures()
	require.Len(t, failures, 4)
	require.Equal(t, Failure{At: 2000, Took: 1500, Resolve: 1020, Connect: 5, Observer: "east", Verdict: "hung"}, failures[0])
	require.Equal(t, "answered: name 1.02 s, connection 5.0 ms, the rest 475 ms", failures[0].Detail())
	require.Equal(t, Failure{At: 4900, Took: 3000, Observer: "east", Verdict: "cut", Error: "reset"}, failures[1])
	require.Equal(t, `answer: "mars" is none of the clusters`, failures[3].Detail())
}

func TestTallyCountsFailuresThatItDoesNotKeep(t *testing.T) {
	tally := NewTally([]string{"east"})
	tally.Begin(at(0))
	for range keepNotable + 5 {
		tally.Add(request("east", "", 1, time.Millisecond))
	}
	require.EqualValues(t, keepNotable+5, tally.Verdicts().Failed)
	require.Len(t, tally.Failures(), keepNotable)
}

func TestTallyLapsStartOver(t *testing.T) {
	tally := NewTally([]string{"east", "west"})
	tally.Add(request("east", "west", 0, 7*time.Millisecond))
	tally.Add(request("east", "", 0, time.Millisecond))
	require.Equal(t, Lap{Served: []int64{0, 1}, Errors: 1, Slowest: 7 * time.Millisecond}, tally.Lap("east"))
	require.Equal(t, Lap{Served: []int64{0, 0}}, tally.Lap("east"))
}

func TestCloseupKeepsItsTimeAlone(t *testing.T) {
	tally := NewTally([]string{"east"})
	tally.Begin(at(0))
	tally.Watch(at(1), at(2))
	for _, begun := range []float64{0.99, 1, 1.5, 2} {
		tally.Add(request("east", "east", begun, time.Millisecond))
	}
	closeups := tally.Closeups()
	require.Len(t, closeups, 1)
	require.Len(t, closeups[0].Samples, 2)
}

func TestSeriesDoublesItsWidthInsteadOfGrowing(t *testing.T) {
	tally := NewTally([]string{"east"})
	tally.Begin(at(0))
	const hour = 3600
	for second := range hour {
		tally.Add(request("east", "east", float64(second), time.Duration(1+second)*time.Microsecond))
	}
	series := tally.Series("east")
	require.LessOrEqual(t, len(series.Slots), maxSlots)
	require.Equal(t, 3200*time.Millisecond, series.Width)
	var sum uint32
	slowest := time.Duration(0)
	for _, slot := range series.Slots {
		sum += slot.Served[0]
		slowest = max(slowest, slot.Slowest)
	}
	require.EqualValues(t, hour, sum, "nothing is lost")
	require.Equal(t, hour*time.Microsecond, slowest)
}
