package demo

import (
	"context"
	"syscall"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// play goes through the course: fault, heal, end. It returns early when ctx ends.
func (e *experiment) play(ctx context.Context, begun time.Time) {
	if e.Kill > 0 {
		if !sleepUntil(ctx, begun.Add(e.Kill)) {
			return
		}
		e.strike(begun)
		missing, stop := context.WithCancel(e.life)
		defer stop()
		e.tasks.Go(func() { e.watchSent(missing) })
		if e.Heal > 0 {
			if !sleepUntil(ctx, begun.Add(e.Heal)) {
				return
			}
			stop()
			e.askLinks(ctx)
			e.mend(begun)
		}
	}
	if e.Duration > 0 {
		sleepUntil(ctx, begun.Add(e.Duration))
		return
	}
	<-ctx.Done()
}

func sleepUntil(ctx context.Context, at time.Time) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Until(at)):
		return true
	}
}

// mend undoes the fault.
func (e *experiment) mend(begun time.Time) {
	c := e.mesh.cluster(e.Cluster)
	at := time.Now()
	e.notices.mend(at)
	e.mu.Lock()
	e.heal, e.healAt = &chaos.Heal{At: chaos.MillisOf(at.Sub(begun))}, at
	e.mu.Unlock()
	text := processes(len(c.Gateways)+1) + ", SIGCONT"
	if e.Fault == chaos.FaultStop {
		chaos.Signal(syscall.SIGCONT, e.mesh.processes(c, false)...)
	} else {
		started, err := e.mesh.startCluster(c)
		if err != nil {
			e.story.problem("%s could not be started again: %v", c.Name, err)
		}
		text = processes(len(started)) + " started"
	}
	e.story.tell(at, chaos.HealEvent, "%s healed: %s", c.Name, text)
	if e.Fault != chaos.FaultGateway {
		e.tasks.Go(func() { e.resume(e.life, c.Name) })
	} else {
		e.tasks.Go(func() { e.awaitFirstSent(e.life, at) })
	}
	e.tasks.Go(func() { e.awaitReturn(e.life, at) })
}

// awaitReturn waits until the mesh is as before.
func (e *experiment) awaitReturn(ctx context.Context, healed time.Time) {
	for e.mesh.missing(ctx) != nil {
		if !sleepUntil(ctx, time.Now().Add(200*time.Millisecond)) {
			return
		}
	}
	if ctx.Err() != nil {
		return
	}
	now := time.Now()
	e.notices.whole()
	e.mu.Lock()
	e.heal.Whole = new(chaos.MillisOf(now.Sub(healed)))
	e.mu.Unlock()
	e.story.tell(now, chaos.ReturnEvent, "every gateway sees a whole mesh again after %s", chaos.MillisOf(now.Sub(healed)))
}
