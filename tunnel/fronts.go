package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
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
	Listen func(netip.AddrPort) (net.Listener, error) // nil: TCP
	Route  func(Target) []registry.Candidate          // where a connection may go, best first
	Open   func(ctx context.Context, t Target, candidates []registry.Candidate) (net.Conn, registry.Gateway, error)
	Grace  time.Duration // how long connections may go on when Run is asked to stop
	Log    zerolog.Logger
}

// Fronts are the addresses that applications connect to: a VIP and a port for each port of a federated service. What is
// accepted there is carried to a candidate, or reset at once when there is none.
type Fronts struct {
	cfg   FrontsConfig
	life  context.Context
	end   context.CancelFunc
	tasks tasks

	mu      sync.Mutex
	running bool
	closed  bool
	fronts  map[netip.AddrPort]*front
	conns   map[net.Conn]struct{}
}

type front struct {
	listener net.Listener
	target   atomic.Pointer[Target]
}

// NewFronts returns fronts without any address.
func NewFronts(cfg FrontsConfig) (*Fronts, error) {
	if cfg.Route == nil || cfg.Open == nil {
		return nil, errors.New("tunnel: fronts need Route and Open")
	}
	if cfg.Listen == nil {
		cfg.Listen = func(addr netip.AddrPort) (net.Listener, error) { return net.Listen("tcp", addr.String()) }
	}
	f := &Fronts{cfg: cfg, fronts: map[netip.AddrPort]*front{}, conns: map[net.Conn]struct{}{}}
	f.life, f.end = context.WithCancel(context.Background())
	return f, nil
}

// Set makes these the addresses, and what they stand for. Those that are gone are closed, and their connections go on.
// It returns an error for each address that can't be had; the others work, and the next Set tries again.
func (f *Fronts) Set(targets map[netip.AddrPort]Target) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return net.ErrClosed
	}
	for addr, gone := range f.fronts {
		if _, kept := targets[addr]; !kept {
			gone.listener.Close()
			delete(f.fronts, addr)
		}
	}
	var failures []error
	for addr, target := range targets {
		if known := f.fronts[addr]; known != nil {
			known.target.Store(&target)
			continue
		}
		listener, err := f.cfg.Listen(addr)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s for %s: %w", addr, target.Name.Service, err))
			continue
		}
		opened := &front{listener: listener}
		opened.target.Store(&target)
		f.fronts[addr] = opened
		if f.running {
			f.tasks.start(func() { f.accept(opened) })
		}
	}
	return errors.Join(failures...)
}

// Run carries connections until ctx ends. Then it takes no more, lets the open ones end within the grace period, and
// resets the rest.
func (f *Fronts) Run(ctx context.Context) error {
	f.mu.Lock()
	f.running = true
	for _, opened := range f.fronts {
		f.tasks.start(func() { f.accept(opened) })
	}
	f.mu.Unlock()
	<-ctx.Done()

	f.mu.Lock()
	f.closed = true
	for _, opened := range f.fronts {
		opened.listener.Close()
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
}

func (f *Fronts) accept(from *front) {
	for {
		conn, err := from.listener.Accept()
		switch {
		case err == nil:
			if !f.tasks.start(func() { f.serve(conn, *from.target.Load()) }) {
				reset(conn)
			}
		case errors.Is(err, net.ErrClosed):
			return
		default:
			f.cfg.Log.Warn().Err(err).Msg("cannot accept")
			select {
			case <-f.life.Done():
				return
			case <-time.After(acceptPause):
			}
		}
	}
}

// serve carries one application's connection.
func (f *Fronts) serve(conn net.Conn, t Target) {
	if caller, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		t.Caller = caller
	}
	f.track(conn)
	defer f.untrack(conn)
	ctx, cancel := context.WithTimeout(f.life, openTimeout)
	defer cancel()
	other, _, err := f.cfg.Open(ctx, t, f.cfg.Route(t))
	if err != nil {
		f.cfg.Log.Debug().Stringer("service", t.Name.Service).Err(err).Msg("connection not carried")
		reset(conn)
		return
	}
	splice(conn, other)
}

func (f *Fronts) track(conn net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns[conn] = struct{}{}
}

func (f *Fronts) untrack(conn net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, conn)
}
