package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// series is one experiment many times over.
type series struct {
	Options
	Runs   int
	Limits []chaos.Limit
	once   func(context.Context, Options, *screen) (*chaos.Result, error) // makes one experiment
}

// The course of one run of `grapevine chaos`: shorter than the demo's, because nobody looks on, but long enough on either
// side of the fault for the ring's verdict.
const (
	chaosKill     = 5 * time.Second
	chaosHeal     = 17 * time.Second
	chaosDuration = 30 * time.Second
	chaosRuns     = 10
)

// arrange fills in what was left out and refuses what can't be.
func (s *series) arrange(kill, heal moment, limits []string) error {
	if s.Runs < 1 {
		return usagef("--runs: %d: want at least 1, such as --runs 20", s.Runs)
	}
	if s.Duration <= 0 {
		return usagef("--duration: %s: want a time, such as --duration %s", s.Duration, chaosDuration)
	}
	if kill.Cluster != "" && !kill.timed {
		kill.At, kill.timed = chaosKill, true
		if heal.timed {
			kill.At = min(chaosKill, heal.At/2)
		}
	}
	if s.Fault == chaos.FaultNone {
		kill = moment{flag: kill.flag} // --kill names the cluster of every fault, none included
	} else if !kill.timed && !heal.timed {
		kill.Cluster, kill.At, kill.timed = "west", chaosKill, true
	}
	if kill.timed && !heal.timed {
		heal.Cluster, heal.At, heal.timed = kill.Cluster, kill.At+min(chaosHeal-chaosKill, (s.Duration-kill.At)/2), true
	}
	for _, text := range append([]string{"failed=0", "hung=0"}, limits...) {
		limit, err := chaos.ParseLimit(text)
		if err != nil {
			return usagef("--limit %v", err)
		}
		s.setLimit(limit)
	}
	return s.Options.arrange(kill, heal)
}

// setLimit adds a limit, or replaces the one of the same figure.
func (s *series) setLimit(limit chaos.Limit) {
	for i := range s.Limits {
		if s.Limits[i].Figure == limit.Figure {
			s.Limits[i] = limit
			return
		}
	}
	s.Limits = append(s.Limits, limit)
}

// run carries out the null experiment and then all runs, and prints what they have in common. The error has exit code 1
// when the null experiment wasn't clean or a run was outside the limits.
func (s *series) run(ctx context.Context, out Output) error {
	if err := out.check(); err != nil {
		return err
	}
	screen := newScreen(out.Progress)
	null, err := s.null(ctx, screen)
	if err != nil {
		return err
	}
	var results []*chaos.Result
	for n := 1; n <= s.Runs && ctx.Err() == nil; n++ {
		result, err := s.once(ctx, s.options(fmt.Sprintf("run-%d", n)), screen.behind(fmt.Sprintf("run %d of %d: ", n, s.Runs)))
		if err != nil {
			return fmt.Errorf("run %d: %w", n, err)
		}
		if ctx.Err() != nil {
			break // cut short, it says nothing
		}
		results = append(results, result)
		screen.line("%s", runLine(screen, fmt.Sprintf("run %d", n), result))
	}
	if len(results) == 0 {
		return errInterrupted
	}
	runs := chaos.Summarize(s.Fault, null, results, s.Limits)
	if len(results) < s.Runs {
		runs.Problems, runs.OK = append(runs.Problems, fmt.Sprintf("interrupted after %d of %d runs", len(results), s.Runs)), false
	}
	return s.print(runs, screen, out)
}

// null carries out the experiment without a fault and refuses to go on unless that is clean.
func (s *series) null(ctx context.Context, screen *screen) (*chaos.Result, error) {
	o := s.options("null")
	o.Fault, o.Kill, o.Heal = chaos.FaultNone, 0, 0
	null, err := s.once(ctx, o, screen.behind("null experiment: "))
	if err != nil {
		return nil, fmt.Errorf("the null experiment: %w", err)
	}
	if ctx.Err() != nil {
		return nil, errInterrupted
	}
	screen.line("%s", runLine(screen, "null", null))
	if !null.OK || null.Requests.Cut > 0 {
		for _, problem := range null.Problems {
			screen.line("  %s", problem)
		}
		printFailures(screen, null)
		return nil, fmt.Errorf("the null experiment is not clean, so the figures of a fault would say nothing: end what else keeps this machine busy, or lower --rate %d", s.Rate)
	}
	return null, nil
}

func (s *series) options(name string) Options {
	o := s.Options
	if o.Logs != "" {
		o.Logs = filepath.Join(o.Logs, name)
	}
	return o
}
