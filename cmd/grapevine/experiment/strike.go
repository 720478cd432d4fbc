package experiment

import (
	"context"
	"fmt"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// strike makes the fault.
func (e *experiment) strike(ctx context.Context, begun time.Time) error {
	fault, err := e.stage.Aim(e.Fault, e.Cluster)
	if err != nil {
		return err
	}
	if fault.Kind.Silences() {
		if err := e.pause(e.Cluster); err != nil {
			return fmt.Errorf("the prober of %s can't be paused before the fault: %w", e.Cluster, err)
		}
	}
	var at time.Time
	gone, err := e.stage.Strike(ctx, fault, func(now time.Time) {
		at = now
		e.notices.strike(hit{fault: *fault, at: at})
		e.tasks.Go(func() { e.story.tell(now, chaos.FaultEvent, "%s: %s", fault.Title(), fault.How) }) // printing takes time
	})
	if err != nil {
		return err
	}
	e.excuse(fault.Kind, at, gone)
	fault.At, fault.Gone = chaos.MillisOf(at.Sub(begun)), chaos.MillisOf(gone.Sub(at))
	e.mu.Lock()
	e.fault = fault
	e.mu.Unlock()
	return nil
}

// excuse names the time in which a request may be cut: no system keeps a connection to what no longer exists. A planned
// shutdown is there for what comes after it began, so none of that may be cut; and nothing may be by what ends no gateway.
func (e *experiment) excuse(kind chaos.FaultKind, at, gone time.Time) {
	if kind == chaos.FaultGraceful {
		gone = at
	}
	if kind.Separates() {
		e.tally.SetOutage(chaos.Outage{From: at, Gone: gone})
	}
}
