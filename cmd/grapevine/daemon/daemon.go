package daemon

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/grapevine-mesh/grapevine/dnsserver"
	"github.com/grapevine-mesh/grapevine/gossip"
	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// Options are what a gateway takes from where it runs, as opposed to what it is told.
type Options struct {
	Sockets Sockets
	Log     zerolog.Logger
	Version string
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error) // nil: the system's resolver
}

// Daemon is one gateway.
type Daemon struct {
	settings settings
	options  Options
	log      zerolog.Logger
	started  time.Time
	stopping chan struct{} // closed when the gateway was asked to stop

	data     *dataDir
	sockets  *bound
	identity *tunnel.Identity
	keyring  *registry.Keyring
	endpoint *tunnel.Endpoint
	ring     *gossip.Ring
	store    *registry.Store
	sync     *registry.Sync
	atlas    *registry.Atlas
	home     home
	fronts   *tunnel.Fronts
	names    *dnsserver.Server

	backends   *backends
	events     *events
	complaints *complaints
	changed    chan struct{} // one slot: members or links have changed
	exported   chan struct{} // one slot: what the mesh exports has changed
	draining   atomic.Bool
}

// New builds a gateway and binds its sockets, so that a mistake or a taken port shows before anything runs. It starts
// nothing. A Daemon that isn't run must be closed.
func New(cfg Config, options Options) (_ *Daemon, err error) {
	s, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	d := &Daemon{
		settings: s, options: options, log: options.Log.With().Stringer("self", s.self).Logger(),
		stopping: make(chan struct{}), changed: make(chan struct{}, 1), exported: make(chan struct{}, 1),
		backends: newBackends(s.self.Cluster), events: newEvents(), complaints: newComplaints(),
	}
	if d.identity, err = tunnel.LoadIdentity(s.tls, s.mesh, s.self); err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	if d.data, err = openDataDir(s.data, s.mesh, s.self, d.log); err != nil {
		return nil, err
	}
	if d.sockets, err = bind(options.Sockets, s); err != nil {
		d.data.Close()
		return nil, err
	}
	if err = d.build(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Close releases what New took, for a gateway that isn't run.
func (d *Daemon) Close() {
	if d.home != nil {
		d.home.Close()
	}
	d.sockets.close()
	d.data.Close()
}

// Run runs the gateway until ctx ends, or a part of it does, and returns when all of it has stopped.
//
// The farewell is ordered. First the peers hear that this gateway takes nothing new, so that nothing is cut off on its way
// here; then, where the cluster has other gateways, the applications beside it are led to those. Then the parts stop in the
// reverse order of their start: the ring is left over links that still stand; the VIPs and then the links let what is open
// end, for Grace at most; and the links close with a farewell, so that nobody takes the leave for a crash.
func (d *Daemon) Run(ctx context.Context) error {
	d.started = time.Now()
	d.log.Info().Str("version", d.options.Version).Str("mesh", d.settings.mesh).Stringer("listen", addrPortOf(d.sockets.mesh.LocalAddr())).
		Stringer("dns", addrPortOf(d.sockets.dnsUDP.LocalAddr())).Stringer("admin", addrPortOf(d.sockets.admin.Addr())).Msg("gateway started")
	defer d.Close()

	p := newParts(d.log)
	p.Go("metrics", func(ctx context.Context) error { return serveHTTP(ctx, d.sockets.metrics, d.metricsHandler()) })
	p.Go("admin", func(ctx context.Context) error { return serveHTTP(ctx, d.sockets.admin, d.adminHandler()) })
	p.Go("links", d.endpoint.Run)
	p.Go("registry", d.sync.Run)
	p.Go("names", func(ctx context.Context) error { return d.names.Run(ctx, d.sockets.dnsUDP, d.sockets.dnsTCP) })
	p.Go("fronts", d.fronts.Run)
	p.Go("steering", d.steer)
	p.Go("certificates", d.reloadCertificates)
	p.Go("services", d.home.Run)
	p.Go("ring", d.ring.Run)

	select {
	case <-ctx.Done():
		d.log.Info().Msg("gateway asked to stop")
		d.SetDraining(true)
		d.leave()
	case <-p.Ended():
	}
	close(d.stopping)
	err := p.Stop()
	d.log.Info().Msg("gateway stopped")
	return err
}

// Grace is how long connections may take to end by themselves when the gateway is asked to stop.
const Grace = 10 * time.Second

// drainTimeout bounds how long the peers may take to confirm that they heard of a drain.
const drainTimeout = time.Second

// SetDraining tells the peers to send nothing new here, or that they may again.
func (d *Daemon) SetDraining(draining bool) {
	if d.draining.Swap(draining) == draining {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := d.endpoint.Drain(ctx, draining); err != nil {
		d.log.Warn().Err(err).Msg("not every peer confirmed the drain")
	}
	state := "serving"
	if draining {
		state = "draining"
	}
	d.events.Add(Event{Type: "daemon", Gateway: d.settings.self.String(), State: state})
	d.log.Info().Str("state", state).Msg("drain switched")
}

// leaveTimeout bounds how long the applications may take to use other gateways.
const leaveTimeout = 7 * time.Second

func (d *Daemon) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	d.home.Leave(ctx)
}

// raise sets a one-slot flag. It never blocks.
func raise(flag chan struct{}) {
	select {
	case flag <- struct{}{}:
	default:
	}
}
