package contexts

import (
	"context"
	"time"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// closeWithin bounds what is done at the end, beside a heal that was still owed.
const closeWithin = 40 * time.Second

// Close undoes a fault that is still there, removes the probers and ends all lines. What it can't undo it says, with the command
// that does.
func (st *Stage) Close(ctx context.Context, s *experiment.Screen) {
	ctx = context.WithoutCancel(ctx)
	if st.struck != nil {
		s.SetStatus("healing " + st.struck.Cluster + " …")
		if _, err := st.Mend(ctx, st.struck); err != nil {
			s.Line("%s is not healed: %v", st.struck.Cluster, err)
		}
	}
	s.SetStatus("removing the probers …")
	defer s.SetStatus("")
	ctx, cancel := context.WithTimeout(ctx, closeWithin)
	defer cancel()
	st.everywhere(func(p *place) error {
		if !p.started {
			return nil
		}
		p.started = false
		if err := p.removeProber(ctx, "--wait=false"); err != nil { // its machine may be slow, or gone
			s.Line("the prober of %s may be left: %v\nTry `kubectl --context %s -n %s delete pod %s`", p.context, err, p.context, p.Namespace, proberName)
		}
		return nil
	})
	if err := st.replaceWorn(ctx, s, "--wait=false"); err != nil {
		s.Line("the gateways that were killed aren't replaced: %v", err)
	}
	st.end()
	for _, p := range st.places {
		p.lines.Wait()
	}
}

// replaceWorn replaces the Pods whose processes were killed by those that have never been: Kubernetes takes longer to start a
// process again each time it ends, and the tenth run would measure that.
func (st *Stage) replaceWorn(ctx context.Context, s *experiment.Screen, wait string) error {
	for p, pods := range st.worn {
		s.SetStatus("replacing the gateways that were killed …")
		if _, err := p.await(ctx, nil, append([]string{"-n", p.Namespace, "delete", "pod", "--ignore-not-found", wait}, pods...)...); err != nil {
			return err
		}
		delete(st.worn, p)
	}
	return nil
}
