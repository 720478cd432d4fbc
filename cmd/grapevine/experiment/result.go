package experiment

import (
	"context"
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// result puts together what the course has shown.
func (e *experiment) result(ctx context.Context, begun time.Time, duration time.Duration) *chaos.Result {
	events, problems := e.story.told()
	r := &chaos.Result{
		Problems: problems, Events: events,
		Clusters: e.stage.Clusters(), Requests: e.tally.Requests(""), Failures: e.tally.Failures(),
		Observers: e.notices.observations(e.observerNames(), begun.Add(duration)),
		Rate:      e.Rate, Duration: chaos.MillisOf(duration), Begun: begun,
		Series: make(map[string]chaos.Series), Closeups: e.tally.Closeups(),
	}
	e.mu.Lock()
	r.Fault, r.Heal = e.fault, e.heal
	e.mu.Unlock()
	if r.Fault != nil && r.Fault.Fleeting && len(r.Closeups) > 1 {
		r.Closeups = r.Closeups[:1] // it was healed at once, not when a heal was planned
	}
	for _, cluster := range r.Clusters {
		r.ByCluster = append(r.ByCluster, chaos.ClusterRequests{Cluster: cluster, Requests: e.tally.Requests(cluster)})
		r.Series[cluster] = e.tally.Series(cluster)
	}
	e.stage.Finish(ctx, r)
	r.Judge()
	return r
}

func (e *experiment) observerNames() []string {
	var names []string
	for _, o := range e.stage.Observers() {
		names = append(names, o.Gateway)
	}
	return names
}

// printTable writes the result for people.
func printTable(s *Screen, r *chaos.Result) {
	t := NewTable(s)
	t.Row("requests asked in", append(append([]string{}, r.Clusters...), "all")...)
	columns := append([]chaos.ClusterRequests{}, r.ByCluster...)
	columns = append(columns, chaos.ClusterRequests{Requests: r.Requests})
	line := func(label string, of func(chaos.Requests) string) {
		var cells []string
		for _, c := range columns {
			cells = append(cells, of(c.Requests))
		}
		t.Row(label, cells...)
	}
	line("  sent", func(q chaos.Requests) string { return thousands(q.Sent) })
	line("  ok", func(q chaos.Requests) string { return thousands(q.OK) })
	line("  failed", func(q chaos.Requests) string { return alarm(s, q.Failed) })
	line("  hung (over 1 s)", func(q chaos.Requests) string { return alarm(s, q.Hung) })
	line("  cut in flight", func(q chaos.Requests) string { return thousands(q.Cut) })
	line("  p50", func(q chaos.Requests) string { return q.P50.String() })
	line("  p99", func(q chaos.Requests) string { return q.P99.String() })
	line("  longest", func(q chaos.Requests) string { return q.Longest.String() })
	for _, cluster := range r.Clusters {
		line("  answered by "+cluster, func(q chaos.Requests) string { return thousands(q.Served[cluster]) })
	}
	t.Flush()
	printNotices(s, r)
	printFailures(s, r)
	printVerdict(s, r)
}

func printNotices(s *Screen, r *chaos.Result) {
	if r.Fault == nil {
		return
	}
	if len(r.Observers) > 0 {
		t := NewTable(s)
		t.Row("after "+r.Fault.Title(), "no new requests", "links down", "last request sent", "ring: dead")
		for _, o := range r.Observers {
			t.Row("  "+o.Gateway, optional(o.LinkSuspect), optional(o.LinkDown), o.LastSentText(), optional(o.RingDead))
		}
		t.Flush()
	}
	if len(r.Troubles) > 0 {
		t := NewTable(s)
		t.Row("failing after the fault, in", "failed", "hung", "first", "last")
		for _, trouble := range r.Troubles {
			t.Row("  "+trouble.Cluster, alarm(s, trouble.Failed), alarm(s, trouble.Hung), trouble.First.String(), trouble.Last.String())
		}
		t.Flush()
	}
	if r.Heal != nil {
		t := NewTable(s)
		t.Row("after the heal", "first answer", "mesh whole")
		t.Row("  "+r.Fault.Target(), optional(r.Heal.FirstAnswer), optional(r.Heal.Whole))
		t.Flush()
	}
}

// maxPrinted bounds the failures that are printed; -o json and the report have more.
const maxPrinted = 10

func printFailures(s *Screen, r *chaos.Result) {
	printed := 0
	for _, f := range r.Failures {
		if f.Verdict == "cut" {
			continue
		}
		if printed == maxPrinted {
			s.Line("  … and more")
			break
		}
		s.Line("  %s  %s in %s after %s %s", clock(f.At.Duration()), s.Paint(red, f.Verdict), f.Observer, f.Took, s.Paint(Dim, f.Detail()))
		printed++
	}
}

func printVerdict(s *Screen, r *chaos.Result) {
	s.Line("")
	if r.OK {
		s.Line("%s", s.Paint(bold+";"+green, "✓ "+thousands(r.Requests.Sent)+" requests, none failed or hung."))
		return
	}
	s.Line("%s", s.Paint(bold+";"+red, "✗ "+strings.Join(r.Problems, "\n✗ ")))
}

func optional(m *chaos.Millis) string {
	if m == nil {
		return "–"
	}
	return m.String()
}
