package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// wholeWithin bounds the time that a newly started mesh may need to become whole; it takes a few seconds on a busy machine.
const wholeWithin = 45 * time.Second

// awaitWhole waits until the mesh is whole. It fails early when a process ends, and otherwise with what is still missing.
func (p *stage) awaitWhole(ctx context.Context) error {
	limit := time.NewTimer(wholeWithin)
	defer limit.Stop()
	for {
		lack := p.whole().Missing(ctx)
		if lack == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return experiment.ErrInterrupted
		case d := <-p.deaths:
			return d
		case <-limit.C:
			return fmt.Errorf("the mesh is not whole %s after its start: %w; the log of %s ends:\n%s", wholeWithin, lack, lack.Gateway, logTail(p.process(lack.Gateway)))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (p *stage) whole() experiment.Whole {
	w := experiment.Whole{Clusters: ClusterNames(), Namespace: serviceSpace, Service: serviceName}
	for _, g := range p.gateways() {
		w.Gateways = append(w.Gateways, g.observer())
	}
	return w
}

// Missing returns what keeps the mesh from being whole, or nil.
func (p *stage) Missing(ctx context.Context) error {
	if lack := p.whole().Missing(ctx); lack != nil {
		return lack
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
