package chaos

import "time"

// closeupHeight is that of one observer's band in a close-up.
const closeupHeight = 104.0

// drawCloseup draws every request of a short time as a point: when it was meant to start, how long it took, who answered.
// Zero on its axis is the instant of interest.
func drawCloseup(r *Result, c Closeup, zero time.Time) *chart {
	s := scale{from: c.From, to: c.To}
	drawing := &chart{Width: chartWidth, Left: chartLeft, Right: chartWidth - chartRight, Top: chartTop}
	y := chartTop
	for _, observer := range r.Clusters {
		b := band{Title: "asked in " + observer, TitleY: y + bandTitle - 9, DotsTop: y + bandTitle}
		b.Top, b.DotsBase = b.DotsTop, b.DotsTop+closeupHeight
		b.DotLevels = latencyLevels(b.DotsTop, b.DotsBase)
		b.drawRequests(s, r, c, observer)
		b.drawFailures(s, r.within(c), observer)
		if zero.Equal(r.faultAt()) {
			b.drawNotices(s, r, observer)
		}
		drawing.Bands = append(drawing.Bands, b)
		y = b.DotsBase + bandGap
	}
	drawing.Bottom = y - bandGap
	drawing.Height = drawing.Bottom + axisHeight
	drawing.Ticks = timeTicks(s, zero)
	drawing.Marks, drawing.Shade = drawFault(s, r)
	return drawing
}

func (b *band) drawRequests(s scale, r *Result, c Closeup, observer string) {
	points := make(map[string]*dots)
	for _, cluster := range r.Clusters {
		points[cluster] = new(dots)
	}
	for i := range c.Samples {
		sample := &c.Samples[i]
		if into, known := points[sample.Served]; known && sample.Observer == observer && sample.Err == nil {
			into.add(s.x(sample.Intended), latencyY(sample.Latency(), b.DotsTop, b.DotsBase))
		}
	}
	for i, cluster := range r.Clusters {
		b.Dots = append(b.Dots, area{Class: colour(i), Path: points[cluster].String()})
	}
}

// within returns r with the failures of the close-up alone.
func (r *Result) within(c Closeup) *Result {
	part := *r
	part.Failures = nil
	for _, f := range r.Failures {
		at := r.Begun.Add(f.At.Duration())
		if !at.Before(c.From) && at.Before(c.To) {
			part.Failures = append(part.Failures, f)
		}
	}
	return &part
}
