package experiment

import (
	"context"
	"sync"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// experiment is one course of events on a stage: the traffic through a mesh, and what is done to it.
type experiment struct {
	Options
	stage    Stage
	screen   *Screen
	tally    *chaos.Tally
	story    *story
	notices  *notices
	probers  map[string]Prober
	tasks    sync.WaitGroup  // everything that runs beside the course
	life     context.Context // of tasks; ends with the course
	returned chan struct{}   // closed once the mesh is whole again after the heal

	mu     sync.Mutex
	down   map[string]bool // clusters whose prober waits for its gateway
	fault  *chaos.Fault
	heal   *chaos.Heal
	healAt time.Time
}

// Run makes one experiment on a stage that is whole, and returns what was found. It ends early when ctx does.
func Run(ctx context.Context, stage Stage, o Options, s *Screen) (*chaos.Result, error) {
	e := &experiment{
		Options: o, stage: stage, screen: s, tally: chaos.NewTally(stage.Clusters()), story: &story{screen: s},
		down: make(map[string]bool), returned: make(chan struct{}), probers: make(map[string]Prober),
	}
	e.notices = newNotices(e.story)
	return e.measure(ctx)
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
	defer e.tasks.Wait()
	defer endLife()
	e.life = life
	begun := e.begin()
	if err := e.play(ctx, begun); err != nil {
		return nil, err
	}
	duration := time.Since(begun)
	stopProbing()
	e.screen.SetStatus("waiting for the last answers …")
	probers.Wait()
	endLife()
	e.tasks.Wait()
	e.screen.SetStatus("")
	return e.result(ctx, begun, duration), nil
}

// begin starts the clock, and everything that watches.
func (e *experiment) begin() time.Time {
	for _, cluster := range e.stage.Clusters() {
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
	for _, o := range e.stage.Observers() {
		e.tasks.Go(func() { o.Follow(e.life, e.notices.hear) })
	}
	e.tasks.Go(e.mourn)
	d := &display{screen: e.screen, tally: e.tally, begun: begun, clusters: e.stage.Clusters(), paused: e.isDown, course: e.course()}
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
	return course{fault: e.Fault.Target(e.Cluster) + " is " + e.Fault.Past(), cluster: e.Cluster, kill: e.Kill, heal: e.Heal, end: e.Duration}
}

func (e *experiment) isDown(cluster string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.down[cluster]
}

// mourn tells of what ended by itself: somebody may have taken the invitation to kill something.
func (e *experiment) mourn() {
	for {
		select {
		case <-e.life.Done():
			return
		case d := <-e.stage.Deaths():
			e.tally.SetOutage(chaos.Outage{From: d.At.Add(-reapTime), Gone: d.At})
			e.story.problem("%s ended by itself (%s)", d.Name, d.Status)
			e.story.tell(d.At, chaos.DeathEvent, "%s ended by itself (%s)", d.Name, d.Status)
			e.screen.Line("%s", d.Log)
			if d.Probed {
				e.pause(d.Cluster)
				e.tasks.Go(func() { e.resume(d.Cluster) })
			}
		}
	}
}

// reapTime is how long before a process is reaped its connections may have been closed: the kernel does that first, and then
// frees its memory.
const reapTime = 100 * time.Millisecond
