package gossip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Ring is this gateway's part in the gossip ring of all gateways.
type Ring struct {
	cfg   Config
	seeds []*seed
	meta  atomic.Pointer[[]byte] // what this gateway says of itself

	advertise atomic.Pointer[[]netip.AddrPort] // where it can be dialled
	announced []netip.AddrPort                 // what meta says of that; only New and the rejoin loop touch it

	view   *view
	peers  *peers
	keys   *wanted
	belief belief
	claims claims

	hurry    chan struct{}       // holds one token when the rejoin loop needn't wait
	conflict chan *ConflictError // holds the reason to stop
	stats    counters

	renewals  int // to come; only the rejoin loop touches it
	started   atomic.Bool
	transport atomic.Pointer[transport] // while running
}

// New returns a ring that has not started.
func New(cfg Config) (*Ring, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	r := &Ring{
		cfg: cfg, view: newView(), peers: newPeers(), keys: newWanted(),
		belief: belief{last: make(map[registry.Gateway][]byte)},
		hurry:  make(chan struct{}, 1), conflict: make(chan *ConflictError, 1),
	}
	for _, text := range cfg.Seeds {
		s, err := parseSeed(text)
		if err != nil {
			return nil, fmt.Errorf("gossip: %w", err)
		}
		r.seeds = append(r.seeds, s)
	}
	r.advertise.Store(&cfg.Advertise)
	if err := r.sign(); err != nil {
		return nil, err
	}
	r.view.joined(cfg.Self, meta{Instance: cfg.Instance, Advertise: cfg.Advertise}, time.Now())
	return r, nil
}

// Run takes part in the ring until ctx ends, leaves it, and returns nil. It returns a [ConflictError] when another
// process turns out to have this gateway's name. Start waits for nobody: a gateway that reaches no one is a ring of one
// that keeps trying.
//
// memberlist doesn't wait for its timers when it is shut down. What is left of it touches nothing of ours, and is gone
// within some seconds.
func (r *Ring) Run(ctx context.Context) error {
	if !r.started.CompareAndSwap(false, true) {
		return errors.New("gossip: a ring runs once")
	}
	r.recall()
	life, stop := context.WithCancel(ctx)
	defer stop()
	t := newTransport(life, r.cfg.Self, r.cfg.Links, &r.stats.dropped, &r.stats.streams)
	list, err := memberlist.Create(r.settings(t))
	if err != nil {
		return fmt.Errorf("gossip: %w", err)
	}
	r.transport.Store(t)

	var tasks sync.WaitGroup
	tasks.Go(func() { r.tellNews(life) })
	tasks.Go(func() { r.rejoin(life, list, t) })
	tasks.Go(func() { r.fetchKeys(life) })
	if r.cfg.PeersFile != "" {
		tasks.Go(func() { r.keepPeers(life) })
	}
	var conflict *ConflictError
	select {
	case <-ctx.Done():
	case conflict = <-r.conflict:
	}

	// The farewell, in this order: no more joining, which would bring us back in; tell the others; then the network.
	stop()
	t.hangUp()
	tasks.Wait()
	if conflict == nil {
		r.view.farewell(r.cfg.Self, time.Now())
		if err := list.Leave(leaveTimeout); err != nil {
			r.cfg.Log.Debug().Err(err).Msg("others may not know that we leave")
		}
	}
	r.transport.Store(nil)
	err = list.Shutdown()
	r.view.close()
	r.tell()
	if conflict != nil {
		return conflict
	}
	return err
}

// HandlePacket takes a packet of the ring that arrived from a peer. It doesn't block, and keeps the packet.
func (r *Ring) HandlePacket(from registry.Gateway, packet []byte, at time.Time) {
	if t := r.transport.Load(); t != nil {
		t.receive(from, packet, at)
	}
}

// HandleStream takes a stream that a peer opened, and returns when it is done with it.
func (r *Ring) HandleStream(from registry.Gateway, conn net.Conn) {
	if t := r.transport.Load(); t != nil {
		t.accept(from, conn)
	} else {
		_ = conn.Close()
	}
}

// Members returns every member, dead ones too, sorted by name.
func (r *Ring) Members() []Member { return r.view.list() }

// Left says that g bade farewell over its link. When the ring then finds it gone, or has found it, it is Left, not Dead.
func (r *Ring) Left(g registry.Gateway) { r.view.farewell(g, time.Now()) }

// Seeds returns what became of each seed last time.
func (r *Ring) Seeds() []SeedStatus {
	seeds := make([]SeedStatus, 0, len(r.seeds))
	for _, s := range r.seeds {
		s.mu.Lock()
		seeds = append(seeds, s.status)
		s.mu.Unlock()
	}
	return seeds
}
