package chaos

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// collector keeps the samples of a prober.
type collector struct {
	mu      sync.Mutex
	samples []Sample
}

func (c *collector) report(s Sample) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.samples = append(c.samples, s)
}

// probe runs a prober in virtual time and returns its samples in the order in which they were meant to start.
func probe(t *testing.T, cfg ProberConfig, during time.Duration, meanwhile func(*Prober)) (samples []Sample, begun time.Time) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var kept collector
		cfg.Observer, cfg.Report = "east", kept.report
		prober, err := NewProber(cfg)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), during-time.Microsecond) // no request is due in the instant of the end
		defer cancel()
		begun = time.Now()
		if meanwhile != nil {
			go meanwhile(prober)
		}
		prober.Run(ctx)
		samples = kept.samples
	})
	slices.SortFunc(samples, func(a, b Sample) int { return a.Intended.Compare(b.Intended) })
	return samples, begun
}

func answerAfter(d time.Duration) Ask {
	return func(ctx context.Context) (string, Steps, error) {
		select {
		case <-ctx.Done():
			return "", Steps{}, ctx.Err()
		case <-time.After(d):
			return "west", Steps{}, nil
		}
	}
}

func TestProberKeepsItsRateExactly(t *testing.T) {
	samples, begun := probe(t, ProberConfig{Rate: 3, Phase: 100 * time.Millisecond, Ask: answerAfter(time.Millisecond)}, 100*time.Second, nil)
	require.Len(t, samples, 300)
	for n, s := range samples {
		due := begun.Add(100 * time.Millisecond).Add(time.Duration(n) * time.Second / 3)
		require.WithinDuration(t, due, s.Intended, time.Nanosecond, "rounding doesn't add up")
		require.Equal(t, s.Intended, s.Started)
		require.Equal(t, time.Millisecond, s.Latency())
		require.Equal(t, "west", s.Served)
	}
}

func TestProberDoesNotWaitForAnswers(t *testing.T) {
	hang := time.Second
	ask := func(ctx context.Context) (string, Steps, error) { return answerAfter(hang)(ctx) }
	samples, _ := probe(t, ProberConfig{Rate: 100, Ask: ask}, 10*time.Second, nil)
	require.Len(t, samples, 1000, "a closed loop would have asked ten times")
}

func TestProberGivesUpAndWaitsForTheLast(t *testing.T) {
	samples, begun := probe(t, ProberConfig{Rate: 10, Timeout: 5 * time.Second, Ask: answerAfter(time.Hour)}, time.Second, nil)
	require.Len(t, samples, 10)
	for _, s := range samples {
		require.ErrorIs(t, s.Err, context.DeadlineExceeded)
		require.Equal(t, 5*time.Second, s.Latency(), "the end of the run cuts no request short")
	}
	require.Equal(t, begun.Add(5900*time.Millisecond), samples[9].Ended)
}

func TestProberBoundsWhatIsInFlight(t *testing.T) {
	samples, _ := probe(t, ProberConfig{Rate: 100, MaxInFlight: 7, Timeout: 2 * time.Second, Ask: answerAfter(time.Hour)}, time.Second, nil)
	require.Len(t, samples, 100, "what could not be sent is reported, not left out")
	refused := 0
	for _, s := range samples {
		if !errors.Is(s.Err, context.DeadlineExceeded) {
			require.EqualError(t, s.Err, "not sent: 7 requests are in flight already")
			refused++
		}
	}
	require.Equal(t, 93, refused)
}

func TestProberPauses(t *testing.T) {
	samples, begun := probe(t, ProberConfig{Rate: 10, Ask: answerAfter(time.Millisecond)}, 10*time.Second, func(p *Prober) {
		time.Sleep(2050 * time.Millisecond)
		p.Pause()
		time.Sleep(3 * time.Second)
		p.Resume()
	})
	require.Len(t, samples, 70)
	for _, s := range samples {
		after := s.Intended.Sub(begun)
		require.True(t, after < 2050*time.Millisecond || after > 5050*time.Millisecond, "asked %s after the start", after)
		require.Equal(t, time.Millisecond, s.Latency(), "nothing is made up for")
	}
}

// TestProberCountsFromTheIntendedStart stalls the prober itself, as a busy machine does: the requests that it then begins
// late carry the delay.
func TestProberCountsFromTheIntendedStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept collector
		p, err := NewProber(ProberConfig{Observer: "east", Rate: 10, Report: kept.report, Ask: answerAfter(0)})
		require.NoError(t, err)
		var requests sync.WaitGroup
		intended := time.Now()
		time.Sleep(1200 * time.Millisecond)
		p.begin(t.Context(), &requests, intended)
		requests.Wait()
		require.Equal(t, 1200*time.Millisecond, kept.samples[0].Latency())
		require.Equal(t, intended.Add(1200*time.Millisecond), kept.samples[0].Started)
	})
}

func TestProberRefusesNoRate(t *testing.T) {
	_, err := NewProber(ProberConfig{})
	require.ErrorContains(t, err, "at least 1 request per second")
}
