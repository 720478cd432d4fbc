package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// drawTimeline draws a whole experiment: for each observer the answers per second by serving cluster, stacked, and below
// them the slowest request of each slot.
func drawTimeline(r *Result) *chart {
	s := scale{from: r.Begun, to: r.Begun.Add(max(r.Duration.Duration(), time.Second))}
	c := &chart{Width: chartWidth, Left: chartLeft, Right: chartWidth - chartRight, Top: chartTop}
	y := chartTop
	for _, observer := range r.Clusters {
		b := newBand("asked in "+observer, y)
		b.drawTraffic(s, r, r.Series[observer])
		b.drawSlowest(s, r.Series[observer])
		b.drawFailures(s, r, observer)
		b.drawNotices(s, r, observer)
		b.drawPause(s, r, observer)
		c.Bands = append(c.Bands, b)
		y = b.DotsBase + bandGap
	}
	c.Bottom = y - bandGap
	c.Height = c.Bottom + axisHeight
	c.Ticks = timeTicks(s, r.Begun)
	c.Marks, c.Shade = drawFault(s, r)
	return c
}

func newBand(title string, y float64) band {
	b := band{Title: title, TitleY: y + bandTitle - 9, Top: y + bandTitle}
	b.Base = b.Top + areaHeight
	b.DotsTop = b.Base + areaGap
	b.DotsBase = b.DotsTop + dotsHeight
	b.DotLevels = latencyLevels(b.DotsTop, b.DotsBase)
	return b
}

// drawTraffic stacks the answers of the clusters, the first one at the bottom.
func (b *band) drawTraffic(s scale, r *Result, series Series) {
	step := max(1, len(series.Slots)/areaColumns, int(float64(areaRequests)/float64(r.Rate)/series.Width.Seconds()))
	width := series.Width * time.Duration(step)
	full := float64(r.Rate) * 1.15
	var xs []float64
	edges := make([][]float64, len(r.Clusters)+1) // edges[i] lies below cluster i
	for first := 0; first+step <= len(series.Slots); first += step {
		sum := Slot{Served: make([]uint32, len(r.Clusters))}
		for _, slot := range series.Slots[first : first+step] {
			sum.merge(slot)
		}
		begin := series.Begin.Add(series.Width * time.Duration(first))
		xs = append(xs, s.x(begin.Add(width/2)))
		edges[0] = append(edges[0], b.Base)
		rate := 0.0
		for i, n := range sum.Served {
			rate += float64(n) / width.Seconds()
			edges[i+1] = append(edges[i+1], b.Base-min(rate/full, 1)*areaHeight)
		}
		b.Highlights = append(b.Highlights, highlight{
			X: s.x(begin), Width: s.x(begin.Add(width)) - s.x(begin), Label: columnLabel(r, sum, begin.Sub(r.Begun), width),
		})
	}
	for i := range r.Clusters {
		b.Areas = append(b.Areas, area{Class: colour(i), Path: between(xs, edges[i+1], edges[i])})
	}
	b.Levels = []tick{
		{At: b.Base - areaHeight/1.15, Label: fmt.Sprintf("%d/s", r.Rate)},
		{At: b.Base - areaHeight/2.3, Label: fmt.Sprintf("%d/s", r.Rate/2)},
	}
}

// between returns the outline of what lies between two lines over the same xs.
func between(xs, upper, lower []float64) string {
	var path strings.Builder
	command := byte('M')
	point := func(x, y float64) {
		fmt.Fprintf(&path, "%c%.1f %.1f", command, x, y)
		command = 'L'
	}
	for i, x := range xs {
		point(x, upper[i])
	}
	for i := len(xs) - 1; i >= 0; i-- {
		point(xs[i], lower[i])
	}
	if len(xs) > 0 {
		path.WriteByte('Z')
	}
	return path.String()
}

func columnLabel(r *Result, sum Slot, at, width time.Duration) string {
	var label strings.Builder
	fmt.Fprintf(&label, "%.1f s", at.Seconds())
	for i, n := range sum.Served {
		fmt.Fprintf(&label, "\n%s %.0f/s", r.Clusters[i], float64(n)/width.Seconds())
	}
	if sum.Errors > 0 {
		fmt.Fprintf(&label, "\nnot answered: %d", sum.Errors)
	}
	fmt.Fprintf(&label, "\nslowest %s", MillisOf(sum.Slowest))
	return label.String()
}

func (b *band) drawSlowest(s scale, series Series) {
	var fine, hung dots
	for i, slot := range series.Slots {
		if slot.Slowest == 0 {
			continue
		}
		into := &fine
		if slot.Slowest > HungAfter {
			into = &hung
		}
		into.add(s.x(series.Begin.Add(series.Width*time.Duration(i)+series.Width/2)), latencyY(slot.Slowest, b.DotsTop, b.DotsBase))
	}
	b.Dots = []area{{Class: "latency", Path: fine.String()}, {Class: "hung", Path: hung.String()}}
}

// maxCrosses bounds the failures that are drawn one by one.
const maxCrosses = 1000

func (b *band) drawFailures(s scale, r *Result, observer string) {
	for _, f := range r.Failures {
		if f.Observer != observer || len(b.Crosses) >= maxCrosses {
			continue
		}
		b.Crosses = append(b.Crosses, cross{
			X: s.x(r.Begun.Add(f.At.Duration())), Y: latencyY(f.Took.Duration(), b.DotsTop, b.DotsBase), Class: f.Verdict,
			Label: fmt.Sprintf("%s after %s, begun at %s\n%s", f.Verdict, f.Took, f.At, f.Error),
		})
	}
}

// drawNotices writes when this observer noticed the fault.
func (b *band) drawNotices(s scale, r *Result, observer string) {
	if r.Fault == nil {
		return
	}
	i := slices.IndexFunc(r.Observers, func(o Observation) bool { return strings.HasPrefix(o.Gateway, observer+"/") })
	if i < 0 {
		return
	}
	at := func(after *Millis, label string, row float64) {
		if after == nil {
			return
		}
		if when := r.Begun.Add((r.Fault.At + *after).Duration()); s.holds(when) {
			b.Marks = append(b.Marks, mark{X: s.x(when), Y: b.DotsTop + row, Label: fmt.Sprintf("%s +%s", label, *after)})
		}
	}
	at(r.Observers[i].LinkDown, "link down", 12)
	at(r.Observers[i].RingDead, "ring: dead", 28)
}

// drawPause shades the time in which the killed cluster's own prober had no gateway to ask.
func (b *band) drawPause(s scale, r *Result, observer string) {
	if r.Fault == nil || r.Fault.Cluster != observer || !r.Fault.Kind.Silences() {
		return
	}
	end := s.to
	if r.Heal != nil {
		end = r.healAt()
	}
	from := s.x(r.faultAt())
	b.NoteShade = &shade{X: from, Width: s.x(end) - from}
	b.NoteX = from + (s.x(end)-from)/2
	b.Note = observer + " is down: nobody is left to ask here"
}

// drawFault marks what was done across all bands.
func drawFault(s scale, r *Result) (marks []mark, lasted *shade) {
	if r.Fault == nil {
		return nil, nil
	}
	fault, end := r.faultAt(), s.to
	if s.holds(fault) {
		marks = append(marks, mark{X: s.x(fault), Y: 16, Class: "fault", Label: r.Fault.Title() + " at " + r.Fault.At.String()})
	}
	if r.Heal != nil {
		end = r.healAt()
		if s.holds(end) {
			marks = append(marks, mark{X: s.x(end), Y: 16, Class: "heal", Label: "healed at " + r.Heal.At.String()})
		}
	}
	return marks, &shade{X: s.x(fault), Width: s.x(end) - s.x(fault)}
}
