package dnsserver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Config says what a server answers, and from what.
type Config struct {
	Zone        string                // required; such as "federated"
	Clusterset  string                // the Multi-Cluster Services API's zone, such as "clusterset.local"; empty: not served
	TTL         time.Duration         // of records; 0: they may not be kept. Negative answers: the same, but 2 s at most
	Self        registry.Cluster      // required; the cluster whose clients ask
	Directory   func() Directory      // required; the newest snapshot, never nil
	VIPs        VIPs                  // required
	Addrs       []netip.Addr          // where clients reach this server: the addresses of ns.<zone>, in both zones
	Pick        func(n uint64) uint64 // a random number below n; nil: a good one
	Log         zerolog.Logger
	IdleTimeout time.Duration // of TCP connections; 0: 10 s
	MaxConns    int           // TCP connections at once; 0: 256
}

// Server answers DNS questions for its zones.
type Server struct {
	zones     []*zone
	self      registry.Cluster
	directory func() Directory
	vips      VIPs
	pick      func(n uint64) uint64
	log       zerolog.Logger
	idle      time.Duration
	maxConns  int
	stats     stats
}

// New makes a server, which answers as soon as it is made; Run gives it sockets.
func New(config Config) (*Server, error) {
	if config.Directory == nil || config.VIPs == nil {
		return nil, fmt.Errorf("dns: directory and VIPs are required")
	}
	if err := registry.CheckLabel(string(config.Self)); err != nil {
		return nil, fmt.Errorf("dns: cluster %w", err)
	}
	zones, err := newZones(config)
	if err != nil {
		return nil, fmt.Errorf("dns: %w", err)
	}
	s := &Server{
		zones: zones, self: config.Self, directory: config.Directory, vips: config.VIPs,
		pick: config.Pick, log: config.Log, idle: config.IdleTimeout, maxConns: config.MaxConns,
	}
	if s.pick == nil {
		s.pick = rand.Uint64N
	}
	if s.idle <= 0 {
		s.idle = defaultIdle
	}
	if s.maxConns <= 0 {
		s.maxConns = defaultMaxConns
	}
	return s, nil
}

func newZones(config Config) ([]*zone, error) {
	own, err := newZone(federated{}, config.Zone, config.TTL, config.Addrs)
	if err != nil || config.Clusterset == "" {
		return []*zone{own}, err
	}
	other, err := newZone(clusterset{}, config.Clusterset, config.TTL, config.Addrs)
	if err == nil && own.overlaps(other) {
		err = fmt.Errorf("zones %q and %q: one is in the other", config.Zone, config.Clusterset)
	}
	return []*zone{own, other}, err
}

// Run answers what comes in over both sockets until ctx ends, and returns when all is stopped and the sockets are
// closed. It fails only when a socket does.
func (s *Server) Run(ctx context.Context, packets net.PacketConn, streams net.Listener) error {
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return s.serveUDP(ctx, packets) })
	running.Go(func() error { return s.serveTCP(ctx, streams) })
	return running.Wait()
}
