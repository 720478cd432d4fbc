package experiment

import (
	"context"
	"fmt"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// newProbers makes a prober for each cluster. They don't beat in step.
func (e *experiment) newProbers() error {
	clusters := e.stage.Clusters()
	for i, cluster := range clusters {
		prober, err := e.stage.NewProber(Probe{
			Cluster: cluster, Rate: e.Rate, Report: e.report, Problem: e.story.problem,
			Phase: time.Second * time.Duration(i) / time.Duration(e.Rate*len(clusters)),
		})
		if err != nil {
			return err
		}
		e.probers[cluster] = prober
	}
	return nil
}

// report takes one request's outcome.
func (e *experiment) report(s chaos.Sample) {
	e.tally.Add(s)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.heal == nil || !e.fault.Kind.Separates() || e.fault.Kind.OneGateway() {
		return
	}
	if s.Err != nil || s.Served != e.fault.Cluster || s.Observer == s.Served || s.Started.Before(e.healAt) {
		return
	}
	if after := chaos.MillisOf(s.Ended.Sub(e.healAt)); e.heal.FirstAnswer == nil || after < *e.heal.FirstAnswer {
		if e.heal.FirstAnswer == nil {
			e.story.tell(s.Ended, chaos.ReturnEvent, "%s answers again: the first answer after %s", s.Served, after)
		}
		e.heal.FirstAnswer = &after
	}
}

// Before the clock starts, every prober must have had answers and none an error for a while: the start's own stutter is not
// what is measured. A short demo warms up for a shorter while.
const (
	calmTime   = 2 * time.Second
	calmWithin = 30 * time.Second
)

func (e *experiment) awaitCalm(ctx context.Context) error {
	calm := calmTime
	if e.Duration > 0 {
		calm = min(calm, e.Duration/5)
	}
	e.screen.SetStatus("warming up …")
	defer e.screen.SetStatus("")
	began := time.Now()
	answers := make(map[string]int64)
	for {
		select {
		case <-ctx.Done():
			return ErrInterrupted
		case d := <-e.stage.Deaths():
			return d
		case <-time.After(100 * time.Millisecond):
		}
		enough := time.Since(began) >= calm
		for _, cluster := range e.stage.Clusters() {
			for _, n := range e.tally.Lap(cluster).Served {
				answers[cluster] += n
			}
			enough = enough && answers[cluster] >= int64(float64(e.Rate)*calm.Seconds()/2)
		}
		trouble, err := e.tally.Trouble()
		if enough && time.Since(trouble) >= calm {
			return nil
		}
		if time.Since(began) > calmWithin {
			return notCalm(e.stage.Clusters(), answers, err)
		}
	}
}

func notCalm(clusters []string, answers map[string]int64, err error) error {
	for _, cluster := range clusters {
		if answers[cluster] == 0 && err == nil {
			return fmt.Errorf("the prober of %s has had no answer %s after the mesh was whole, so nothing could be measured", cluster, calmWithin)
		}
	}
	if err == nil {
		err = errTooFew
	}
	return fmt.Errorf("requests still fail or are slow %s after the mesh was whole, so nothing could be measured (is this machine busy with something else?): %w", calmWithin, err)
}

// pause stops a cluster's prober: its gateway is about to be gone, and a request that nobody could take says nothing.
func (e *experiment) pause(cluster string) error {
	err := e.probers[cluster].Pause(e.life)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.down[cluster] = true
	return err
}

// resume lets a cluster's prober go on as soon as it can.
func (e *experiment) resume(cluster string) {
	if e.probers[cluster].Resume(e.life) != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.down[cluster] = false
}
