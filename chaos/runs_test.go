package chaos

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSpreadIsMadeOfMeasuredValues(t *testing.T) {
	require.Equal(t, Spread{}, SpreadOf(nil))
	require.Equal(t, Spread{new(Millis(7)), new(Millis(7)), new(Millis(7))}, SpreadOf([]Millis{7}))
	values := make([]Millis, 20)
	for i := range values {
		values[i] = Millis(20 - i)
	}
	require.Equal(t, Spread{new(Millis(10)), new(Millis(19)), new(Millis(20))}, SpreadOf(values))
	require.Equal(t, Millis(20), values[0], "the values stay as they are")
}

func runOf(longest, down Millis, cut int64, problems ...string) *Result {
	return &Result{
		Requests:  Requests{Verdicts: Verdicts{Sent: 100, OK: 100 - cut, Cut: cut}, Longest: longest},
		Observers: []Observation{{LinkDown: new(down - 1), LastSent: new(Millis(3))}, {LinkDown: new(down), LastSent: new(Millis(2))}},
		Heal:      &Heal{FirstAnswer: new(Millis(800))},
		Problems:  problems,
	}
}

func TestSummarize(t *testing.T) {
	results := []*Result{runOf(30, 500, 2), runOf(900, 700, 0), runOf(40, 600, 5)}
	runs := Summarize(FaultKill, nil, results, nil)
	require.True(t, runs.OK)
	require.Equal(t, Total{Total: 7, Max: 5}, runs.Cut)
	require.Equal(t, Spread{new(Millis(40)), new(Millis(900)), new(Millis(900))}, runs.Longest)
	require.Equal(t, new(Millis(600)), runs.LinkDown.Median, "of several observers the slowest counts")
	require.Equal(t, new(Millis(3)), runs.LastSent.Max)
	require.Nil(t, runs.RingDead.Max, "nobody saw that")
	require.Equal(t, 1, runs.Worst())
	require.Equal(t, -1, (&Runs{}).Worst())

	failing := runOf(50, 500, 0, "1 of 100 requests failed")
	failing.Requests.Failed = 1
	runs = Summarize(FaultKill, nil, append(results, failing), nil)
	require.False(t, runs.OK)
	require.Equal(t, []string{"run 4: 1 of 100 requests failed"}, runs.Problems)
	require.Equal(t, 3, runs.Worst(), "a failure is worse than a slow answer")
}

func TestLimits(t *testing.T) {
	runs := []*Result{runOf(30, 500, 2), runOf(900, 700, 5)}
	for _, c := range []struct{ limit, problem string }{
		{"longest=1s", ""},
		{"longest=900ms", ""},
		{"longest=800ms", "limit longest=800ms: 900 ms in the worst run"},
		{"link_down=650ms", "limit link_down=650ms: 700 ms in the worst run"},
		{"ring_dead=1s", ""},
		{"cut=5", ""},
		{"cut=4", "limit cut=4: 5 in the worst run"},
		{"failed=0", ""},
	} {
		limit, err := ParseLimit(c.limit)
		require.NoError(t, err, c.limit)
		require.Equal(t, c.limit, limit.String())
		problems := Summarize(FaultKill, nil, runs, []Limit{limit}).Problems
		if c.problem == "" {
			require.Empty(t, problems, c.limit)
		} else {
			require.Equal(t, []string{c.problem}, problems, c.limit)
		}
	}
	for _, wrong := range []string{"", "longest", "longest=fast", "longest=-1s", "cut=-1", "cut=1s", "speed=3"} {
		_, err := ParseLimit(wrong)
		require.ErrorContains(t, err, "such as", wrong)
	}
}

func TestMillis(t *testing.T) {
	require.Equal(t, Millis(1.235), MillisOf(1234567*time.Nanosecond))
	require.Equal(t, 1235*time.Microsecond, Millis(1.235).Duration())
	for text, m := range map[string]Millis{"0.0 ms": 0, "1.2 ms": 1.235, "12 ms": 12.4, "999 ms": 999, "1.23 s": 1234, "15.0 s": 15_000} {
		require.Equal(t, text, m.String())
	}
}
