package contexts

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// prober is a [Pod] from outside, for one experiment: it takes the samples in as they come, and begins anew where the line
// broke off.
type prober struct {
	experiment.Probe
	place  *place
	paused atomic.Bool

	mu    sync.Mutex
	state podState // as last heard; Last is the number of the last sample that was taken in
	clock chaos.Clock
}

// Run asks until ctx ends, and returns once the last answer has been reported.
func (p *prober) Run(ctx context.Context) {
	if err := p.begin(ctx); err != nil {
		if ctx.Err() == nil {
			p.Problem("the prober of %s couldn't be started: %v", p.Cluster, err)
		}
		return
	}
	reading, stop := context.WithCancel(context.WithoutCancel(ctx))
	var reader sync.WaitGroup
	reader.Go(func() { p.follow(reading) })
	<-ctx.Done()
	p.end(context.WithoutCancel(ctx))
	stop()
	reader.Wait()
}

// begin lets the Pod ask, from here on.
func (p *prober) begin(ctx context.Context) error {
	if err := p.meet(ctx); err != nil {
		return err
	}
	return p.place.prober.exchange(ctx, http.MethodPost, "/resume", nil)
}

// meet learns which instance it is that answers, and how its clock goes.
func (p *prober) meet(ctx context.Context) error {
	clock, err := p.place.prober.clock(ctx, "/state")
	if err != nil {
		return err
	}
	p.place.setClock(p.place.prober, clock)
	var state podState
	if err := p.place.prober.exchange(ctx, http.MethodGet, "/state", &state); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.Instance != "" && p.state.Instance != state.Instance {
		state.Last = 0
	} else if p.state.Instance == state.Instance {
		state.Last = p.state.Last
	}
	p.state, p.clock = state, clock
	return nil
}

// follow takes samples in until ctx ends.
func (p *prober) follow(ctx context.Context) {
	for ctx.Err() == nil {
		err := p.read(ctx)
		if errors.Is(err, errOtherInstance) {
			p.meet(ctx) // or, where that fails, the next time round
		}
		if errors.Is(err, errSilent) {
			p.place.prober.renew()
		}
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

var (
	errOtherInstance = errors.New("the prober's Pod was started anew")
	errSilent        = errors.New("the line to the prober's Pod is silent")
)

// silentAfter is how long a line may be silent that should tell something every second.
const silentAfter = 5 * time.Second

// read takes samples in until the line breaks off.
func (p *prober) read(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(silentAfter, func() { cancel(errSilent) })
	defer silence.Stop()
	p.mu.Lock()
	path := fmt.Sprintf("/samples?instance=%s&after=%d", p.state.Instance, p.state.Last)
	p.mu.Unlock()
	body, err := p.place.prober.open(ctx, http.MethodGet, path)
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	defer body.Close()
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		silence.Reset(silentAfter)
		if err := p.take(lines.Bytes()); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

func (p *prober) take(line []byte) error {
	var s podSample
	if err := json.Unmarshal(line, &s); err != nil {
		return err
	}
	p.mu.Lock()
	last, clock := p.state.Last, p.clock
	p.state.Last = max(s.N, last)
	p.mu.Unlock()
	if s.N <= last {
		return nil
	}
	if s.N > last+1 {
		p.Problem("%d samples of the prober of %s are lost: it kept them for as long as it could", s.N-last-1, p.Cluster)
	}
	p.Report(s.sample(p.Cluster, clock))
	return nil
}

// endWithin bounds the wait for the last samples: as long as a request may take, and some seconds for the line.
const endWithin = 15 * time.Second

// end stops the asking and waits for the last samples. A cluster that was silenced has none to give.
func (p *prober) end(ctx context.Context) {
	if p.paused.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	for {
		var state podState
		err := p.place.prober.exchange(ctx, http.MethodPost, "/pause", &state)
		if err == nil && state.Idle && p.has(state) {
			return
		}
		select {
		case <-ctx.Done():
			p.Problem("the prober of %s couldn't be asked for its last samples: %v", p.Cluster, err)
			return
		case <-time.After(handOut):
		}
	}
}

// has tells whether all samples of the state have been taken in.
func (p *prober) has(state podState) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return state.Instance == p.state.Instance && p.state.Last >= state.Last
}

// Pause leaves out requests until Resume.
func (p *prober) Pause(ctx context.Context) error {
	p.paused.Store(true)
	return p.place.prober.exchange(ctx, http.MethodPost, "/pause", nil)
}

// Resume waits until the Pod is there and the service's name can be resolved in it.
func (p *prober) Resume(ctx context.Context) error {
	for ctx.Err() == nil {
		if p.resume(ctx) == nil {
			p.paused.Store(false)
			return nil
		}
		p.place.prober.renew()
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
	return ctx.Err()
}

func (p *prober) resume(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	if err := p.place.prober.exchange(ctx, http.MethodGet, "/resolve", nil); err != nil {
		p.place.ensureProber(ctx) // a machine that is replaced, rather than started again, doesn't bring its Pods back
		return err
	}
	return p.begin(ctx)
}
