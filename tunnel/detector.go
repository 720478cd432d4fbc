package tunnel

import (
	"math"
	"time"
)

// verdict is what a detector says of the direction from the peer to us. Larger is worse.
type verdict byte

const (
	verdictUp verdict = iota
	verdictSuspect
	verdictDown
)

func (v verdict) state() LinkState { return [...]LinkState{Up, Suspect, Down}[v] }

// The detector's constants. They come from measurements over real QUIC at RTTs from 1 to 250 ms and losses from 0 to
// 20 %, beats every 50 ms: no false suspicion in link-hours, where phi-accrual detectors had 4 to 60 an hour because
// losses are not normally distributed.
const (
	falseAlarm     = 1e-5 // the chance for loss alone to look like silence
	mostMissing    = 16
	lossMemory     = 300 // beats: too few to believe in a chance below 1/200, so three missing beats are always tolerated
	leastMargin    = 15 * time.Millisecond
	peakDecay      = 0.995 // of the largest lateness, each beat
	mostLate       = 4     // intervals: one long stall of the peer must not blunt the detector for long
	beatsToRecover = 3

	// A link is down, and its streams are reset, only when it is clearly more than slow: a busy machine with two cores
	// stalls a process for 200 to 300 ms.
	leastSilence  = 500 * time.Millisecond
	silenceFactor = 2
)

// detector judges the silence of a peer from the arrivals of its beats. It adapts to jitter and to loss, and so does not
// depend on the RTT. It is pure: time is what the caller says it is.
//
//	arrivals   |    |    |         x         x         x
//	           1    2    3    expected    expected    expected + margin: suspect      ... twice as long: down
//	                     └─ interval ┴─ interval ┴─ interval ┘
type detector struct {
	last     uint64        // number of the newest beat
	due      time.Duration // when the next is expected
	interval time.Duration // between beats, as the peer promised

	loss  float64 // share of beats that never came
	beats int     // behind that figure, up to lossMemory
	mean  float64 // lateness, ns; a beat that is early counts as 0
	peak  float64 // decaying maximum of the same

	verdict verdict
	streak  int // beats in time since the verdict was worse than up
}

// start begins anew, at the moment when a connection proved that both directions work. The first beat is expected after
// the given grace. What is known of loss and jitter stays.
func (d *detector) start(now, interval, grace time.Duration) {
	d.last, d.due, d.interval = 0, now+grace, interval
	d.verdict, d.streak = verdictUp, 0
}

// beat takes note of an arrival.
func (d *detector) beat(now time.Duration, number uint64, interval time.Duration) {
	if number <= d.last {
		if d.last-number < mostMissing {
			d.loss = max(0, d.loss-1/float64(max(d.beats, 1))) // it was late, not lost
		}
		return
	}
	d.judge(now) // a beat that comes after its deadline doesn't undo the verdict by itself
	if d.last != 0 {
		missing := min(number-d.last-1, uint64(d.tolerated())) // more is an outage, and says nothing about loss
		for range missing {
			d.sample(1)
		}
		d.late(now - d.due - time.Duration(missing)*d.interval)
	}
	d.sample(0)
	d.last, d.due, d.interval = number, now+interval, interval
	if d.verdict != verdictUp {
		if d.streak++; d.streak >= beatsToRecover {
			d.verdict, d.streak = verdictUp, 0
		}
	}
}

// hasten says that the peer was asked just now for beats at a shorter interval, which it hears after half a round trip.
// The beats that it missed at the longer one are forgiven: measured at the shorter one they would be many.
func (d *detector) hasten(now, interval, rtt time.Duration) {
	if interval < d.interval {
		d.interval, d.due = interval, now+rtt+2*interval
	}
}

// judge returns the verdict at the given time.
func (d *detector) judge(now time.Duration) verdict {
	suspectAt, downAt := d.deadlines()
	worse := verdictUp
	switch {
	case now >= downAt:
		worse = verdictDown
	case now >= suspectAt:
		worse = verdictSuspect
	}
	if worse != verdictUp {
		d.streak = 0
	}
	d.verdict = max(d.verdict, worse)
	return d.verdict
}

// worseIn returns how long after now the verdict gets worse if nothing is heard.
func (d *detector) worseIn(now time.Duration) time.Duration {
	suspectAt, downAt := d.deadlines()
	switch d.verdict {
	case verdictUp:
		return suspectAt - now
	case verdictSuspect:
		return downAt - now
	}
	return math.MaxInt64
}

// deadlines returns when silence becomes suspect, and when it means down.
func (d *detector) deadlines() (suspectAt, downAt time.Duration) {
	suspectAt = d.due + time.Duration(d.tolerated()-1)*d.interval + d.margin()
	since := d.due - d.interval // the last arrival, or what counts as one
	return suspectAt, since + max(leastSilence, silenceFactor*(suspectAt-since))
}

// tolerated is how many beats in a row may be missing: so many that loss alone explains it only once in 1/falseAlarm.
func (d *detector) tolerated() int {
	n := float64(max(d.beats, 1))
	upper := d.loss + 2*math.Sqrt(d.loss*(1-d.loss)/n) + 1.5/n
	if upper >= 1 {
		return mostMissing
	}
	k := math.Ceil(math.Log(falseAlarm) / math.Log(upper))
	return int(min(k, mostMissing))
}

func (d *detector) margin() time.Duration {
	most := float64(mostLate * d.interval) // what was seen may have been at a longer interval
	return max(leastMargin, time.Duration(8*min(d.mean, most)), time.Duration(1.25*min(d.peak, most)))
}

// sample averages over all beats at first, then over about the last lossMemory.
func (d *detector) sample(lost float64) {
	d.beats = min(d.beats+1, lossMemory)
	d.loss += (lost - d.loss) / float64(d.beats)
}

func (d *detector) late(by time.Duration) {
	late := float64(min(max(by, 0), mostLate*d.interval))
	d.mean += (late - d.mean) / 16
	d.peak = max(d.peak*peakDecay, late)
}
