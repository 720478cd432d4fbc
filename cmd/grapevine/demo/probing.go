package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// newProbers makes a prober for each cluster. They don't beat in step.
func (e *experiment) newProbers() error {
	e.probers, e.clients = make(map[string]*chaos.Prober), make(map[string]*chaos.Client)
	for i, c := range e.mesh.Clusters {
		client := &chaos.Client{Service: serviceDNS + ".", Port: e.mesh.Port, DNS: c.Gateways[0].DNS}
		prober, err := chaos.NewProber(chaos.ProberConfig{
			Observer: c.Name, Rate: e.Rate, Ask: client.Ask, Report: e.report,
			Phase: time.Second * time.Duration(i) / time.Duration(e.Rate*len(e.mesh.Clusters)),
		})
		if err != nil {
			return err
		}
		e.clients[c.Name], e.probers[c.Name] = client, prober
	}
	return nil
}

// report takes one request's outcome.
func (e *experiment) report(s chaos.Sample) {
	e.tally.Add(s)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.heal == nil || e.fault.Kind == chaos.FaultGateway || s.Err != nil || s.Served != e.fault.Cluster || s.Observer == s.Served || s.Started.Before(e.healAt) {
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
	e.screen.setStatus("warming up …")
	defer e.screen.setStatus("")
	began := time.Now()
	answers := make(map[string]int64)
	for {
		select {
		case <-ctx.Done():
			return errInterrupted
		case err := <-e.ended:
			return err
		case <-time.After(100 * time.Millisecond):
		}
		enough := time.Since(began) >= calm
		for _, cluster := range clusterNames() {
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
			return fmt.Errorf("requests still fail or are slow %s after the mesh was whole, so nothing could be measured (is this machine busy with something else?): %w", calmWithin, err)
		}
	}
}

// pause stops a cluster's prober: its gateway is about to be gone, and a request that nobody could take says nothing.
func (e *experiment) pause(cluster string) {
	e.probers[cluster].Pause()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.down[cluster] = true
}

// resume waits until the cluster's gateway answers names again, and lets its prober go on. Whatever fails from then on is
// the mesh's fault.
func (e *experiment) resume(ctx context.Context, cluster string) {
	for ctx.Err() == nil {
		asking, cancel := context.WithTimeout(ctx, time.Second)
		_, err := e.clients[cluster].Resolve(asking)
		cancel()
		if err == nil {
			e.mu.Lock()
			e.down[cluster] = false
			e.mu.Unlock()
			e.probers[cluster].Resume()
			return
		}
		sleepUntil(ctx, time.Now().Add(50*time.Millisecond))
	}
}
