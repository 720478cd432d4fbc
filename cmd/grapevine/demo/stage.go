package demo

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// stage is a mesh of processes of this very program, as the stage of one experiment.
type stage struct {
	*mesh
	vips    map[string]netip.Addr
	version string // of the gateways
	deaths  chan experiment.Death
	rude    []string // what didn't end well when it was asked to
}

// run makes one experiment with a new mesh and returns what was found; introduce is called once the mesh is up. It leaves
// nothing behind, whatever happens.
func run(ctx context.Context, o experiment.Options, s *experiment.Screen, introduce func(*stage, experiment.Options, *experiment.Screen)) (result *chaos.Result, err error) {
	if err := checkLoopback(); err != nil {
		return nil, err
	}
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := newWorkdir()
	if err != nil {
		return nil, err
	}
	defer dir.remove()
	slot, err := takeSlot()
	if err != nil {
		return nil, err
	}
	defer slot.release()
	plan, err := newPlan(dir.path, slot)
	if err != nil {
		return nil, err
	}
	if err := plan.write(); err != nil {
		return nil, err
	}

	p := &stage{vips: make(map[string]netip.Addr), deaths: make(chan experiment.Death, maxDeaths)}
	p.mesh = newMesh(plan, binary, p.died)
	defer func() {
		if o.Logs != "" {
			if failed := p.keepLogs(o.Logs); err == nil {
				err = failed
			}
		}
	}()
	defer p.close()
	if err := p.start(ctx, s); err != nil {
		return nil, err
	}
	introduce(p, o, s)
	return experiment.Run(ctx, p, o, s)
}

// start brings the mesh up.
func (p *stage) start(ctx context.Context, s *experiment.Screen) error {
	s.SetStatus("starting 9 processes …")
	began := time.Now()
	count := 0
	for _, c := range p.plan.Clusters {
		started, err := p.startCluster(c)
		if err != nil {
			return err
		}
		count += len(started)
	}
	if err := p.awaitWhole(ctx); err != nil {
		return err
	}
	for _, c := range p.plan.Clusters {
		services, err := c.Gateways[0].observer().Services(ctx)
		if err != nil {
			return err
		}
		p.vips[c.Name] = vipOf(services)
	}
	status, err := p.Observers()[0].Status(ctx)
	if err != nil {
		return err
	}
	p.version = status.Version
	s.SetStatus("")
	s.Line("%d processes started; all %d gateways see one another, and %s in %d clusters, after %.1f s.",
		count, len(p.gateways()), serviceDNS, len(p.plan.Clusters), time.Since(began).Seconds())
	return nil
}

// Clusters returns the clusters' names.
func (p *stage) Clusters() []string { return ClusterNames() }

// Observers returns the gateways that the probers ask.
func (p *stage) Observers() []chaos.Observer {
	var observers []chaos.Observer
	for _, c := range p.plan.Clusters {
		observers = append(observers, c.Gateways[0].observer())
	}
	return observers
}

// Patience is none: what doesn't come back within the course of a demo is its finding.
func (p *stage) Patience() time.Duration { return 0 }

// Finish adds the version of the gateways, and what didn't end well.
func (p *stage) Finish(_ context.Context, r *chaos.Result) {
	r.Version = p.version
	r.Problems = append(r.Problems, p.rude...)
}

// Deaths tells of the processes that ended by themselves.
func (p *stage) Deaths() <-chan experiment.Death { return p.deaths }

// maxDeaths bounds the deaths that wait to be told: more processes than there are can't end between two looks.
const maxDeaths = 64

// died takes the end of a process that nobody had asked for.
func (p *stage) died(process *chaos.Process, at time.Time, status string) {
	cluster, name, _ := strings.Cut(process.Name, "/")
	select {
	case p.deaths <- experiment.Death{
		Cluster: cluster, Name: process.Name, At: at, Status: status, Log: logTail(process),
		Probed: p.cluster(cluster).Gateways[0].ID.Name == name,
	}:
	default: // nobody listens any more
	}
}
