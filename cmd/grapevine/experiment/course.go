package experiment

import (
	"context"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// play goes through the course: fault, heal, end. It returns early when ctx ends.
func (e *experiment) play(ctx context.Context, begun time.Time) error {
	if e.Kill > 0 {
		if err := e.disturb(ctx, begun); err != nil {
			return err
		}
	}
	if e.Duration <= 0 {
		<-ctx.Done()
		return nil
	}
	sleepUntil(ctx, begun.Add(e.Duration))
	e.awaitPatiently(ctx)
	return nil
}

// disturb makes the fault and undoes it, each at its time. What mends by itself is mended from the fault on.
func (e *experiment) disturb(ctx context.Context, begun time.Time) error {
	if !sleepUntil(ctx, begun.Add(e.Kill)) {
		return nil
	}
	if err := e.strike(ctx, begun); err != nil {
		return err
	}
	missing, stop := context.WithCancel(e.life)
	defer stop()
	if e.fault.Kind.Separates() {
		e.tasks.Go(func() { e.watchSent(missing) })
	}
	if e.Heal == 0 && !e.fault.Fleeting {
		return nil
	}
	if !e.fault.Fleeting && !sleepUntil(ctx, begun.Add(e.Heal)) {
		return nil
	}
	stop()
	if e.fault.Kind.Separates() {
		e.askLinks(ctx)
	}
	return e.mend(ctx, begun)
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
func (e *experiment) mend(ctx context.Context, begun time.Time) error {
	at := time.Now()
	e.notices.mend(at)
	e.mu.Lock()
	e.heal, e.healAt = &chaos.Heal{At: chaos.MillisOf(at.Sub(begun))}, at
	e.mu.Unlock()
	done, err := e.stage.Mend(ctx, e.fault)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.heal.Made = chaos.MillisOf(time.Since(at))
	e.mu.Unlock()
	e.story.tell(at, chaos.HealEvent, "%s healed: %s", e.Cluster, done)
	if e.fault.Kind.Silences() {
		e.tasks.Go(func() { e.resume(e.Cluster) })
	} else if e.fault.Kind.OneGateway() {
		e.tasks.Go(func() { e.awaitFirstSent(e.life, at) })
	}
	e.tasks.Go(func() { e.awaitReturn(e.life, at) })
	return nil
}

// awaitReturn waits until the mesh is as before.
func (e *experiment) awaitReturn(ctx context.Context, healed time.Time) {
	for e.stage.Missing(ctx) != nil {
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
	close(e.returned)
}

// settled is how long after its return a mesh is watched on: the first answers of what was healed come with it.
const settled = 2 * time.Second

// awaitPatiently waits on, beyond the course, for a mesh that isn't whole yet.
func (e *experiment) awaitPatiently(ctx context.Context) {
	if e.heal == nil || e.stage.Patience() == 0 {
		return
	}
	select {
	case <-e.returned:
		whole := e.healAt.Add(e.heal.Whole.Duration())
		sleepUntil(ctx, whole.Add(settled))
	case <-ctx.Done():
	case <-time.After(e.stage.Patience()):
	}
}
