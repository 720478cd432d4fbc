package chaos

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// ProberConfig says what a [Prober] asks, and how often.
type ProberConfig struct {
	Observer    string        // the cluster that it stands in
	Rate        int           // requests per second
	Phase       time.Duration // the first request's delay, so that several probers don't beat in step
	Timeout     time.Duration // of one request; 0: 5 s, long enough to tell a slow answer from none
	MaxInFlight int           // 0: as many as begin within Timeout
	Ask         Ask           // one request
	Report      func(Sample)  // called once per request, from many goroutines
}

// Ask makes one request and returns which cluster answered. What it returns of its steps counts also when it fails.
type Ask func(context.Context) (cluster string, steps Steps, err error)

// Prober asks at a constant rate, however slow the answers are: an open loop. A closed loop, which waits for an answer
// before it asks again, sends hardly anything while a service hangs, and so reports hardly any trouble.
type Prober struct {
	ProberConfig
	paused   atomic.Bool
	inFlight atomic.Int64
}

// NewProber returns a prober that asks nothing yet.
func NewProber(cfg ProberConfig) (*Prober, error) {
	if cfg.Rate <= 0 {
		return nil, fmt.Errorf("rate %d: want at least 1 request per second", cfg.Rate)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.MaxInFlight == 0 {
		cfg.MaxInFlight = max(1, int(cfg.Timeout.Seconds()*float64(cfg.Rate)))
	}
	return &Prober{ProberConfig: cfg}, nil
}

// Pause makes the prober leave out requests until [Prober.Resume]; those in flight go on. When it returns, no request that
// was due before will still be begun.
func (p *Prober) Pause() { p.paused.Store(true) }

// Resume ends a pause. What was left out is not made up for.
func (p *Prober) Resume() { p.paused.Store(false) }

// Idle tells whether no request is in flight.
func (p *Prober) Idle() bool { return p.inFlight.Load() == 0 }

// Run asks until ctx ends, and then waits for the requests in flight. They keep their own timeout: cutting them short would
// hide a hung one.
func (p *Prober) Run(ctx context.Context) {
	var requests sync.WaitGroup
	defer requests.Wait()
	begin := time.Now().Add(p.Phase)
	timer := time.NewTimer(p.Phase)
	defer timer.Stop()
	for n := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		due := begin
		for ; ; n++ { // more than one after a stall: each keeps the start that was meant for it
			if due = p.due(begin, n); due.After(now) {
				break
			}
			p.begin(ctx, &requests, due)
		}
		timer.Reset(time.Until(due))
	}
}

// due returns the intended start of the nth request, without the error that adding up rounded intervals would grow.
func (p *Prober) due(begin time.Time, n int) time.Time {
	rate := time.Duration(p.Rate)
	whole, rest := time.Duration(n)/rate, time.Duration(n)%rate
	return begin.Add(whole*time.Second + rest*time.Second/rate)
}

func (p *Prober) begin(ctx context.Context, requests *sync.WaitGroup, intended time.Time) {
	if p.paused.Load() {
		return
	}
	if p.inFlight.Add(1) > int64(p.MaxInFlight) {
		p.inFlight.Add(-1)
		now := time.Now()
		p.Report(Sample{Observer: p.Observer, Intended: intended, Started: now, Ended: now,
			Err: fmt.Errorf("not sent: %d requests are in flight already", p.MaxInFlight)})
		return
	}
	requests.Go(func() {
		defer p.inFlight.Add(-1)
		if p.paused.Load() { // the pause came between the decision and this goroutine's turn
			return
		}
		started := time.Now()
		asking, cancel := context.WithDeadline(context.WithoutCancel(ctx), started.Add(p.Timeout))
		defer cancel()
		served, steps, err := p.Ask(asking)
		p.Report(Sample{Observer: p.Observer, Served: served, Intended: intended, Started: started, Ended: time.Now(), Steps: steps, Err: err})
	})
}
