package contexts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// The preconditions of an experiment: what is measured has to be the fault, and nothing that was wrong before. The place's own
// are in [place.read].

// startWithin bounds the start of a prober's Pod, whose image the machine has already.
const startWithin = time.Minute

// start brings the lines and the prober's Pod up, and learns the cluster's name.
func (p *place) start(ctx, life context.Context) error {
	p.started = true
	if err := p.ensureProber(ctx); err != nil {
		return err
	}
	p.connect(life)
	limit, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	if err := repeat(limit, func() error { return p.name(limit) }); err != nil {
		return p.tooLate(ctx, fmt.Errorf("context %s: the gateway %s-0 can't be asked: %w\nTry `kubectl --context %s -n %s logs %s-0`", p.context, setName, err, p.context, p.Namespace, setName))
	}
	if err := repeat(limit, func() error { return p.prober.exchange(limit, http.MethodGet, "/state", nil) }); err != nil {
		if reason := p.whyNot(ctx); reason != "" {
			err = errors.New(reason)
		}
		return p.tooLate(ctx, fmt.Errorf("context %s: the prober's Pod doesn't run: %w\nTry `kubectl --context %s -n %s describe pod %s`", p.context, err, p.context, p.Namespace, proberName))
	}
	return nil
}

// tooLate returns err, unless it comes from an interruption.
func (p *place) tooLate(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return experiment.ErrInterrupted
	}
	return err
}

// repeat tries until it works or ctx ends, and returns the last error.
func repeat(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(again):
		}
	}
}

// How long a mesh may take to be whole: what was installed a while ago is, and what was broken on purpose comes back.
const (
	wholeAtFirst = 30 * time.Second
	wholeAgain   = 3 * time.Minute
)

// settle waits until everything is as it has to be before an experiment, and compares the clocks.
func (st *Stage) settle(ctx context.Context, within time.Duration, s *experiment.Screen) error {
	defer s.SetStatus("")
	limit, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var reason error
	err := repeat(limit, func() error {
		err := st.unsettled(limit)
		if err != nil && (reason == nil || limit.Err() == nil) { // what fails because the time is over is rarely the reason
			reason = err
			first, _, _ := strings.Cut(err.Error(), "\n")
			s.SetStatus("waiting for a whole mesh: " + first)
		}
		return err
	})
	if ctx.Err() != nil {
		return experiment.ErrInterrupted
	}
	if err != nil {
		return fmt.Errorf("the mesh is not as an experiment needs it, after %s: %w", within, reason)
	}
	return st.everywhere(func(p *place) error { return p.align(ctx) })
}

// unsettled returns what isn't yet as it has to be.
func (st *Stage) unsettled(ctx context.Context) error {
	if err := st.everywhere(func(p *place) error { return p.settled(ctx) }); err != nil {
		return err
	}
	if err := st.Missing(ctx); err != nil {
		return err
	}
	return st.everywhere(func(p *place) error {
		for _, o := range p.observers() {
			if status, err := o.Status(ctx); err != nil {
				return err
			} else if status.Draining {
				return fmt.Errorf("%s is draining; `grapevine undrain` ends that", o.Gateway)
			}
		}
		return p.resolves(ctx)
	})
}

func (p *place) resolves(ctx context.Context) error {
	if err := p.prober.exchange(ctx, http.MethodGet, "/resolve", nil); err != nil {
		p.prober.renew()
		return fmt.Errorf("context %s: %s can't be resolved in a Pod there: %w\nDoes the cluster's DNS forward the zone to the gateways? `deploy/up.sh --contexts …` wires it", p.context, p.Name(), err)
	}
	return nil
}

// Missing returns what keeps the mesh from being whole, or nil.
func (st *Stage) Missing(ctx context.Context) error {
	whole := experiment.Whole{Clusters: st.Clusters(), Namespace: st.Space, Service: st.Service}
	for _, p := range st.places {
		whole.Gateways = append(whole.Gateways, p.observers()...)
	}
	if lack := whole.Missing(ctx); lack != nil {
		return fmt.Errorf("%w\nTry `grapevine members` and `grapevine services` in the gateways' Pods", lack)
	}
	return nil
}
