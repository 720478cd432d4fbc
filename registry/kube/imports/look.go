package imports

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/grapevine-mesh/grapevine/registry"
)

const (
	writesAtOnce = 16
	// errandsAtOnce bounds what is done between two looks, so that a sibling's death needn't wait for a thousand new services.
	errandsAtOnce = 128
	// buryAgain is how long a dead sibling's slices that came back are left: the ring may be wrong.
	buryAgain = 30 * time.Second
)

// A state is what the importer remembers from look to look.
type state struct {
	directory *registry.Directory
	took      time.Duration // the last look, without what was written
	ahead     *ahead
	patience  patience
	backoff   backoff
	inPlace   map[registry.VIPName]reached // names that were found once
	problems  map[registry.VIPName]string
	pause     backoff // of all writing, while the API server is away
}

func newState() state {
	return state{ahead: newAhead(), backoff: backoff{}, pause: backoff{}, inPlace: map[registry.VIPName]reached{}}
}

// look reads everything afresh, writes what is due, and returns when to look again though nothing changes; zero: never. It is
// called by whoever has the turn.
func (i *Importer) look(ctx context.Context, now time.Time) (next time.Time) {
	i.state.directory = i.config.Directory()
	if i.withdrawn.Load() {
		return time.Time{}
	}
	if !i.config.Synced() {
		return now.Add(syncCheck)
	}
	s, err := i.situation(now)
	if err != nil { // of a lister; it reads from memory
		i.config.Log.Error().Err(err).Msg("derived objects not read")
		return now.Add(time.Second)
	}
	next = i.state.ahead.overlay(s, now)
	if !s.serving {
		next = earlier(next, now.Add(servingCheck))
	}
	planned := plan(s)
	i.publish(s, planned)
	due, later := i.state.patience.due(planned.errands, now)
	next = earlier(next, later)

	chosen, later := i.choose(due, now)
	i.state.took = time.Since(now)
	next = earlier(next, later)
	if len(chosen) == 0 {
		return next
	}
	i.settle(s, i.write(ctx, chosen), time.Now())
	return now // what was written may have made more possible
}

// read returns what there is in the namespace.
func (i *Importer) read() (*situation, error) {
	services, err := i.config.Services.Services(i.config.Namespace).List(labels.Everything())
	if err != nil {
		return nil, err
	}
	slices, err := i.config.Slices.EndpointSlices(i.config.Namespace).List(labels.Everything())
	if err != nil {
		return nil, err
	}
	s := &situation{
		gateway: i.config.Self.Name, podIPs: i.config.PodIPs,
		services: make(map[string]*derived, len(services)), slices: make(map[string]*slice, len(slices)),
	}
	for _, object := range services {
		s.services[object.Name] = readDerived(object)
		if n := readNameServer(object); n != nil {
			s.names = append(s.names, n)
		}
	}
	for _, object := range slices {
		s.slices[object.Name] = readSlice(object)
	}
	return s, nil
}

// situation returns what there is, and all that a plan depends on otherwise.
func (i *Importer) situation(now time.Time) (*situation, error) {
	s, err := i.read()
	if err != nil {
		return nil, err
	}
	d := i.state.directory
	s.ready, s.serving, s.imports = d.Ready(), i.config.Serving(), Imports(d, i.config.Every)
	i.mu.Lock()
	defer i.mu.Unlock()
	s.local = localPods(d, i.config.Self.Cluster, i.own, s.imports)
	s.siblings, s.fallen = i.siblings, i.fallenLocked(now)
	s.fronts = make(map[registry.VIPName]map[registry.PortNumber]uint16)
	for _, front := range i.fronts {
		if s.fronts[front.Name] == nil {
			s.fronts[front.Name] = map[registry.PortNumber]uint16{}
		}
		s.fronts[front.Name][front.Port] = front.Listen.Port()
	}
	return s, nil
}

// fallenFor is how long the verdict of a link counts. It outlives a sibling whose turn it would be, but which fell with the
// other; after that the ring says what is dead.
const fallenFor = 5 * time.Second

// fallenLocked returns the siblings whose links have just gone down.
func (i *Importer) fallenLocked(now time.Time) map[string]bool {
	fallen := map[string]bool{}
	for name, at := range i.fallen {
		if i.siblings[name] != SiblingLinkDown || now.Sub(at) > fallenFor {
			delete(i.fallen, name)
		} else {
			fallen[name] = true
		}
	}
	return fallen
}

// choose returns the errands to be done now: those that haven't just failed, and not all at once.
func (i *Importer) choose(due []errand, now time.Time) (chosen []errand, next time.Time) {
	about := map[string]bool{}
	paused, all := i.state.pause.held(apiServer, now)
	for _, e := range due {
		about[e.about] = true
		until, held := i.state.backoff.held(e.about, now)
		switch {
		case all:
			next = paused
		case held:
			next = earlier(next, until)
		case len(chosen) < errandsAtOnce:
			chosen = append(chosen, e)
		}
	}
	i.state.backoff.keep(about, now)
	return chosen, next
}

// A result is what became of a change.
type result struct {
	errand  string
	change  *change
	service *derived
	slice   *slice
	err     error
}

// write does errands, some of them at once. It stops early when the API server is away, or this gateway withdraws.
func (i *Importer) write(ctx context.Context, errands []errand) []result {
	results := make([][]result, len(errands))
	var stop atomic.Bool
	var group errgroup.Group
	group.SetLimit(writesAtOnce)
	for n, e := range errands {
		group.Go(func() error {
			for k := range e.changes {
				if stop.Load() || i.withdrawn.Load() || ctx.Err() != nil {
					return nil
				}
				r := result{errand: e.about, change: &e.changes[k]}
				r.service, r.slice, r.err = i.writer.make(ctx, r.change)
				results[n] = append(results[n], r)
				if r.err != nil {
					stop.Store(stop.Load() || away(r.err))
					return nil
				}
			}
			return nil
		})
	}
	_ = group.Wait()
	return slices.Concat(results...)
}
