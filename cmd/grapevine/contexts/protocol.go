package contexts

import (
	"errors"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// What the prober's Pod and this program say to one another, over HTTP on the Pod's loopback:
//
//	GET  /state                          podState
//	GET  /resolve                        200 where the service's name can be resolved, otherwise 503 with the reason
//	POST /pause, /resume                 podState, afterwards
//	GET  /samples?instance=I&after=N     podSamples from number N+1 on, one a line, as they come; one that repeats
//	                                     the last number when there is none for a second. 409 where the instance is another one by now
//
// The Pod keeps its samples for a while, so that a line that breaks off, with the API server for example, loses none.

// podState is what a prober's Pod says of itself.
type podState struct {
	Instance string    `json:"instance"` // another one after each start
	Now      time.Time `json:"now"`
	Last     uint64    `json:"last"` // number of the last sample
	Idle     bool      `json:"idle"` // no request is in flight
	DNS      string    `json:"dns"`  // the name server that is asked
}

// podSample is one request, in the Pod's time. Numbers begin at 1.
type podSample struct {
	N       uint64 `json:"n"`
	At      int64  `json:"at"`                // microseconds since 1970: when it was due
	Late    int64  `json:"late,omitempty"`    // microseconds from then to its start
	Took    int64  `json:"took,omitempty"`    // microseconds from then to its end
	Resolve int64  `json:"resolve,omitempty"` // microseconds for the name
	Connect int64  `json:"connect,omitempty"` // and for the connection
	By      string `json:"by,omitempty"`      // who answered
	Err     string `json:"err,omitempty"`
}

func newPodSample(s chaos.Sample) podSample {
	p := podSample{
		At: s.Intended.UnixMicro(), Late: s.Started.Sub(s.Intended).Microseconds(), Took: s.Latency().Microseconds(),
		Resolve: s.Steps.Resolve.Microseconds(), Connect: s.Steps.Connect.Microseconds(), By: s.Served,
	}
	if s.Err != nil {
		p.Err = s.Err.Error()
	}
	return p
}

// sample returns it in our time.
func (p podSample) sample(observer string, clock chaos.Clock) chaos.Sample {
	due := clock.Here(time.UnixMicro(p.At))
	micros := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
	s := chaos.Sample{
		Observer: observer, Served: p.By, Intended: due, Started: due.Add(micros(p.Late)), Ended: due.Add(micros(p.Took)),
		Steps: chaos.Steps{Resolve: micros(p.Resolve), Connect: micros(p.Connect)},
	}
	if p.Err != "" {
		s.Err = errors.New(p.Err)
	}
	return s
}
