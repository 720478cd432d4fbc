package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/grapevine-mesh/grapevine/dnsserver"
	"github.com/grapevine-mesh/grapevine/gossip"
	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/file"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// heartbeat is how often a link in use beats. At 100 ms a dead peer is suspect after 0.3 s, and down after 0.65 s; a gateway with
// five links in use takes 5 % of a core where system calls are slow, and 7 % at 50 ms. New connections don't wait for
// the detector anyway, since silence makes them go elsewhere (tunnel.Endpoint.Open).
const heartbeat = 100 * time.Millisecond

// build makes the parts, from the bottom of the package's picture up.
func (d *Daemon) build() (err error) {
	s := d.settings

	// Who is who: certificates, our own among them, so that others can be shown it.
	d.keyring = registry.NewKeyring(d.identity.VerifyChain)
	if _, err = d.keyring.Add(d.identity.Chain()); err != nil {
		return fmt.Errorf("tls: this gateway's own certificate: %w", err)
	}

	// Links to other gateways.
	d.endpoint, err = tunnel.New(tunnel.Config{
		Self: s.self, Identity: d.identity, Conn: d.sockets.mesh, ResetKey: d.data.ResetKey, Instance: d.data.Epoch,
		Backends: d.backends, DialBackend: dialBackend(d.options.Sockets), Heartbeat: heartbeat, Grace: Grace, OnLink: d.onLink, Log: d.log.With().Str("part", "tunnel").Logger(),
	})
	if err != nil {
		return err
	}

	// What the mesh exports, and the directory that answers from it.
	d.atlas = registry.NewAtlas(s.self)
	d.store, err = registry.NewStore(registry.StoreConfig{
		Self: s.self, Epoch: d.data.Epoch, Signer: d.identity, Keyring: d.keyring, OnChange: d.onExports,
	})
	if err != nil {
		return err
	}
	x := &exchange{endpoint: d.endpoint}
	d.sync, err = registry.NewSync(registry.SyncConfig{Store: d.store, Peers: x, OnSynced: func(registry.Gateway) { raise(d.changed) }})
	if err != nil {
		return err
	}
	x.handle = d.sync.Handle
	d.endpoint.HandleStreams(tunnel.KindRegistry, x.Serve)

	// Who is a member.
	if len(s.advertise) == 0 {
		listen := netip.AddrPortFrom(s.listen.Addr(), portOf(d.sockets.mesh.LocalAddr()))
		if s.advertise, err = advertised(listen); err != nil {
			return err
		}
	}
	d.ring, err = gossip.New(gossip.Config{
		Self: s.self, Instance: d.data.Epoch, Advertise: s.advertise, Links: ringLinks{d.endpoint, s.self},
		Signer: d.identity, Keyring: d.keyring, FetchKey: d.fetchKey, Vouch: d.linked,
		Seeds: s.seeds, Resolve: d.options.Resolve, PeersFile: d.data.file("peers"),
		OnMember: d.onMember, Log: d.log.With().Str("part", "gossip").Logger(),
	})
	if err != nil {
		return err
	}
	d.endpoint.HandlePackets(d.ring.HandlePacket)
	d.endpoint.HandleStreams(tunnel.KindGossip, d.ring.HandleStream)

	// What this gateway exports itself, and where applications connect to.
	if d.home, err = d.buildHome(); err != nil {
		return err
	}
	d.fronts, err = tunnel.NewFronts(tunnel.FrontsConfig{
		Listen: d.options.Sockets.Listen, ListenPacket: d.options.Sockets.ListenPacket, Route: d.route, Open: d.endpoint.Open,
		Grace: Grace, Log: d.log.With().Str("part", "fronts").Logger(),
	})
	if err != nil {
		return err
	}
	d.names, err = dnsserver.New(dnsserver.Config{
		Zone: s.zone, Clusterset: s.clusterset, TTL: s.ttl, Self: s.self.Cluster, Addrs: d.nameServerAddrs(),
		Directory: func() dnsserver.Directory { return d.atlas.Directory() }, VIPs: d.home.Lookup, Log: d.log.With().Str("part", "dns").Logger(),
	})
	return err
}

// buildHome finds out what there is to export, and takes a range of addresses for what others do.
func (d *Daemon) buildHome() (_ home, err error) {
	if d.settings.kube.enabled {
		return d.buildKubeHome()
	}
	s, h := d.settings, new(fileHome)
	h.Source, err = file.New(file.Config{Services: s.services, Dial: d.options.Sockets.Dial, OnChange: d.publish, Log: d.log})
	if err != nil {
		return nil, err
	}
	vips := file.VIPConfig{Range: s.vips, Gateway: s.self, Path: d.data.file("vips"), Log: d.log}
	if _, real := d.options.Sockets.(Machine); real {
		vips.Lock = file.LockRange
	}
	if h.VIPs, err = file.OpenVIPs(vips); err != nil {
		return nil, err
	}
	return h, nil
}

// nameServerAddrs returns where clients reach the name server, as far as the socket tells.
func (d *Daemon) nameServerAddrs() []netip.Addr {
	if addr := addrPortOf(d.sockets.dnsUDP.LocalAddr()).Addr().Unmap(); !addr.IsUnspecified() {
		return []netip.Addr{addr}
	}
	return nil
}

// linked tells whether the link to a gateway is up: whoever answers its heartbeats isn't dead, whatever the ring is told.
func (d *Daemon) linked(g registry.Gateway) bool {
	return slices.ContainsFunc(d.endpoint.Links(), func(l tunnel.Link) bool { return l.Gateway == g && l.State == tunnel.Up })
}

// fetchKey asks gateways for a certificate: members, and those that there is a link to though they aren't members yet.
func (d *Daemon) fetchKey(ctx context.Context, f registry.Fingerprint) error {
	var linked []registry.Gateway
	for _, link := range d.endpoint.Links() {
		if link.State == tunnel.Up {
			linked = append(linked, link.Gateway)
		}
	}
	return d.sync.FetchKey(ctx, f, linked...)
}

// ringLinks lets the ring use the links.
type ringLinks struct {
	*tunnel.Endpoint
	self registry.Gateway
}

// Open opens a gossip stream.
func (l ringLinks) Open(ctx context.Context, to registry.Gateway) (net.Conn, error) {
	return l.OpenStream(ctx, to, tunnel.KindGossip)
}

// Connect tells who answers at an address, ourselves included.
func (l ringLinks) Connect(ctx context.Context, addr netip.AddrPort) (registry.Gateway, error) {
	found, err := l.Endpoint.Connect(ctx, addr)
	if errors.Is(err, tunnel.ErrSelf) {
		return l.self, nil
	}
	return found, err
}
