package contexts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// Stage is a mesh that is installed in clusters of Kubernetes.
type Stage struct {
	Config
	places   []*place
	driver   *driver
	life     context.Context // of the lines
	end      func()
	struck   *chaos.Fault // made, and not mended yet
	replicas scales       // from before a planned shutdown
	pods     map[*place]gatewayPods
	objects  map[*place]objects  // from before the API server was stopped
	worn     map[*place][]string // Pods whose processes were killed, and that weren't replaced yet
	atFirst  time.Duration       // how long the mesh may take to be whole before the first experiment
}

// Open meets the clusters and refuses those that no experiment can be made on. It changes nothing there.
func Open(ctx context.Context, cfg Config, s *experiment.Screen) (*Stage, error) {
	st := &Stage{Config: cfg, atFirst: wholeAtFirst, worn: make(map[*place][]string)}
	var err error
	if st.driver, err = newDriver(ctx, &cfg); err != nil {
		return nil, err
	}
	s.SetStatus("looking at the clusters …")
	defer s.SetStatus("")
	for _, name := range cfg.Contexts {
		p := &place{kubectl: kubectl{cfg.Kubectl, name}, Config: cfg, clocks: make(map[*forward]chaos.Clock)}
		p.prober = newForward(p.kubectl, cfg.Namespace, proberName, proberPort)
		st.places = append(st.places, p)
	}
	if err := st.everywhere(func(p *place) error { return errors.Join(p.read(ctx), ctx.Err()) }); err != nil {
		return nil, err
	}
	if err := st.everywhere(func(p *place) error { return p.strangers(ctx) }); err != nil {
		return nil, err
	}
	st.life, st.end = context.WithCancel(context.WithoutCancel(ctx))
	return st, nil
}

// Start makes the probers be there and waits until everything is as an experiment needs it. Whatever comes of it, Close has to
// follow.
func (st *Stage) Start(ctx context.Context, s *experiment.Screen) error {
	defer s.SetStatus("")
	s.SetStatus("starting the probers …")
	if err := st.everywhere(func(p *place) error { return p.start(ctx, st.life) }); err != nil {
		return err
	}
	if err := st.distinct(); err != nil {
		return err
	}
	if err := st.settle(ctx, st.atFirst, s); err != nil {
		return err
	}
	gateways := 0
	for _, p := range st.places {
		gateways += len(p.gateways)
		s.Line("%s (context %s): Kubernetes %s, %s; grapevine %s, %d gateways", p.cluster, p.context, p.server, strings.Join(p.nodes, "; "), p.version, len(p.gateways))
	}
	s.Line("all %d gateways see one another, and %s in %d clusters; the clocks are aligned to within %s.",
		gateways, strings.TrimSuffix(st.Name(), "."), len(st.places), chaos.MillisOf(st.clockError()))
	return nil
}

// Once makes one experiment, when the mesh is whole.
func (st *Stage) Once(ctx context.Context, o experiment.Options, s *experiment.Screen) (*chaos.Result, error) {
	if err := st.replaceWorn(ctx, s, "--timeout=2m"); err != nil {
		return nil, err
	}
	if err := st.settle(ctx, wholeAgain, s); err != nil {
		return nil, err
	}
	var err error
	if st.pods, err = collect(st.places, func(p *place) (gatewayPods, error) { return p.readPods(ctx) }); err != nil {
		return nil, err
	}
	return experiment.Run(ctx, st, o, s)
}

// everywhere does something in all places at once, and returns the first error in their order.
func (st *Stage) everywhere(do func(*place) error) error {
	errs := make([]error, len(st.places))
	var done sync.WaitGroup
	for i, p := range st.places {
		done.Go(func() { errs[i] = do(p) })
	}
	done.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// collect asks something in all places at once.
func collect[T any](places []*place, ask func(*place) (T, error)) (map[*place]T, error) {
	answers, errs := make([]T, len(places)), make([]error, len(places))
	var asked sync.WaitGroup
	for i, p := range places {
		asked.Go(func() { answers[i], errs[i] = ask(p) })
	}
	asked.Wait()
	all := make(map[*place]T)
	for i, p := range places {
		all[p] = answers[i]
	}
	return all, errors.Join(errs...)
}

// ClusterOf returns the name in the mesh of a cluster that is given by it, or by its context.
func (st *Stage) ClusterOf(name string) string {
	for _, p := range st.places {
		if p.context == name {
			return p.cluster
		}
	}
	return name
}

func (st *Stage) place(cluster string) *place {
	return st.places[slices.IndexFunc(st.places, func(p *place) bool { return p.cluster == cluster })]
}

// distinct refuses two contexts of one cluster.
func (st *Stage) distinct() error {
	seen := make(map[string]string)
	for _, p := range st.places {
		if other := seen[p.cluster]; other != "" {
			return experiment.Usagef("--contexts: %s and %s are both the cluster %s; want one context for each cluster", other, p.context, p.cluster)
		}
		seen[p.cluster] = p.context
	}
	return nil
}

// Clusters returns the clusters' names in the mesh, in the order of their contexts.
func (st *Stage) Clusters() []string {
	var names []string
	for _, p := range st.places {
		names = append(names, p.cluster)
	}
	return names
}

// Observers returns the first gateway of each cluster.
func (st *Stage) Observers() []chaos.Observer {
	var observers []chaos.Observer
	for _, p := range st.places {
		observers = append(observers, p.observers()[0])
	}
	return observers
}

// NewProber returns the prober of one cluster, for one experiment. Their Pods beat as it comes.
func (st *Stage) NewProber(probe experiment.Probe) (experiment.Prober, error) {
	return &prober{Probe: probe, place: st.place(probe.Cluster)}, nil
}

// Patience is as long as a cluster may need to boot, and its gateways to come back.
func (st *Stage) Patience() time.Duration { return 3 * time.Minute }

// Deaths is nil: what ended by itself is found out at the end, from the Pods' own counts.
func (st *Stage) Deaths() <-chan experiment.Death { return nil }

func (st *Stage) clockError() time.Duration {
	worst := time.Duration(0)
	for _, p := range st.places {
		worst = max(worst, p.clockError())
	}
	return worst
}

// describe names a place for the report.
func (p *place) describe() chaos.Place {
	return chaos.Place{Cluster: p.cluster, Context: p.context, Kubernetes: p.server, Nodes: p.nodes, Image: p.set.gateway().Image}
}

// name learns from the first gateway what the cluster is called.
func (p *place) name(ctx context.Context) error {
	status, err := p.observers()[0].Status(ctx)
	if err != nil {
		return err
	}
	cluster, _, _ := strings.Cut(status.Gateway, "/")
	if cluster == "" {
		return fmt.Errorf("%s doesn't say which gateway it is", setName)
	}
	p.cluster, p.version = cluster, status.Version
	return nil
}
