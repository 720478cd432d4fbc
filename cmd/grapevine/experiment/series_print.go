package experiment

import (
	"fmt"
	"io"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// runLine is a run on one line, printed when it is over.
func runLine(s *Screen, name string, r *chaos.Result) string {
	q := r.Requests
	line := fmt.Sprintf("%-7s %7s sent  %s failed  %s hung  %d cut  longest %-7s", name, thousands(q.Sent), alarm(s, q.Failed), alarm(s, q.Hung), q.Cut, q.Longest)
	if r.Fault == nil {
		return line
	}
	down, dead, first := chaos.LinkDown(r), chaos.RingDead(r), chaos.FirstAnswer(r)
	return line + fmt.Sprintf("  link down %-7s  ring dead %-7s  heal %s", optional(down), optional(dead), optional(first))
}

func (s *Series) print(runs *chaos.Runs, progress *Screen, out Output) error {
	if out.JSON {
		if err := writeJSON(out.Out, runs); err != nil {
			return err
		}
	} else {
		printRuns(NewScreen(out.Out), runs)
	}
	if err := out.writeReport(progress, func(w io.Writer) error { return chaos.WriteRunsReport(w, runs) }); err != nil {
		return err
	}
	if !runs.OK {
		return problemError{len(runs.Problems)}
	}
	return nil
}

func printRuns(s *Screen, r *chaos.Runs) {
	t := NewTable(s)
	t.Row(fmt.Sprintf("%s, fault %s", r.Count(), r.Fault), "median", "p95", "max")
	for _, f := range r.Figures() {
		t.Row("  "+f.Label, optional(f.Spread.Median), optional(f.Spread.P95), optional(f.Spread.Max))
	}
	t.Flush()
	t = NewTable(s)
	t.Row("requests", "all runs", "worst run")
	t.Row("  failed", alarm(s, r.Failed.Total), alarm(s, r.Failed.Max))
	t.Row("  hung (over 1 s)", alarm(s, r.Hung.Total), alarm(s, r.Hung.Max))
	t.Row("  cut in flight", thousands(r.Cut.Total), thousands(r.Cut.Max))
	t.Flush()
	if r.OK {
		s.Line("%s", s.Paint(bold+";"+green, "✓ every run was within the limits"))
		return
	}
	for _, problem := range r.Problems {
		s.Line("%s", s.Paint(bold+";"+red, "✗ "+problem))
	}
}
