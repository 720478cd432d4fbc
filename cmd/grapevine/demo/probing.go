package demo

import (
	"context"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// prober asks the first gateway of a cluster, from within this process.
type prober struct {
	*chaos.Prober
	client *chaos.Client
}

// NewProber returns what asks in one cluster.
func (p *stage) NewProber(probe experiment.Probe) (experiment.Prober, error) {
	client := &chaos.Client{Service: serviceDNS + ".", Port: p.Port, DNS: p.cluster(probe.Cluster).Gateways[0].DNS}
	asking, err := chaos.NewProber(chaos.ProberConfig{
		Observer: probe.Cluster, Rate: probe.Rate, Phase: probe.Phase, Ask: client.Ask, Report: probe.Report,
	})
	if err != nil {
		return nil, err
	}
	return &prober{asking, client}, nil
}

// Pause leaves out requests until Resume.
func (p *prober) Pause(context.Context) error {
	p.Prober.Pause()
	return nil
}

// Resume waits until the cluster's gateway answers names again, and lets the prober go on.
func (p *prober) Resume(ctx context.Context) error {
	for ctx.Err() == nil {
		asking, cancel := context.WithTimeout(ctx, time.Second)
		_, err := p.client.Resolve(asking)
		cancel()
		if err == nil {
			p.Prober.Resume()
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	return ctx.Err()
}
