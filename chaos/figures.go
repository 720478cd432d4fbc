package chaos

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Verdicts are requests, counted by verdict. Sent = OK + Failed + Cut; those that hung are among OK or Failed.
type Verdicts struct {
	Sent   int64 `json:"sent"`
	OK     int64 `json:"ok"`
	Failed int64 `json:"failed"` // begun after the outage, or without one
	Hung   int64 `json:"hung"`   // likewise, and over a second old before anything came back
	Cut    int64 `json:"cut"`    // in flight when their processes ended
}

func (v Verdicts) without(w Verdicts) Verdicts {
	return Verdicts{Sent: v.Sent - w.Sent, OK: v.OK - w.OK, Failed: v.Failed - w.Failed, Hung: v.Hung - w.Hung, Cut: v.Cut - w.Cut}
}

// Requests are the figures of many requests. The quantiles are those of the answered ones; the longest is the longest that
// was answered or failed. What was cut stands apart: much of it was asked in the cluster that died, where whoever asked would
// have died too.
type Requests struct {
	Verdicts
	P50        Millis           `json:"p50_ms"`
	P99        Millis           `json:"p99_ms"`
	Longest    Millis           `json:"longest_ms"`
	CutLongest Millis           `json:"cut_longest_ms"` // how long one that was in flight waited for its failure
	LateMax    Millis           `json:"late_max_ms"`    // how late the prober itself was, at most: the quality of the measurement
	Served     map[string]int64 `json:"served"`         // answers by cluster
}

// Failure is one request that is held against the mesh, or was cut.
type Failure struct {
	At       Millis `json:"at_ms"` // when it was begun
	Took     Millis `json:"took_ms"`
	Resolve  Millis `json:"resolve_ms"` // of that, for the name; 0: it didn't come so far
	Connect  Millis `json:"connect_ms"` // and for the connection
	Observer string `json:"asked_in"`
	Verdict  string `json:"verdict"` // failed, hung or cut
	Error    string `json:"error,omitempty"`
}

// Detail is the error, or what an answer waited for.
func (f Failure) Detail() string {
	if f.Error != "" {
		return f.Error
	}
	return fmt.Sprintf("answered: name %s, connection %s, the rest %s", f.Resolve, f.Connect, f.Took-f.Resolve-f.Connect)
}

func errUnknownServer(answer string) error {
	return fmt.Errorf("answer: %.40q is none of the clusters", answer)
}

// Verdicts returns the counts over all observers as they stand now.
func (t *Tally) Verdicts() Verdicts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.verdictsLocked("")
}

func (t *Tally) verdictsLocked(observer string) Verdicts {
	var v Verdicts
	for name, c := range t.observers {
		if observer == "" || observer == name {
			v.Sent += c.sent
			v.OK += c.sent - c.errors
		}
	}
	if observer == "" {
		v.Failed = t.unkept
	}
	for i := range t.notable {
		if observer != "" && observer != t.notable[i].Observer {
			continue
		}
		verdict, hung := Judge(&t.notable[i], t.outages)
		switch verdict {
		case CutShort:
			v.Cut++
		case Failed:
			v.Failed++
		}
		if hung {
			v.Hung++
		}
	}
	return v
}

// Requests returns the figures of one observer's requests, or of all requests where observer is empty.
func (t *Tally) Requests(observer string) Requests {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := hdrhistogram.New(1, time.Minute.Microseconds(), 3)
	r := Requests{Verdicts: t.verdictsLocked(observer), Served: make(map[string]int64)}
	for name, c := range t.observers {
		if observer != "" && observer != name {
			continue
		}
		all.Merge(c.latencies)
		r.Longest = max(r.Longest, MillisOf(c.longest))
		r.LateMax = max(r.LateMax, MillisOf(c.late))
		for i, n := range c.served {
			r.Served[t.clusters[i]] += n
		}
	}
	if all.TotalCount() > 0 {
		r.P50 = MillisOf(time.Duration(all.ValueAtQuantile(50)) * time.Microsecond)
		r.P99 = MillisOf(time.Duration(all.ValueAtQuantile(99)) * time.Microsecond)
	}
	for i := range t.notable {
		s := &t.notable[i]
		if observer != "" && observer != s.Observer {
			continue
		}
		switch verdict, _ := Judge(s, t.outages); verdict {
		case CutShort:
			r.CutLongest = max(r.CutLongest, MillisOf(s.Latency()))
		case Failed:
			r.Longest = max(r.Longest, MillisOf(s.Latency()))
		}
	}
	return r
}

// Failures returns what failed, hung or was cut, in the order in which it ended.
func (t *Tally) Failures() []Failure {
	t.mu.Lock()
	defer t.mu.Unlock()
	failures := []Failure{}
	for i := range t.notable {
		s := &t.notable[i]
		verdict, hung := Judge(s, t.outages)
		f := Failure{
			At: MillisOf(s.Started.Sub(t.begun)), Took: MillisOf(s.Latency()), Observer: s.Observer,
			Resolve: MillisOf(s.Steps.Resolve), Connect: MillisOf(s.Steps.Connect),
		}
		switch {
		case verdict == CutShort:
			f.Verdict = "cut"
		case verdict == Failed:
			f.Verdict = "failed"
		case hung:
			f.Verdict = "hung"
		default: // slow, and in flight during an outage
			continue
		}
		if s.Err != nil {
			f.Error = s.Err.Error()
		}
		failures = append(failures, f)
	}
	return failures
}
