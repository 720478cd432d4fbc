package experiment

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// Series is one experiment many times over.
type Series struct {
	Options
	Runs   int
	Limits []chaos.Limit
	Course Course                                                         // what is taken where nothing else is asked for
	Once   func(context.Context, Options, *Screen) (*chaos.Result, error) // makes one experiment
}

// Course is when things happen in one run.
type Course struct{ Kill, Heal, Duration time.Duration }

// ProcessCourse is shorter than the demo's, because nobody looks on, but long enough on either side of the fault for the ring's
// verdict.
func ProcessCourse() Course {
	return Course{Kill: 5 * time.Second, Heal: 17 * time.Second, Duration: 30 * time.Second}
}

// ClusterCourse has some seconds more: nodes need them to come back.
func ClusterCourse() Course {
	return Course{Kill: 5 * time.Second, Heal: 20 * time.Second, Duration: 45 * time.Second}
}

// DefaultRuns is how many runs a series has.
const DefaultRuns = 10

// Arrange fills in what was left out and refuses what can't be.
func (s *Series) Arrange(kill, heal Moment, limits []string) error {
	if s.Runs < 1 {
		return Usagef("--runs: %d: want at least 1, such as --runs 20", s.Runs)
	}
	if s.Duration == 0 {
		s.Duration = s.Course.Duration
	}
	if kill.Cluster != "" && !kill.Timed {
		kill.At, kill.Timed = s.Course.Kill, true
		if heal.Timed {
			kill.At = min(s.Course.Kill, heal.At/2)
		}
	}
	if s.Fault == chaos.FaultNone {
		kill = Moment{Flag: kill.Flag} // --kill names the cluster of every fault, none included
	} else if !kill.Timed && !heal.Timed {
		kill.Cluster, kill.At, kill.Timed = "west", s.Course.Kill, true
	}
	if kill.Timed && !heal.Timed && s.Duration > kill.At {
		heal.Cluster, heal.At, heal.Timed = kill.Cluster, kill.At+min(s.Course.Heal-s.Course.Kill, (s.Duration-kill.At)/2), true
	}
	for _, text := range append(usualLimits(s.Fault), limits...) {
		limit, err := chaos.ParseLimit(text)
		if err != nil {
			return Usagef("--limit %v", err)
		}
		s.setLimit(limit)
	}
	return s.Options.Arrange(kill, heal)
}

// usualLimits are those that hold unless others are given. A gateway's sudden death costs its own cluster's clients what was sent
// to it until Kubernetes sends nothing there any more, so there it is the time that counts.
func usualLimits(fault chaos.FaultKind) []string {
	if fault == chaos.FaultOwnGateway {
		return []string{"outage=1500ms"}
	}
	return []string{"failed=0", "hung=0"}
}

// setLimit adds a limit, or replaces the one of the same figure.
func (s *Series) setLimit(limit chaos.Limit) {
	for i := range s.Limits {
		if s.Limits[i].Figure == limit.Figure {
			s.Limits[i] = limit
			return
		}
	}
	s.Limits = append(s.Limits, limit)
}

// Run carries out the null experiment and then all runs, and prints what they have in common. The error has exit code 1
// when the null experiment wasn't clean or a run was outside the limits.
func (s *Series) Run(ctx context.Context, out Output) error {
	if err := out.Check(); err != nil {
		return err
	}
	screen := NewScreen(out.Progress)
	null, err := s.null(ctx, screen)
	if err != nil {
		return err
	}
	var results []*chaos.Result
	for n := 1; n <= s.Runs && ctx.Err() == nil; n++ {
		result, err := s.Once(ctx, s.options(fmt.Sprintf("run-%d", n)), screen.behind(fmt.Sprintf("run %d of %d: ", n, s.Runs)))
		if err != nil {
			return fmt.Errorf("run %d: %w", n, err)
		}
		if ctx.Err() != nil {
			break // cut short, it says nothing
		}
		results = append(results, result)
		screen.Line("%s", runLine(screen, fmt.Sprintf("run %d", n), result))
	}
	if len(results) == 0 {
		return ErrInterrupted
	}
	runs := chaos.Summarize(s.Fault, null, results, s.Limits)
	if len(results) < s.Runs {
		runs.Problems, runs.OK = append(runs.Problems, fmt.Sprintf("interrupted after %d of %d runs", len(results), s.Runs)), false
	}
	return s.print(runs, screen, out)
}

// null carries out the experiment without a fault and refuses to go on unless that is clean.
func (s *Series) null(ctx context.Context, screen *Screen) (*chaos.Result, error) {
	o := s.options("null")
	o.Fault, o.Kill, o.Heal = chaos.FaultNone, 0, 0
	null, err := s.Once(ctx, o, screen.behind("null experiment: "))
	if err != nil {
		return nil, fmt.Errorf("the null experiment: %w", err)
	}
	if ctx.Err() != nil {
		return nil, ErrInterrupted
	}
	screen.Line("%s", runLine(screen, "null", null))
	if !null.Crossed() {
		screen.Line("        each cluster answered its own requests alone; the annotation grapevine.dev/affinity: spread on the service makes all of them share")
	}
	if !null.OK || null.Requests.Cut > 0 {
		for _, problem := range null.Problems {
			screen.Line("  %s", problem)
		}
		printFailures(screen, null)
		return nil, fmt.Errorf("the null experiment is not clean, so the figures of a fault would say nothing: end what else keeps these machines busy, or lower --rate %d", s.Rate)
	}
	return null, nil
}

func (s *Series) options(name string) Options {
	o := s.Options
	if o.Logs != "" {
		o.Logs = filepath.Join(o.Logs, name)
	}
	return o
}
