package demo

import (
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// result puts together what the course has shown.
func (e *experiment) result(begun time.Time, duration time.Duration) *chaos.Result {
	events, problems := e.story.told()
	r := &chaos.Result{
		Problems: problems, Events: events,
		Clusters: clusterNames(), Requests: e.tally.Requests(""), Failures: e.tally.Failures(),
		Observers: e.notices.observations(e.observerNames(), begun.Add(duration)),
		Rate:      e.Rate, Duration: chaos.MillisOf(duration), Begun: begun, Version: e.version,
		Series: make(map[string]chaos.Series), Closeups: e.tally.Closeups(),
	}
	e.mu.Lock()
	r.Fault, r.Heal = e.fault, e.heal
	e.mu.Unlock()
	for _, cluster := range clusterNames() {
		r.ByCluster = append(r.ByCluster, chaos.ClusterRequests{Cluster: cluster, Requests: e.tally.Requests(cluster)})
		r.Series[cluster] = e.tally.Series(cluster)
	}
	r.Judge()
	return r
}

func (e *experiment) observerNames() []string {
	var names []string
	for _, o := range e.observers() {
		names = append(names, o.Gateway)
	}
	return names
}

// printTable writes the result for people.
func printTable(s *screen, r *chaos.Result) {
	t := newTable(s)
	t.row("requests asked in", append(append([]string{}, r.Clusters...), "all")...)
	columns := append([]chaos.ClusterRequests{}, r.ByCluster...)
	columns = append(columns, chaos.ClusterRequests{Requests: r.Requests})
	line := func(label string, of func(chaos.Requests) string) {
		var cells []string
		for _, c := range columns {
			cells = append(cells, of(c.Requests))
		}
		t.row(label, cells...)
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
	t.flush()
	printNotices(s, r)
	printFailures(s, r)
	printVerdict(s, r)
}

func printNotices(s *screen, r *chaos.Result) {
	if r.Fault == nil {
		return
	}
	t := newTable(s)
	t.row("after "+r.Fault.Title(), "no new requests", "links down", "last request sent", "ring: dead")
	for _, o := range r.Observers {
		t.row("  "+o.Gateway, optional(o.LinkSuspect), optional(o.LinkDown), o.LastSentText(), optional(o.RingDead))
	}
	t.flush()
	if r.Heal != nil {
		t := newTable(s)
		t.row("after the heal", "first answer", "mesh whole")
		t.row("  "+r.Fault.Target(), optional(r.Heal.FirstAnswer), optional(r.Heal.Whole))
		t.flush()
	}
}

// maxPrinted bounds the failures that are printed; -o json and the report have more.
const maxPrinted = 10

func printFailures(s *screen, r *chaos.Result) {
	printed := 0
	for _, f := range r.Failures {
		if f.Verdict == "cut" {
			continue
		}
		if printed == maxPrinted {
			s.line("  … and more")
			break
		}
		s.line("  %s  %s in %s after %s %s", clock(f.At.Duration()), s.paint(red, f.Verdict), f.Observer, f.Took, s.paint(dim, f.Error))
		printed++
	}
}

func printVerdict(s *screen, r *chaos.Result) {
	s.line("")
	if r.OK {
		s.line("%s", s.paint(bold+";"+green, "✓ "+thousands(r.Requests.Sent)+" requests, none failed or hung."))
		return
	}
	s.line("%s", s.paint(bold+";"+red, "✗ "+strings.Join(r.Problems, "\n✗ ")))
}

func optional(m *chaos.Millis) string {
	if m == nil {
		return "–"
	}
	return m.String()
}
