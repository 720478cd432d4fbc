package experiment

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// display shows the traffic while it flows: a line per second, and on a terminal a status below it.
type display struct {
	screen   *Screen
	tally    *chaos.Tally
	clusters []string
	course   course
	begun    time.Time
	paused   func(cluster string) bool
}

// course is when what was asked for happens, for the countdown.
type course struct {
	fault      string // in words: "west is killed"
	cluster    string
	kill, heal time.Duration // 0: never
	end        time.Duration // 0: on Ctrl-C
}

// A line per second while things happen; in a demo that just runs on, one every ten seconds is enough.
const (
	lapTime    = time.Second
	calmLaps   = 10
	statusTime = 200 * time.Millisecond
)

// head explains the columns.
func (d *display) head() {
	var titles []string
	for _, cluster := range d.clusters {
		titles = append(titles, Pad("asked in "+cluster, barWidth))
	}
	d.screen.Line("%8s  %s   failed   hung  slowest", "", strings.Join(titles, "  "))
}

// run draws until ctx ends.
func (d *display) run(ctx context.Context) {
	laps, status := time.NewTicker(lapTime), time.NewTicker(statusTime)
	defer laps.Stop()
	defer status.Stop()
	defer d.screen.SetStatus("")
	for n := 1; ; {
		select {
		case <-ctx.Done():
			return
		case <-status.C:
			d.screen.SetStatus(d.status(time.Since(d.begun)))
		case <-laps.C:
			at := time.Since(d.begun)
			if lively := d.course.lively(at); lively || n%calmLaps == 0 {
				d.lap(at)
			}
			n++
		}
	}
}

// lively tells whether something has just happened, or is going to.
func (c course) lively(at time.Duration) bool {
	return at < max(c.kill, c.heal, c.end, 10*time.Second)+10*time.Second
}

func (d *display) lap(at time.Duration) {
	var bars []string
	slowest := time.Duration(0)
	for _, cluster := range d.clusters {
		lap := d.tally.Lap(cluster)
		slowest = max(slowest, lap.Slowest)
		if d.paused(cluster) {
			bars = append(bars, d.screen.Paint(Dim, center(cluster+" is down", barWidth)))
			continue
		}
		bars = append(bars, bar(d.screen, d.clusters, lap))
	}
	v := d.tally.Verdicts()
	d.screen.Line("%s  %s  %s %s  %7s", d.screen.Paint(Dim, clock(at)), strings.Join(bars, "  "),
		d.alarm("%7d", v.Failed), d.alarm("%6d", v.Hung), chaos.MillisOf(slowest))
}

func (d *display) alarm(format string, n int64) string {
	text := fmt.Sprintf(format, n)
	if n > 0 {
		return d.screen.Paint(bold+";"+red, text)
	}
	return text
}

// status is the line that is redrawn: how far the course is, and the sums.
func (d *display) status(at time.Duration) string {
	v := d.tally.Verdicts()
	sums := fmt.Sprintf("%s asked · %s", thousands(v.Sent), d.alarm("%d failed", v.Failed))
	if v.Cut > 0 {
		sums += fmt.Sprintf(" · %d cut in flight", v.Cut)
	}
	next, until := d.course.next(at)
	if next == "" {
		return fmt.Sprintf("%s  %s   %s", clock(at), sums, d.screen.Paint(Dim, "Ctrl-C ends and sums up"))
	}
	progress := d.screen.Paint(Dim, fmt.Sprintf("%s in %.0f s", next, math.Ceil(until.Seconds())))
	return fmt.Sprintf("%s  %s %s   %s", clock(at), d.progress(at), progress, sums)
}

// next returns what comes next in the course, and when; nothing when only Ctrl-C comes.
func (c course) next(at time.Duration) (string, time.Duration) {
	switch {
	case c.kill > at:
		return c.fault, c.kill - at
	case c.heal > at:
		return c.cluster + " is healed", c.heal - at
	case c.end > at:
		return "the end", c.end - at
	}
	return "", 0
}

// progress draws how much of the course is over.
func (d *display) progress(at time.Duration) string {
	const width = 20
	whole := max(d.course.kill, d.course.heal, d.course.end)
	done := min(width, int(width*at/whole))
	return strings.Repeat("━", done) + d.screen.Paint(Dim, strings.Repeat("─", width-done))
}

func center(text string, width int) string {
	left := max(0, (width-len(text))/2)
	return Pad(strings.Repeat(" ", left)+text, width)
}

// thousands writes n with commas, as in 26,998.
func thousands(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
