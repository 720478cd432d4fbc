package experiment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

var clusters = []string{"east", "west", "north"}

// found is the result of an experiment that went as it should.
func found(o Options) *chaos.Result {
	r := &chaos.Result{
		Clusters: clusters, Rate: o.Rate, Duration: chaos.MillisOf(o.Duration),
		Requests: chaos.Requests{Verdicts: chaos.Verdicts{Sent: 18000, OK: 17998, Cut: 2}, Longest: 61},
	}
	if o.Fault != chaos.FaultNone {
		r.Requests.Longest = 310
		r.Fault = &chaos.Fault{Cluster: o.Cluster, Kind: o.Fault, At: chaos.MillisOf(o.Kill)}
		r.Observers = []chaos.Observation{{Gateway: "east/e-0", LinkDown: new(chaos.Millis(512)), RingDead: new(chaos.Millis(2710)), LastSent: new(chaos.Millis(44))}}
		r.Heal = &chaos.Heal{At: chaos.MillisOf(o.Heal), FirstAnswer: new(chaos.Millis(803)), Whole: new(chaos.Millis(900))}
	} else {
		r.Requests.Cut, r.Requests.OK = 0, 18000
	}
	return r
}

// runSeries runs a series whose experiments are made up by once.
func runSeries(t *testing.T, s Series, out Output) (printed, progress string, err error) {
	t.Helper()
	var o, p bytes.Buffer
	out.Out, out.Progress, s.Course = &o, &p, ProcessCourse()
	s.Options.Fault, s.Options.Rate, s.Options.Duration = chaos.FaultKill, 200, ProcessCourse().Duration
	require.NoError(t, s.Arrange(Moment{Cluster: "west"}, Moment{}, nil))
	err = s.Run(t.Context(), out)
	return o.String(), p.String(), err
}

func TestSeries(t *testing.T) {
	t.Parallel()
	var made []Options
	s := Series{Runs: 3, Once: func(_ context.Context, o Options, _ *Screen) (*chaos.Result, error) {
		made = append(made, o)
		r := found(o)
		r.Judge()
		return r, nil
	}}
	s.Logs = "logs"
	report := filepath.Join(t.TempDir(), "report.html")
	printed, progress, err := runSeries(t, s, Output{JSON: true, Report: report})
	require.NoError(t, err)
	require.Len(t, made, 4)
	require.Equal(t, chaos.FaultNone, made[0].Fault, "the null experiment comes first")
	require.Zero(t, made[0].Kill+made[0].Heal)
	require.Equal(t, ProcessCourse().Duration, made[0].Duration, "and is as long")
	require.Equal(t, filepath.Join("logs", "run-3"), made[3].Logs)
	require.Equal(t, ProcessCourse().Kill, made[3].Kill)

	var runs map[string]any
	require.NoError(t, json.Unmarshal([]byte(printed), &runs))
	require.Equal(t, "kill", runs["fault"])
	require.Equal(t, 3.0, runs["runs"])
	require.Equal(t, true, runs["ok"])
	require.Equal(t, map[string]any{"total": 0.0, "max": 0.0}, runs["failed"])
	require.Equal(t, map[string]any{"total": 6.0, "max": 2.0}, runs["cut"])
	for key, value := range map[string]float64{"longest_ms": 310, "last_sent_ms": 44, "link_down_ms": 512, "ring_dead_ms": 2710, "heal_ms": 803} {
		require.Equal(t, map[string]any{"median": value, "p95": value, "max": value}, runs[key], key)
	}
	require.Equal(t, []any{"failed=0", "hung=0"}, runs["limits"])
	require.FileExists(t, report)
	require.Equal(t, 5, strings.Count(progress, "\n"), "a line for each experiment, and one for the report")
	require.Contains(t, progress, "run 2    18,000 sent  0 failed  0 hung  2 cut  longest 310 ms   link down 512 ms   ring dead 2.71 s   heal 803 ms\n")
}

func TestSeriesSaysWhereNothingCrosses(t *testing.T) {
	t.Parallel()
	_, progress, err := runSeries(t, Series{Runs: 1, Once: func(_ context.Context, o Options, _ *Screen) (*chaos.Result, error) {
		r := found(o)
		for _, cluster := range clusters {
			r.ByCluster = append(r.ByCluster, chaos.ClusterRequests{Cluster: cluster, Requests: chaos.Requests{Served: map[string]int64{cluster: 7}}})
		}
		r.Judge()
		return r, nil
	}}, Output{})
	require.NoError(t, err)
	require.Contains(t, progress, "each cluster answered its own requests alone")
}

func TestSeriesRefusesWithoutACleanNullExperiment(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*chaos.Result){
		"a failure":           func(r *chaos.Result) { r.Requests.Failed = 1 },
		"a hung request":      func(r *chaos.Result) { r.Requests.Hung = 1 },
		"a cut request":       func(r *chaos.Result) { r.Requests.Cut = 1 },
		"a process that died": func(r *chaos.Result) { r.Problems = []string{"east/e-1 ended by itself"} },
	} {
		experiments := 0
		_, progress, err := runSeries(t, Series{Runs: 3, Once: func(_ context.Context, o Options, _ *Screen) (*chaos.Result, error) {
			experiments++
			r := found(o)
			spoil(r)
			r.Judge()
			return r, nil
		}}, Output{})
		require.ErrorContains(t, err, "the null experiment is not clean", name)
		require.Equal(t, 1, experiments, name)
		require.NotContains(t, progress, "run 1", name)
	}
}

func TestSeriesTellsWhatWasOutsideTheLimits(t *testing.T) {
	t.Parallel()
	printed, _, err := runSeries(t, Series{Runs: 2, Once: func(_ context.Context, o Options, _ *Screen) (*chaos.Result, error) {
		r := found(o)
		if o.Fault == chaos.FaultKill {
			r.Requests.Failed = 4
		}
		r.Judge()
		return r, nil
	}}, Output{})
	require.Equal(t, problemError{3}, err)
	require.Contains(t, printed, "  failed                   8           4\n")
	require.Contains(t, printed, "✗ run 2: 4 of 18000 requests failed\n")
	require.Contains(t, printed, "✗ limit failed=0: 4 in the worst run\n")
}

func TestSeriesThatIsInterrupted(t *testing.T) {
	t.Parallel()
	interrupt := func(after int) (string, error) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var printed bytes.Buffer
		n := 0
		s := Series{Options: Options{Fault: chaos.FaultKill, Rate: 1, Duration: ProcessCourse().Duration}, Course: ProcessCourse(), Runs: 5}
		s.Once = func(_ context.Context, o Options, _ *Screen) (*chaos.Result, error) {
			if n++; n > after {
				cancel()
			}
			r := found(o)
			r.Judge()
			return r, nil
		}
		require.NoError(t, s.Arrange(Moment{}, Moment{}, nil))
		err := s.Run(ctx, Output{Out: &printed, Progress: new(bytes.Buffer)})
		return printed.String(), err
	}
	_, err := interrupt(1)
	require.ErrorIs(t, err, ErrInterrupted, "there is nothing to sum up")
	printed, err := interrupt(3)
	require.ErrorAs(t, err, new(problemError))
	require.Contains(t, printed, "interrupted after 2 of 5 runs", "the third was cut short and doesn't count")
}

func TestSeriesPassesOnWhatKeptARunFromBeing(t *testing.T) {
	t.Parallel()
	_, _, err := runSeries(t, Series{Runs: 1, Once: func(_ context.Context, o Options, _ *Screen) (*chaos.Result, error) {
		if o.Fault == chaos.FaultNone {
			r := found(o)
			r.Judge()
			return r, nil
		}
		return nil, errors.New("west/w-0 ended by itself")
	}}, Output{})
	require.EqualError(t, err, "run 1: west/w-0 ended by itself")
}
