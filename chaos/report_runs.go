package chaos

import "fmt"

// strip shows one figure of all runs, each as a point on a line from zero to the slowest.
type strip struct {
	Label  string
	Spread Spread
	Points string // a path
}

// The geometry of a strip.
const (
	stripWidth  = 560.0
	stripHeight = 22.0
	stripMargin = 12.0
)

func runsHeadline(r *Runs) string {
	return fmt.Sprintf("%s of “%s”. %s", r.Count(), r.Fault, outcome(r.Failed.Total, r.Hung.Total))
}

func runsCards(r *Runs) []card {
	cards := []card{
		zeroCard(r.Failed.Total, "failed, all runs"),
		zeroCard(r.Hung.Total, "hung over 1 s, all runs"),
		{Figure: thousands(r.Cut.Max), Label: "cut in flight, worst run"},
	}
	for _, f := range timeFigures() {
		if spread := f.spread(r); spread.shown(f) {
			cards = append(cards, card{Figure: spread.Median.String(), Label: f.Label + ", median run"})
		}
	}
	return cards
}

func drawStrips(r *Runs) []strip {
	var strips []strip
	for _, f := range timeFigures() {
		values := f.values(r.Results)
		if !f.spread(r).shown(f) {
			continue
		}
		s := strip{Label: f.Label, Spread: *f.spread(r)}
		full := max(float64(*s.Spread.Max), 1)
		var points dots
		for _, v := range values {
			points.add(stripMargin+float64(v)/full*(stripWidth-2*stripMargin), stripHeight/2)
		}
		s.Points = points.String()
		strips = append(strips, s)
	}
	return strips
}
