package chaos

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// The geometry of the report's drawings, in the units of their view box.
const (
	chartWidth   = 1080.0
	chartLeft    = 76.0 // room for the axis' labels
	chartRight   = 14.0
	chartTop     = 44.0 // room for what was done, and when
	bandTitle    = 24.0
	areaHeight   = 96.0
	areaGap      = 8.0
	dotsHeight   = 62.0
	bandGap      = 22.0
	axisHeight   = 30.0
	areaColumns  = 240 // columns of the traffic, at most
	areaRequests = 50  // in a column, at least: who answers which one is chance, and fewer draw noise
)

// chart is a drawing with one band per observer over a common time axis. The template draws it; here is only geometry.
type chart struct {
	Width, Height float64
	Left, Right   float64
	Top, Bottom   float64
	Bands         []band
	Ticks         []tick
	Marks         []mark // across all bands
	Shade         *shade // while the fault lasted
}

// band is what one observer saw.
type band struct {
	Title      string
	TitleY     float64
	Top, Base  float64 // of the traffic
	DotsTop    float64 // of the latencies; below the traffic
	DotsBase   float64
	Areas      []area
	Dots       []area // latencies, as paths of single points
	Crosses    []cross
	Levels     []tick // of the traffic
	DotLevels  []tick // of the latencies
	Marks      []mark // of this observer alone
	Note       string // where its prober paused
	NoteX      float64
	NoteShade  *shade
	Highlights []highlight
}

type area struct{ Class, Path string }

type tick struct {
	At    float64
	Label string
}

// mark is a line with a text on one side of it: the right one, unless that is too near the edge.
type mark struct {
	X, Y  float64 // of the text; the line goes down from there
	Class string
	Label string
}

const markRoom = 130.0

// TextX places the text, as does Anchor.
func (m mark) TextX() float64 {
	if m.Anchor() == "end" {
		return m.X - 5
	}
	return m.X + 5
}

// Anchor tells which end of the text is at TextX.
func (m mark) Anchor() string {
	if m.X > chartWidth-chartRight-markRoom {
		return "end"
	}
	return "start"
}

type shade struct{ X, Width float64 }

type cross struct {
	X, Y  float64
	Class string // failed, hung or cut
	Label string
}

// highlight is an invisible column that shows its text when it is pointed at.
type highlight struct {
	X, Width float64
	Label    string
}

// scale maps a time to an x coordinate.
type scale struct {
	from, to time.Time
}

func (s scale) x(at time.Time) float64 {
	part := float64(at.Sub(s.from)) / float64(s.to.Sub(s.from))
	return chartLeft + min(max(part, 0), 1)*(chartWidth-chartLeft-chartRight)
}

func (s scale) holds(at time.Time) bool { return !at.Before(s.from) && !at.After(s.to) }

// The latencies are drawn on a logarithmic scale from half a millisecond to the prober's timeout.
const (
	lowestLatency  = 500 * time.Microsecond
	highestLatency = 5 * time.Second
)

// y maps a latency to a coordinate between base and top.
func latencyY(latency time.Duration, top, base float64) float64 {
	clamped := min(max(latency, lowestLatency), highestLatency)
	part := math.Log(float64(clamped)/float64(lowestLatency)) / math.Log(float64(highestLatency)/float64(lowestLatency))
	return base - part*(base-top)
}

func latencyLevels(top, base float64) []tick {
	var levels []tick
	for _, l := range []struct {
		at    time.Duration
		label string
	}{{time.Millisecond, "1 ms"}, {10 * time.Millisecond, "10 ms"}, {100 * time.Millisecond, "100 ms"}, {time.Second, "1 s"}} {
		levels = append(levels, tick{At: latencyY(l.at, top, base), Label: l.label})
	}
	return levels
}

// timeTicks returns about ten round times, counted from zero.
func timeTicks(s scale, zero time.Time) []tick {
	steps := []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second,
		5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour}
	step := steps[len(steps)-1]
	if i := slices.IndexFunc(steps, func(d time.Duration) bool { return s.to.Sub(s.from) <= 12*d }); i >= 0 {
		step = steps[i]
	}
	var ticks []tick
	first := s.from.Sub(zero).Truncate(step)
	for at := first; zero.Add(at).Before(s.to) || zero.Add(at).Equal(s.to); at += step {
		if zero.Add(at).Before(s.from) {
			continue
		}
		ticks = append(ticks, tick{At: s.x(zero.Add(at)), Label: axisLabel(at)})
	}
	return ticks
}

func axisLabel(at time.Duration) string {
	if at >= 10*time.Minute {
		return fmt.Sprintf("%.0f min", at.Minutes())
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", at.Seconds()), ".0") + " s"
}

// dots draws points as one path: strokes of no length with round ends.
type dots struct{ strings.Builder }

func (d *dots) add(x, y float64) { fmt.Fprintf(d, "M%.1f %.1fh0", x, y) }

// paletteSize is how many clusters the report's style sheet has a colour for; further ones share.
const paletteSize = 6

// colour returns the style class of the ith cluster.
func colour(i int) string { return fmt.Sprintf("c%d", i%paletteSize) }
