package chaos

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Tally adds up the samples of all probers of an experiment. Its memory is bounded whatever the experiment's length: answers
// go into histograms and a [Series], and only what may be held against somebody is kept one by one, because the verdict
// on it depends on an outage that may become known later.
type Tally struct {
	clusters []string

	mu        sync.Mutex
	begun     time.Time // zero during the warm-up
	observers map[string]*column
	notable   []Sample // failed or slow
	unkept    int64    // failures beyond keepNotable
	trouble   time.Time
	worst     error // of the last trouble
	outages   []Outage
	closeups  []Closeup
}

// column is what the prober of one cluster has seen.
type column struct {
	sent, errors int64
	served       []int64 // by cluster
	latencies    *hdrhistogram.Histogram
	longest      time.Duration // of the answered ones
	late         time.Duration
	series       Series
	lap          Lap
}

// Lap is what the prober of one cluster has seen since the last lap.
type Lap struct {
	Served  []int64 // answers by cluster, in the order given to [NewTally]
	Errors  int64
	Slowest time.Duration
}

var errSlow = fmt.Errorf("answered, but after more than %s", HungAfter)

// keepNotable bounds the failures that are kept one by one. When there are more, nobody reads them all.
const keepNotable = 10_000

// NewTally returns a tally of requests that are asked in, and served by, these clusters. It is in its warm-up until
// [Tally.Begin].
func NewTally(clusters []string) *Tally {
	t := &Tally{clusters: clusters, observers: make(map[string]*column)}
	for _, cluster := range clusters {
		t.observers[cluster] = &column{
			served:    make([]int64, len(clusters)),
			latencies: hdrhistogram.New(1, time.Minute.Microseconds(), 3),
			lap:       Lap{Served: make([]int64, len(clusters))},
		}
	}
	return t
}

// Begin starts the clock: only requests that were meant to start at or after the given time count.
func (t *Tally) Begin(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begun = at
	for _, c := range t.observers {
		c.series = newSeries(at, len(t.clusters))
	}
}

// Add counts one request.
func (t *Tally) Add(s Sample) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, known := t.observers[s.Observer]
	if !known {
		return
	}
	server := slices.Index(t.clusters, s.Served)
	if s.Err == nil && server < 0 {
		s.Err = errUnknownServer(s.Served)
	}
	slow := s.Latency() > HungAfter
	if s.Err != nil || slow {
		t.trouble, t.worst = s.Ended, s.Err
	}
	c.addLap(&s, server)
	if t.begun.IsZero() || s.Intended.Before(t.begun) {
		return
	}
	c.add(&s, server)
	t.watchLocked(&s)
	switch {
	case s.Err == nil && !slow:
	case len(t.notable) < keepNotable:
		t.notable = append(t.notable, s)
	case s.Err != nil:
		t.unkept++
	}
}

func (c *column) add(s *Sample, server int) {
	c.sent++
	c.late = max(c.late, s.Started.Sub(s.Intended))
	c.series.add(s, server)
	if s.Err != nil {
		c.errors++
		return
	}
	c.served[server]++
	c.longest = max(c.longest, s.Latency())
	c.latencies.RecordValue(min(max(s.Latency().Microseconds(), 1), time.Minute.Microseconds()))
}

func (c *column) addLap(s *Sample, server int) {
	if s.Err != nil {
		c.lap.Errors++
	} else {
		c.lap.Served[server]++
	}
	c.lap.Slowest = max(c.lap.Slowest, s.Latency())
}

// Lap returns what the prober of a cluster has seen since the last call, for a display.
func (t *Tally) Lap(observer string) Lap {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.observers[observer]
	lap := c.lap
	c.lap = Lap{Served: make([]int64, len(t.clusters))}
	return lap
}

// Trouble returns when a request last failed or was slow, the warm-up included, and its error; the zero time when none did.
func (t *Tally) Trouble() (time.Time, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.worst == nil && !t.trouble.IsZero() {
		return t.trouble, errSlow
	}
	return t.trouble, t.worst
}

// SetOutage adds an outage, or replaces the one that began at the same instant: its end becomes known later.
func (t *Tally) SetOutage(o Outage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.outages {
		if t.outages[i].From.Equal(o.From) {
			t.outages[i] = o
			return
		}
	}
	t.outages = append(t.outages, o)
}
