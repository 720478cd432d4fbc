package experiment

import (
	"context"
	"fmt"
	"sync"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// Whole is what a mesh has to be before an experiment, and again after it: every gateway sees every other one alive, and
// can use the service of every cluster.
type Whole struct {
	Gateways           []chaos.Observer
	Clusters           []string
	Namespace, Service string
}

// Lack is what keeps a mesh from being whole, as one gateway sees it.
type Lack struct {
	Gateway string
	error
}

// Unwrap returns the reason.
func (l *Lack) Unwrap() error { return l.error }

// Missing asks all gateways at once and returns what the first one lacks, or nil.
func (w Whole) Missing(ctx context.Context) *Lack {
	lacks := make([]error, len(w.Gateways))
	var asked sync.WaitGroup
	for i, g := range w.Gateways {
		asked.Go(func() { lacks[i] = w.check(ctx, g) })
	}
	asked.Wait()
	for i, err := range lacks {
		if err != nil {
			return &Lack{w.Gateways[i].Gateway, err}
		}
	}
	return nil
}

func (w Whole) check(ctx context.Context, g chaos.Observer) error {
	members, err := g.Members(ctx)
	if err != nil {
		return fmt.Errorf("the admin API: %w", err)
	}
	state := make(map[string]string)
	for _, member := range members {
		state[member.Gateway] = member.State
	}
	for _, other := range w.Gateways {
		if state[other.Gateway] != "alive" {
			return fmt.Errorf("%s doesn't see %s alive", g.Gateway, other.Gateway)
		}
	}
	services, err := g.Services(ctx)
	if err != nil {
		return fmt.Errorf("the admin API: %w", err)
	}
	eligible := make(map[string]bool)
	for _, s := range services {
		if s.Name == w.Service && s.Namespace == w.Namespace {
			for _, c := range s.Clusters {
				eligible[c.Cluster] = c.Eligible
			}
		}
	}
	for _, cluster := range w.Clusters {
		if !eligible[cluster] {
			return fmt.Errorf("%s can't use %s.%s.federated of %s", g.Gateway, w.Service, w.Namespace, cluster)
		}
	}
	return nil
}
