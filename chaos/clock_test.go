package chaos

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ask asks a clock that is ahead for the time, with a way there and a way back that take so many milliseconds.
func ask(begun float64, ahead time.Duration, there, back time.Duration) Exchange {
	sent := at(begun)
	return Exchange{Sent: sent, Said: sent.Add(there).Add(ahead), Received: sent.Add(there + back)}
}

func TestAlignBelievesTheQuickestExchange(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name  string
		ahead time.Duration
		asked []Exchange
		want  Clock
	}{
		{"nobody was asked", 0, nil, Clock{}},
		{"a clock as ours", 0, []Exchange{ask(0, 0, ms, ms)}, Clock{0, ms}},
		{"an hour ahead", time.Hour, []Exchange{ask(0, time.Hour, ms, ms)}, Clock{time.Hour, ms}},
		{"behind, and a slow way there", -time.Second, []Exchange{ask(0, -time.Second, 9*ms, ms)}, Clock{-time.Second + 4*ms, 5 * ms}},
		{"one of three is quick", time.Second, []Exchange{ask(0, time.Second, 40*ms, ms), ask(1, time.Second, ms, ms), ask(2, time.Second, ms, 300*ms)}, Clock{time.Second, ms}},
	} {
		clock := Align(c.asked)
		require.Equal(t, c.want, clock, c.name)
		require.LessOrEqual(t, (clock.Ahead - c.ahead).Abs(), clock.Error, "%s: the truth lies within the error", c.name)
	}
	require.Equal(t, at(5), Clock{Ahead: time.Hour}.Here(at(3605)))
	require.True(t, Clock{Ahead: time.Hour}.Here(time.Time{}).IsZero(), "never stays never")
}
