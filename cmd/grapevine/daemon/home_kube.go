package daemon

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grapevine-mesh/grapevine/gossip"
	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
	"github.com/grapevine-mesh/grapevine/registry/kube/imports"
	"github.com/grapevine-mesh/grapevine/registry/kube/mcs"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// kubeHome is a Kubernetes cluster: what it exports is labelled there, and a VIP is the ClusterIP of a derived Service, whose
// endpoints lead to ports of this Pod.
//
//	watch ─▶ source ──▶ exports
//	  │                              directory ─┐
//	  ├──────────────────────────────▶ importer ┴─▶ derived Services, EndpointSlices
//	  ├──────────────────────────────▶ mcs ───────▶ ServiceImports, conditions
//	  └─▶ address ─▶ what the ring advertises
type kubeHome struct {
	watch      *kube.Watch
	source     *kube.Source
	importer   *imports.Importer
	mcs        *mcs.MCS // nil: not turned on
	address    *kube.Address
	ports      *imports.Ports
	self       registry.Gateway
	resolve    func(ctx context.Context, host string) ([]netip.Addr, error)
	moved      func([]netip.AddrPort) // where others reach this gateway has changed
	complain   func(about string, err error)
	podAddrs   []netip.AddrPort // the mesh's port at this Pod, for the cluster's own gateways
	recalled   bool             // by Place alone: the ports of before the start are known
	configured bool             // where others reach this gateway is configured
	first      atomic.Bool      // this gateway writes what its cluster's gateways share
	company    atomic.Bool      // the cluster has another gateway that lives
}

// buildKubeHome connects to the cluster's API server, which may be away.
func (d *Daemon) buildKubeHome() (home, error) {
	s, log := d.settings, d.log.With().Str("part", "kubernetes").Logger()
	kube.QuietKlog(log)
	client, err := kube.Connect(s.kube.kubeconfig, "grapevine/"+d.options.Version)
	if err != nil {
		return nil, err
	}
	meshPort := portOf(d.sockets.mesh.LocalAddr())
	podAddrs, err := s.podAddrs(meshPort)
	if err != nil {
		return nil, err
	}
	podIPs := make([]netip.Addr, len(podAddrs))
	for i, addr := range podAddrs {
		podIPs[i] = addr.Addr()
	}
	h := &kubeHome{
		self: s.self, ports: imports.NewPorts(podIPs), podAddrs: podAddrs, configured: len(s.advertise) > 0,
		moved: d.ring.Advertise, complain: d.complain, resolve: d.options.Resolve,
	}
	h.first.Store(true)
	if h.watch, err = kube.NewWatch(kube.WatchConfig{Client: client, Namespace: s.kube.namespace, MCS: s.kube.mcs, Log: log}); err != nil {
		return nil, err
	}
	directory := func() *registry.Directory { return d.atlas.Directory() }
	h.importer, err = imports.NewImporter(imports.ImporterConfig{
		Client: client.Core, Services: h.watch.Services(), Slices: h.watch.EndpointSlices(), Synced: h.watch.Synced,
		Changed: h.watch.Subscribe(kube.TopicOwn), Namespace: s.kube.namespace, Self: s.self, PodIPs: podIPs,
		Directory: directory, Serving: d.ready, Every: s.kube.mcs, Log: log,
	})
	if err != nil {
		return nil, err
	}
	h.source, err = kube.NewSource(kube.SourceConfig{Watch: h.watch, Self: s.self, First: h.first.Load, Log: log, OnChange: func(own []registry.Own) {
		h.importer.SetOwn(own)
		d.publish(own)
	}})
	if err != nil {
		return nil, err
	}
	if h.address, err = kube.NewAddress(kube.AddressConfig{Watch: h.watch, Pod: s.self.Name, NodeIP: s.kube.nodeIP, Port: meshPort}); err != nil {
		return nil, err
	}
	if s.kube.mcs {
		h.mcs, err = mcs.New(mcs.Config{
			Client: client, Exports: h.watch.ServiceExports(), Imports: h.watch.ServiceImports(), Namespaces: h.watch.Namespaces(),
			Slices: h.watch.EndpointSlices(), Served: h.watch.ServesMCS, Changed: h.watch.Subscribe(kube.TopicMCS, kube.TopicVerdicts, kube.TopicOwn),
			Self: s.self, Directory: directory, Verdicts: h.source.Verdicts, VIP: h.importer.Lookup, First: h.first.Load, Log: log,
		})
	}
	return h, err
}

// Run watches the cluster and writes to it until ctx ends, and returns once all of it has stopped.
func (h *kubeHome) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var running sync.WaitGroup
	defer running.Wait()
	ended := make(chan error, 5)
	for name, run := range h.parts() {
		running.Go(func() {
			if err := run(ctx); ctx.Err() == nil {
				ended <- fmt.Errorf("%s: ended: %w", name, err)
			}
		})
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		stop()
		return err
	}
}

func (h *kubeHome) parts() map[string]func(context.Context) error {
	parts := map[string]func(context.Context) error{"watch": h.watch.Run, "exports": h.source.Run, "imports": h.importer.Run}
	if !h.configured {
		parts["address"] = h.advertise
	}
	if h.mcs != nil {
		parts["mcs"] = h.awaitMCS
	}
	return parts
}

// awaitMCS begins with the Multi-Cluster Services API when all its objects are known.
func (h *kubeHome) awaitMCS(ctx context.Context) error {
	known := h.watch.Subscribe(kube.TopicMCS)
	for !h.watch.SyncedMCS() {
		select {
		case <-ctx.Done():
			return nil
		case <-known:
		}
	}
	return h.mcs.Run(ctx)
}

// Place gives each port of each name a port of this Pod: the one that it had before a restart, if that is known by now.
func (h *kubeHome) Place(wanted map[registry.VIPName][]registry.Port) ([]registry.Front, error) {
	if !h.recalled && h.watch.Synced() {
		recorded, err := h.importer.Recorded()
		if err != nil {
			return nil, err
		}
		h.ports.Keep(recorded, time.Now())
		h.recalled = true
	}
	return h.ports.Place(wanted, time.Now())
}

// Open makes the derived Services lead here.
func (h *kubeHome) Open(fronts, refused []registry.Front) {
	h.ports.Refused(refused, time.Now())
	h.importer.Open(slices.DeleteFunc(slices.Clone(fronts), func(f registry.Front) bool { return slices.Contains(refused, f) }))
}

// Lookup returns the ClusterIPs of the derived Service.
func (h *kubeHome) Lookup(name registry.VIPName) (v4, v6 netip.Addr) { return h.importer.Lookup(name) }

// Settled tells whether all that this gateway listens for leads here.
func (h *kubeHome) Settled() bool { return h.importer.Settled() }

// proxyLag is how long kube-proxy may take until it sends nothing to an endpoint that is gone. It follows changes once a second,
// the first of several at once and all others a second later; 1.4 s were seen on a busy node.
const proxyLag = 3 * time.Second

// Leave takes this gateway's endpoints away and waits until kube-proxy knows, where the cluster has another gateway.
func (h *kubeHome) Leave(ctx context.Context) {
	err := h.importer.Withdraw(ctx)
	h.complain("leave", err)
	if err != nil || !h.company.Load() {
		return
	}
	select {
	case <-time.After(proxyLag):
	case <-ctx.Done():
	}
}

// Notice finds out which of the cluster's gateways writes what they share, and whose endpoints are dead.
func (h *kubeHome) Notice(members []gossip.Member, links []tunnel.Link) {
	known := siblings(h.self, members, links)
	first, company := true, false
	for name, state := range known {
		if state == imports.SiblingLive {
			company = true
			first = first && h.self.Name < name
		}
	}
	h.first.Store(first)
	h.company.Store(company)
	h.importer.SetGateways(known)
}

// Close does nothing: nothing is held before Run.
func (h *kubeHome) Close() error { return nil }

// siblings says of this cluster's other gateways whether they live, by what the ring and the links say.
func siblings(self registry.Gateway, members []gossip.Member, links []tunnel.Link) map[string]imports.Sibling {
	known := make(map[string]imports.Sibling)
	for _, m := range members {
		if m.Gateway.Cluster != self.Cluster || m.Gateway == self {
			continue
		}
		known[m.Gateway.Name] = imports.SiblingLive
		if m.State == gossip.Dead || m.State == gossip.Left {
			known[m.Gateway.Name] = imports.SiblingDead
		}
	}
	for _, l := range links {
		if l.Gateway.Cluster != self.Cluster || known[l.Gateway.Name] != imports.SiblingLive {
			continue
		}
		switch {
		case l.State == tunnel.Down:
			known[l.Gateway.Name] = imports.SiblingLinkDown
		case l.Draining:
			known[l.Gateway.Name] = imports.SiblingLeaving
		}
	}
	return known
}
