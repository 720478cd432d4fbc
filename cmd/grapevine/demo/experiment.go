package demo

import (
	"context"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// experiment is one course of a demo: a mesh, the traffic through it, and what is done to it.
type experiment struct {
	Options
	screen  *screen
	mesh    *mesh
	tally   *chaos.Tally
	story   *story
	notices *notices
	probers map[string]*chaos.Prober
	clients map[string]*chaos.Client
	vips    map[string]netip.Addr
	version string          // of the gateways
	tasks   sync.WaitGroup  // everything that runs beside the course
	life    context.Context // of tasks; ends with the course
	ended   chan error      // a process ended before the clock started

	mu     sync.Mutex
	begun  bool
	down   map[string]bool // clusters whose prober waits for its gateway
	fault  *chaos.Fault
	heal   *chaos.Heal
	healAt time.Time
}

// run carries out o and returns what was found; introduce is called once the mesh is up. It leaves nothing behind,
// whatever happens.
func run(ctx context.Context, o Options, s *screen, introduce func(*experiment)) (result *chaos.Result, err error) {
	if err := checkLoopback(); err != nil {
		return nil, err
	}
	if o.Binary == "" {
		if o.Binary, err = os.Executable(); err != nil {
			return nil, err
		}
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
	p, err := newPlan(dir.path, slot)
	if err != nil {
		return nil, err
	}
	if err := p.write(); err != nil {
		return nil, err
	}

	e := &experiment{
		Options: o, screen: s, tally: chaos.NewTally(clusterNames()), story: &story{screen: s},
		ended: make(chan error, 1), down: make(map[string]bool), vips: make(map[string]netip.Addr),
	}
	e.notices = newNotices(e.story)
	e.mesh = newMesh(p, o.Binary, e.died)
	defer func() {
		if o.Logs != "" {
			if failed := e.mesh.keepLogs(o.Logs); err == nil {
				err = failed
			}
		}
	}()
	defer e.tasks.Wait()
	defer e.mesh.close()
	if err := e.start(ctx); err != nil {
		return nil, err
	}
	introduce(e)
	return e.measure(ctx)
}

// start brings the mesh up.
func (e *experiment) start(ctx context.Context) error {
	e.screen.setStatus("starting 9 processes …")
	began := time.Now()
	processes := 0
	for _, c := range e.mesh.Clusters {
		started, err := e.mesh.startCluster(c)
		if err != nil {
			return err
		}
		processes += len(started)
	}
	if err := e.mesh.awaitWhole(ctx, e.ended); err != nil {
		return err
	}
	for _, c := range e.mesh.Clusters {
		services, err := c.Gateways[0].observer().Services(ctx)
		if err != nil {
			return err
		}
		e.vips[c.Name] = vipOf(services)
	}
	var err error
	if e.version, err = e.observers()[0].Version(ctx); err != nil {
		return err
	}
	e.screen.setStatus("")
	e.screen.line("%d processes started; all %d gateways see one another, and %s in %d clusters, after %.1f s.",
		processes, len(e.mesh.gateways()), serviceDNS, len(e.mesh.Clusters), time.Since(began).Seconds())
	return nil
}

// measure starts the probers, waits until they are calm, and goes through the course.
func (e *experiment) measure(ctx context.Context) (*chaos.Result, error) {
	probing, stopProbing := context.WithCancel(context.WithoutCancel(ctx))
	var probers sync.WaitGroup
	defer probers.Wait()
	defer stopProbing()
	if err := e.newProbers(); err != nil {
		return nil, err
	}
	for _, p := range e.probers {
		probers.Go(func() { p.Run(probing) })
	}
	if err := e.awaitCalm(ctx); err != nil {
		return nil, err
	}

	life, endLife := context.WithCancel(context.WithoutCancel(ctx))
	defer endLife()
	e.life = life
	begun := e.begin()
	e.play(ctx, begun)
	duration := time.Since(begun)
	stopProbing()
	e.screen.setStatus("waiting for the last answers …")
	probers.Wait()
	endLife()
	e.tasks.Wait()
	e.screen.setStatus("")
	return e.result(begun, duration), nil
}

// begin starts the clock, and everything that watches.
func (e *experiment) begin() time.Time {
	for _, cluster := range clusterNames() {
		e.tally.Lap(cluster)
	}
	begun := time.Now()
	e.story.begun = begun
	e.tally.Begin(begun)
	if e.Kill > 0 {
		e.tally.Watch(begun.Add(e.Kill-closeupBefore), begun.Add(e.Kill+closeupAfter))
	}
	if e.Heal > 0 {
		e.tally.Watch(begun.Add(e.Heal-closeupBefore), begun.Add(e.Heal+closeupAfter))
	}
	e.mu.Lock()
	e.begun = true
	e.mu.Unlock()
	for _, c := range e.mesh.Clusters {
		e.tasks.Go(func() { c.Gateways[0].observer().Follow(e.life, e.notices.hear) })
	}
	d := &display{screen: e.screen, tally: e.tally, begun: begun, paused: e.isDown, course: e.course()}
	d.head()
	e.tasks.Go(func() { d.run(e.life) })
	return begun
}

// The time round the fault and round the heal that the report shows request by request.
const (
	closeupBefore = 500 * time.Millisecond
	closeupAfter  = 3 * time.Second
)

func (e *experiment) course() course {
	return course{fault: e.Cluster + " is " + e.Fault.Past(), cluster: e.Cluster, kill: e.Kill, heal: e.Heal, end: e.Duration}
}

func (e *experiment) isDown(cluster string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.down[cluster]
}
