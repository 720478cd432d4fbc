package imports

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"k8s.io/client-go/kubernetes"
	corev1 "k8s.io/client-go/listers/core/v1"
	discoveryv1 "k8s.io/client-go/listers/discovery/v1"

	"github.com/grapevine-mesh/grapevine/registry"
)

// ImporterConfig makes an [Importer]. All but Log is required.
type ImporterConfig struct {
	Client    kubernetes.Interface
	Services  corev1.ServiceLister            // of Namespace at least
	Slices    discoveryv1.EndpointSliceLister // of Namespace at least
	Synced    func() bool                     // the listers have all that there is
	Changed   <-chan struct{}                 // they have something else than before
	Namespace string                          // Grapevine's own, where derived objects are
	Self      registry.Gateway
	PodIPs    []netip.Addr               // where this gateway is found inside its cluster
	Directory func() *registry.Directory // the present one
	Serving   func() bool                // this gateway answers questions for names
	Every     bool                       // federated services have a VIP though they are reached flat
	Log       zerolog.Logger
}

// An Importer makes services of the mesh into Services of this cluster: for each name that has a VIP a derived Service, whose
// ClusterIP is the VIP, and whose endpoints are the cluster's gateways or its own Pods. It follows the directory, what this
// gateway listens for, and what is known of its siblings. What it writes it reads first, so it writes nothing twice, and a
// failover between clusters writes nothing at all.
type Importer struct {
	config ImporterConfig
	writer *writer

	mu       sync.Mutex // guards what others tell
	own      []registry.Own
	fronts   []registry.Front
	siblings map[string]Sibling
	fallen   map[string]time.Time // when a sibling's link went down
	told     chan struct{}        // one slot: something above changed

	turn      chan struct{} // one slot: whoever has it may write
	withdrawn atomic.Bool   // nothing is written any more
	state     state         // of whoever has the turn

	found    atomic.Pointer[map[registry.VIPName]vip]
	settled  atomic.Bool
	problems atomic.Pointer[[]Problem]
}

type vip struct{ v4, v6 netip.Addr }

// Problem is a standing problem with one name, or with what was to be done about one object.
type Problem struct {
	About  string
	Detail string
}

// Stats says what an importer has done since its start.
type Stats struct {
	Writes   map[Write]uint64
	Failures map[Write]uint64
	Found    int // names with a VIP
	Problems []Problem
}

// NewImporter returns an importer that writes nothing yet.
func NewImporter(config ImporterConfig) (*Importer, error) {
	if config.Client == nil || config.Services == nil || config.Slices == nil || config.Synced == nil ||
		config.Changed == nil || config.Directory == nil || config.Serving == nil {
		return nil, errors.New("kubernetes: an importer needs Client, Services, Slices, Synced, Changed, Directory and Serving")
	}
	if err := config.Self.Validate(); err != nil {
		return nil, err
	}
	if err := registry.CheckLabel(config.Namespace); err != nil {
		return nil, err
	}
	var podIPs []netip.Addr
	for _, ip := range config.PodIPs {
		if ip = ip.Unmap(); usable(ip) && !slices.Contains(podIPs, ip) {
			podIPs = append(podIPs, ip)
		}
	}
	if len(podIPs) == 0 {
		return nil, errors.New("kubernetes: pod-ips: none that other Pods can reach; want the Pod's own, such as [10.0.3.7]")
	}
	config.PodIPs = podIPs
	i := &Importer{
		config: config, writer: newWriter(config.Client, config.Namespace),
		fallen: map[string]time.Time{}, told: make(chan struct{}, 1), turn: make(chan struct{}, 1), state: newState(),
	}
	i.found.Store(&map[registry.VIPName]vip{})
	i.problems.Store(&[]Problem{})
	return i, nil
}

const (
	coalesce    = 50 * time.Millisecond  // a deployment changes many things at once
	coalesceMax = 250 * time.Millisecond // where a look at all takes long: so that looking is a fifth of the time at most
	syncCheck   = 100 * time.Millisecond // there is no signal for it where a cluster has no object at all

	servingCheck = time.Second // nor for this
)

// Run keeps the derived objects true until ctx ends. The API server may come and go.
func (i *Importer) Run(ctx context.Context) error {
	for {
		var next time.Time
		select {
		case <-ctx.Done():
			return nil
		case i.turn <- struct{}{}:
			next = i.look(ctx, time.Now())
			<-i.turn
		}
		if !i.await(ctx, next) {
			return nil
		}
	}
}

// await waits until something has changed, or until the time comes, if there is one.
func (i *Importer) await(ctx context.Context, next time.Time) bool {
	var alarm <-chan time.Time
	if !next.IsZero() {
		timer := time.NewTimer(time.Until(next))
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-alarm:
		return true
	case <-i.told:
	case <-i.config.Changed:
	case <-i.state.directory.Next():
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(min(coalesceMax, max(coalesce, 4*i.state.took))):
		return true
	}
}

// Open says where this gateway listens now, and so what may be found. What isn't among it any more loses this gateway as an
// endpoint only when it has been unwanted for a while.
func (i *Importer) Open(fronts []registry.Front) {
	i.tell(func() { i.fronts = slices.Clone(fronts) })
}

// SetOwn says what this cluster exports itself.
func (i *Importer) SetOwn(own []registry.Own) {
	i.tell(func() { i.own = slices.Clone(own) })
}

// SetGateways says what is known of the gateways of this cluster, by their names.
func (i *Importer) SetGateways(gateways map[string]Sibling) {
	siblings := maps.Clone(gateways)
	delete(siblings, i.config.Self.Name)
	i.mu.Lock()
	same := maps.Equal(i.siblings, siblings)
	i.mu.Unlock()
	if same {
		return
	}
	i.tell(func() {
		for name, state := range siblings {
			if state == SiblingLinkDown && i.siblings[name] == SiblingLive {
				i.fallen[name] = time.Now()
			}
		}
		i.siblings = siblings
	})
}

func (i *Importer) tell(set func()) {
	i.mu.Lock()
	set()
	i.mu.Unlock()
	select {
	case i.told <- struct{}{}:
	default:
	}
}

// Lookup returns the ClusterIPs of a name's derived Service, once this gateway's endpoints for it are in place. A zero
// address means that it has none of that family. It never waits.
func (i *Importer) Lookup(name registry.VIPName) (v4, v6 netip.Addr) {
	at := (*i.found.Load())[name]
	return at.v4, at.v6
}

// Stats returns what was done so far.
func (i *Importer) Stats() Stats {
	i.writer.mu.Lock()
	defer i.writer.mu.Unlock()
	return Stats{
		Writes: maps.Clone(i.writer.writes), Failures: maps.Clone(i.writer.failures),
		Found: len(*i.found.Load()), Problems: *i.problems.Load(),
	}
}

// jitter is a random number below 1.
func jitter() float64 { return rand.Float64() }

func byAbout(a, b Problem) int { return strings.Compare(a.About, b.About) }
