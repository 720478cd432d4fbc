package chaos

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
)

//go:embed report.html
var reportPage string

// page is what the template of the report is filled with.
type page struct {
	Result   *Result
	Runs     *Runs // nil for a single experiment
	Strips   []strip
	RunIndex int // of Result among the runs, from 1
	Headline string
	Subtitle string
	Cards    []card
	Timeline *chart
	Closeups []titledChart
	Legend   []legend
}

type titledChart struct {
	Title, Text string
	Chart       *chart
}

type card struct {
	Figure string
	Label  string
	Class  string // good, bad or nothing
}

type legend struct{ Class, Name string }

// WriteReport writes r as one HTML page that needs nothing else: no script, no font, no network.
func WriteReport(w io.Writer, r *Result) error {
	return writePage(w, newPage(r))
}

// WriteRunsReport writes many runs as one page, with the worst of them in full.
func WriteRunsReport(w io.Writer, runs *Runs) error {
	worst := runs.Worst()
	if worst < 0 {
		return fmt.Errorf("a report needs at least one run")
	}
	p := newPage(runs.Results[worst])
	p.Runs, p.RunIndex, p.Strips = runs, worst+1, drawStrips(runs)
	p.Headline, p.Cards = runsHeadline(runs), runsCards(runs)
	return writePage(w, p)
}

func writePage(w io.Writer, p *page) error {
	parsed, err := template.New("report").Funcs(template.FuncMap{
		"optional": func(m *Millis) string {
			if m == nil {
				return "–"
			}
			return m.String()
		},
		"thousands": thousands,
		"px":        func(f float64) string { return fmt.Sprintf("%.1f", f) },
		"add":       func(a, b float64) float64 { return a + b },
		"neg":       func(a float64) float64 { return -a },
		"inc":       func(i int) int { return i + 1 },
		"date":      func(t time.Time) string { return t.Format("2 January 2006, 15:04:05 MST") },
	}).Parse(reportPage)
	if err != nil {
		return err
	}
	return parsed.Execute(w, p)
}

func newPage(r *Result) *page {
	p := &page{Result: r, Headline: headline(r), Subtitle: subtitle(r), Cards: cards(r), Timeline: drawTimeline(r)}
	for i, cluster := range r.Clusters {
		p.Legend = append(p.Legend, legend{Class: colour(i), Name: cluster})
	}
	for _, c := range r.Closeups {
		if len(c.Samples) == 0 {
			continue
		}
		zero, title := r.faultAt(), "The moment of the fault"
		if r.Heal != nil && c.From.After(r.faultAt()) {
			zero, title = r.healAt(), "The moment of the heal"
		}
		p.Closeups = append(p.Closeups, titledChart{
			Title: title, Chart: drawCloseup(r, c, zero),
			Text: "Every request is a point: when it was due, how long it took, which cluster answered. Zero is the moment itself.",
		})
	}
	return p
}

func headline(r *Result) string {
	if r.Fault == nil {
		return "No fault was made. " + outcome(r.Requests.Failed, r.Requests.Hung)
	}
	return fmt.Sprintf("%s was %s. %s", r.Fault.Target(), r.Fault.Kind.Past(), outcome(r.Requests.Failed, r.Requests.Hung))
}

func outcome(failed, hung int64) string {
	if failed+hung == 0 {
		return "No request failed or hung."
	}
	return fmt.Sprintf("Requests that failed: %s; that hung: %s.", thousands(failed), thousands(hung))
}

func subtitle(r *Result) string {
	return fmt.Sprintf("%d clusters (%s), %s requests in %.0f s: %d a second in each cluster, each one with a DNS query and a connection of its own, at a constant rate whatever the answers.",
		len(r.Clusters), strings.Join(r.Clusters, ", "), thousands(r.Requests.Sent), r.Duration.Duration().Seconds(), r.Rate)
}

func cards(r *Result) []card {
	cards := []card{
		zeroCard(r.Requests.Failed, "failed"),
		zeroCard(r.Requests.Hung, "hung over 1 s"),
		{Figure: r.Requests.P50.String(), Label: "median"},
		{Figure: r.Requests.P99.String(), Label: "99th percentile"},
		{Figure: r.Requests.Longest.String(), Label: "longest request"},
	}
	if r.Fault == nil {
		return cards
	}
	cards = append(cards, card{Figure: thousands(r.Requests.Cut), Label: "cut in flight"})
	if down := LinkDown(r); down != nil {
		cards = append(cards, card{Figure: down.String(), Label: "until the last link was down"})
	}
	if dead := RingDead(r); dead != nil {
		cards = append(cards, card{Figure: dead.String(), Label: "until the ring knew"})
	}
	if r.Heal != nil && r.Heal.FirstAnswer != nil {
		cards = append(cards, card{Figure: r.Heal.FirstAnswer.String(), Label: "from the heal to the first answer"})
	}
	return cards
}

func zeroCard(n int64, label string) card {
	class := "good"
	if n > 0 {
		class = "bad"
	}
	return card{Figure: thousands(n), Label: label, Class: class}
}

// thousands writes n with commas, as in 26,998.
func thousands(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
