package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/grapevine-mesh/grapevine/registry"
)

const (
	openTimeout = 10 * time.Second      // for all candidates together
	acceptPause = 50 * time.Millisecond // after an Accept that failed: out of descriptors, most likely
)

// FrontsConfig makes [Fronts]. Route and Open are required.
type FrontsConfig struct {
	Listen       func(netip.AddrPort) (net.Listener, error)   // nil: TCP
	ListenPacket func(netip.AddrPort) (net.PacketConn, error) // nil: UDP
	Route        func(Target) []registry.Candidate            // where a connection or a flow may go, best first
	Open         func(ctx context.Context, t Target, candidates []registry.Candidate) (net.Conn, registry.Gateway, error)
	Flows        int           // clients of one UDP front that are served at a time; 0: 4096
	Grace        time.Duration // how long connections and flows may go on when Run is asked to stop
	Log          zerolog.Logger
}

// Fronts are the addresses that applications connect to, or send datagrams to: one for each port of a federated service, at
// its VIP or where the VIP's packets are sent. What is accepted there is carried to a candidate. Where there is none, a
// connection is reset at once, and a datagram is lost.
type Fronts struct {
	cfg   FrontsConfig
	life  context.Context
	end   context.CancelFunc
	tasks tasks

	flowCounters flowCounters

	mu      sync.Mutex
	running bool
	closed  bool
	fronts  map[place]front
	conns   map[net.Conn]struct{}
}

// place is where a front listens.
type place struct {
	addr     netip.AddrPort
	protocol registry.Protocol
}

// front is one of the fronts, of either protocol.
type front interface {
	lead(Target)        // what comes from now on goes there
	run()               // takes what comes, until the socket is closed
	leave() (over bool) // takes nothing new; it is over when its socket is closed, which the last open flow may have to do
	cut()               // ends what is open
}

// NewFronts returns fronts without any address.
func NewFronts(cfg FrontsConfig) (*Fronts, error) {
	if cfg.Route == nil || cfg.Open == nil {
		return nil, errors.New("tunnel: fronts need Route and Open")
	}
	if cfg.Listen == nil {
		cfg.Listen = func(addr netip.AddrPort) (net.Listener, error) { return net.Listen("tcp", addr.String()) }
	}
	if cfg.ListenPacket == nil {
		cfg.ListenPacket = func(addr netip.AddrPort) (net.PacketConn, error) { return net.ListenPacket("udp", addr.String()) }
	}
	setDefault(&cfg.Flows, 4096)
	f := &Fronts{cfg: cfg, fronts: map[place]front{}, conns: map[net.Conn]struct{}{}}
	f.life, f.end = context.WithCancel(context.Background())
	return f, nil
}

// Set makes these the fronts. Those that are gone take nothing new, and what is open there goes on. It returns an error for
// each that can't be had, which are refused; the others work, and the next Set tries again.
func (f *Fronts) Set(fronts []registry.Front) (refused []registry.Front, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, net.ErrClosed
	}
	var failures []error
	refuse := func(front registry.Front, why error) {
		refused = append(refused, front)
		failures = append(failures, fmt.Errorf("%s for %s: %w", front.Listen, front.Name, why))
	}
	wanted := make(map[place]registry.Front, len(fronts))
	for _, w := range fronts {
		at := place{w.Listen, w.Port.Protocol}
		if other, twice := wanted[at]; twice && other != w {
			refuse(w, fmt.Errorf("it is for %s already", other.Name))
			continue
		}
		wanted[at] = w
	}
	for at, known := range f.fronts {
		if _, kept := wanted[at]; !kept && known.leave() {
			delete(f.fronts, at)
		}
	}
	for at, w := range wanted {
		target := Target{Name: w.Name, Port: w.Port.Port, Protocol: w.Port.Protocol}
		if known := f.fronts[at]; known != nil {
			known.lead(target)
			continue
		}
		opened, err := f.open(at)
		if err != nil {
			refuse(w, err)
			continue
		}
		opened.lead(target)
		f.fronts[at] = opened
		if f.running {
			f.tasks.start(opened.run)
		}
	}
	return refused, errors.Join(failures...)
}

func (f *Fronts) open(at place) (front, error) {
	switch at.protocol {
	case registry.TCP:
		listener, err := f.cfg.Listen(at.addr)
		return &streamFront{fronts: f, listener: listener}, err
	case registry.UDP:
		conn, err := f.cfg.ListenPacket(at.addr)
		return &packetFront{fronts: f, place: at, conn: conn, clients: map[netip.AddrPort]*client{}}, err
	}
	return nil, fmt.Errorf("%s is not carried", at.protocol)
}

// Run carries what comes until ctx ends. Then it takes no more, lets what is open end within the grace period, and cuts the
// rest.
func (f *Fronts) Run(ctx context.Context) error {
	f.mu.Lock()
	f.running = true
	for _, opened := range f.fronts {
		f.tasks.start(opened.run)
	}
	f.mu.Unlock()
	<-ctx.Done()

	f.mu.Lock()
	f.closed = true
	for at, opened := range f.fronts {
		if opened.leave() {
			delete(f.fronts, at)
		}
	}
	f.mu.Unlock()
	cut := time.AfterFunc(f.cfg.Grace, f.cut)
	defer cut.Stop()
	f.tasks.wait()
	return nil
}

// cut ends what is open.
func (f *Fronts) cut() {
	f.end()
	f.mu.Lock()
	defer f.mu.Unlock()
	for conn := range f.conns {
		reset(conn)
	}
	for _, open := range f.fronts {
		open.cut()
	}
}
