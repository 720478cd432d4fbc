package chaos

import "time"

// HungAfter is the time without an answer from which a request counts as hung, whatever becomes of it later.
const HungAfter = time.Second

// Sample is one request of a [Prober] and what became of it.
//
//	Intended ─── late ─── Started ─────── Ended
//	└────────────── latency ───────────────┘
//
// The latency counts from the instant at which an ideal client would have begun, so neither a slow service nor a busy
// prober can leave out just the requests that would have looked worst (coordinated omission).
type Sample struct {
	Observer string // the cluster that it was asked in
	Served   string // the cluster that answered; empty when the request failed
	Intended time.Time
	Started  time.Time
	Ended    time.Time
	Steps    Steps
	Err      error
}

// Steps says how long the first steps of a request took, those that it got over. The rest was the wait for an answer.
type Steps struct {
	Resolve time.Duration
	Connect time.Duration
}

// Latency is the time from the intended start to the end.
func (s *Sample) Latency() time.Duration { return s.Ended.Sub(s.Intended) }

// Outage is an interval in which processes ended: from the instant before the first of them was touched to the instant at
// which the last one was gone. A zero Gone means that some are still going.
type Outage struct {
	From time.Time
	Gone time.Time
}

// Hit tells whether the request was in flight when the processes ended. What was begun once they were gone was not.
func (o Outage) Hit(s *Sample) bool {
	return !s.Ended.Before(o.From) && (o.Gone.IsZero() || !s.Started.After(o.Gone))
}

// Verdict is the class of a request. Only [Failed] and hung requests are held against the mesh: no system can keep a
// connection to a process that no longer exists.
type Verdict int

// The verdicts on a request.
const (
	Answered Verdict = iota
	CutShort         // failed, and was in flight during an outage
	Failed           // failed, and was not
)

// Judge returns the verdict on s, and whether s hung: it took longer than [HungAfter] without an outage to blame.
func Judge(s *Sample, outages []Outage) (verdict Verdict, hung bool) {
	hit := false
	for _, o := range outages {
		hit = hit || o.Hit(s)
	}
	hung = !hit && s.Latency() > HungAfter
	switch {
	case s.Err == nil:
		return Answered, hung
	case hit:
		return CutShort, false
	}
	return Failed, hung
}
