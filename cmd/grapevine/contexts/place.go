package contexts

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// place is one cluster of Kubernetes: what runs there, and the lines to it.
type place struct {
	kubectl
	Config
	cluster  string // its name in the mesh
	set      statefulSet
	server   string   // version of the API server
	nodes    []string // what they run
	gateways []*forward
	prober   *forward
	started  bool   // something was made here that has to be removed
	version  string // of the gateways' program

	mu     sync.Mutex
	clocks map[*forward]chaos.Clock
	lines  sync.WaitGroup
}

// The ports on the loopback of a gateway's Pod and of the prober's.
const (
	adminPort  = 7980
	proberPort = 7990
)

// connect keeps lines to every gateway up, and to the prober, until ctx ends.
func (p *place) connect(ctx context.Context) {
	for n := range p.set.Spec.Replicas {
		p.gateways = append(p.gateways, newForward(p.kubectl, p.Namespace, fmt.Sprintf("%s-%d", setName, n), adminPort))
	}
	for _, f := range append(p.gateways, p.prober) {
		p.lines.Go(func() { f.run(ctx) })
	}
}

// renew begins the lines anew: those to a machine that was away may hang.
func (p *place) renew() {
	for _, f := range append(p.gateways[:len(p.gateways):len(p.gateways)], p.prober) {
		f.renew()
	}
}

// observers returns the gateways, the one that is asked for what clients see before the others.
func (p *place) observers() []chaos.Observer {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []chaos.Observer
	for _, f := range p.gateways {
		all = append(all, p.observer(f, p.clocks[f]))
	}
	return all
}

func (p *place) observer(f *forward, clock chaos.Clock) chaos.Observer {
	return chaos.Observer{
		Gateway: p.cluster + "/" + f.pod, Admin: netip.MustParseAddrPort(fmt.Sprintf("127.0.0.1:%d", adminPort)),
		Client: f.http, Clock: clock,
	}
}

// align compares the clocks of all gateways with ours.
func (p *place) align(ctx context.Context) error {
	for _, f := range p.gateways {
		clock, err := f.clock(ctx, "/v1/status")
		if err != nil {
			return fmt.Errorf("context %s: the clock of %s: %w", p.context, f.pod, err)
		}
		p.setClock(f, clock)
	}
	return nil
}

func (p *place) setClock(f *forward, clock chaos.Clock) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clocks[f] = clock
}

// clockError is by how much any time from there may be off.
func (p *place) clockError() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	worst := time.Duration(0)
	for _, clock := range p.clocks {
		worst = max(worst, clock.Error)
	}
	return worst
}
