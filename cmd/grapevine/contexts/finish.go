package contexts

import (
	"context"
	"fmt"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// finishWithin bounds what is asked at the end of an experiment.
const finishWithin = 30 * time.Second

// Finish adds where the clusters are, and what else happened that nobody had asked for.
func (st *Stage) Finish(ctx context.Context, r *chaos.Result) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWithin)
	defer cancel()
	r.ClockOff = chaos.MillisOf(st.clockError())
	r.Version = st.places[0].version
	for _, p := range st.places {
		r.Places = append(r.Places, p.describe())
	}
	if r.Fault != nil && st.struck != nil {
		return // the fault is still there: nothing can be said of what comes back
	}
	r.Problems = append(r.Problems, st.disturbances(ctx, r.Fault)...)
	if r.Fault != nil && r.Fault.Kind == chaos.FaultAPIServer {
		r.Problems = append(r.Problems, st.consequences(ctx, r)...)
	}
}

// disturbances names the gateways that were started anew by themselves.
func (st *Stage) disturbances(ctx context.Context, fault *chaos.Fault) []string {
	after, err := collect(st.places, func(p *place) (gatewayPods, error) { return p.readPods(ctx) })
	if err != nil {
		return []string{fmt.Sprintf("whether any gateway was started anew is unknown: %v", err)}
	}
	var problems []string
	for _, p := range st.places {
		var hit []string
		if fault != nil && fault.Cluster == p.cluster {
			if fault.Kind.Silences() || fault.Kind == chaos.FaultRoll {
				continue
			}
			hit = fault.Gateways
		}
		problems = append(problems, disturbed(p.cluster, st.pods[p], after[p], hit)...)
	}
	return problems
}

// consequences names everything that an API server's absence changed: it should be nothing.
func (st *Stage) consequences(ctx context.Context, r *chaos.Result) []string {
	after, err := collect(st.places, func(p *place) (objects, error) { return p.readObjects(ctx) })
	if err != nil {
		return []string{fmt.Sprintf("whether any object was changed is unknown: %v", err)}
	}
	var problems []string
	from := r.Begun.Add(r.Fault.At.Duration())
	for _, p := range st.places {
		problems = append(problems, changed(p.cluster, st.objects[p], after[p])...)
		for _, o := range p.observers() {
			problems = append(problems, lost(ctx, o, from)...)
		}
	}
	return problems
}

// lost names what a gateway has lost since some time: exports that were withdrawn, members that went, links that were down.
func lost(ctx context.Context, o chaos.Observer, from time.Time) []string {
	events, err := o.Events(ctx)
	if err != nil {
		return []string{fmt.Sprintf("what %s noticed is unknown: %v", o.Gateway, err)}
	}
	var problems []string
	for _, e := range events {
		if e.Time.Before(from) {
			continue
		}
		switch {
		case e.Type == "service" && e.State == "withdrawn":
			problems = append(problems, fmt.Sprintf("%s: %s of %s was withdrawn", o.Gateway, e.Service, e.Gateway))
		case e.Type == "member" && e.State != "alive", e.Type == "link" && e.State == "down":
			problems = append(problems, fmt.Sprintf("%s: %s %s is %s", o.Gateway, e.Type, e.Gateway, e.State))
		}
	}
	return problems
}
