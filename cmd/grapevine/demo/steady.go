package demo

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// wholeWithin bounds the time that a newly started mesh may need to become whole; it takes a few seconds on a busy machine.
const wholeWithin = 45 * time.Second

// lack is what keeps a mesh from being whole, as one gateway sees it.
type lack struct {
	gateway *gateway
	error
}

// awaitWhole waits until every gateway sees every other one alive and the service in every cluster. It fails early when a
// process ends, and otherwise with what is still missing.
func (m *mesh) awaitWhole(ctx context.Context, ended <-chan error) error {
	limit := time.NewTimer(wholeWithin)
	defer limit.Stop()
	for {
		missing := m.missing(ctx)
		if missing == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errInterrupted
		case err := <-ended:
			return err
		case <-limit.C:
			log := logTail(m.process(missing.gateway.ID.String()))
			return fmt.Errorf("the mesh is not whole %s after its start: %w; the log of %s ends:\n%s", wholeWithin, missing, missing.gateway.ID, log)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// missing asks all gateways at once and returns what the first one lacks, or nil.
func (m *mesh) missing(ctx context.Context) *lack {
	gateways := m.gateways()
	lacks := make([]error, len(gateways))
	var asked sync.WaitGroup
	for i, g := range gateways {
		asked.Go(func() { lacks[i] = m.check(ctx, g) })
	}
	asked.Wait()
	for i, err := range lacks {
		if err != nil {
			return &lack{gateways[i], err}
		}
	}
	return nil
}

func (m *mesh) check(ctx context.Context, g *gateway) error {
	members, err := g.observer().Members(ctx)
	if err != nil {
		return fmt.Errorf("the admin API: %w", err)
	}
	alive := make(map[string]bool)
	for _, member := range members {
		alive[member.Gateway] = member.State == "alive"
	}
	for _, other := range m.gateways() {
		if !alive[other.ID.String()] {
			return fmt.Errorf("%s doesn't see %s alive", g.ID, other.ID)
		}
	}
	services, err := g.observer().Services(ctx)
	if err != nil {
		return fmt.Errorf("the admin API: %w", err)
	}
	eligible := make(map[string]bool)
	for _, s := range services {
		if s.Name == serviceName && s.Namespace == serviceSpace {
			for _, c := range s.Clusters {
				eligible[c.Cluster] = c.Eligible
			}
		}
	}
	for _, c := range m.Clusters {
		if !eligible[c.Name] {
			return fmt.Errorf("%s can't use %s of %s", g.ID, serviceDNS, c.Name)
		}
	}
	return nil
}

// logTail returns the end of a process's log, indented, to stand below what went wrong.
func logTail(p *chaos.Process) string {
	if p == nil {
		return "    (it was never started)"
	}
	return "    " + strings.ReplaceAll(p.Tail(12), "\n", "\n    ")
}

func (g *gateway) observer() chaos.Observer {
	return chaos.Observer{Gateway: g.ID.String(), Admin: g.Admin}
}
