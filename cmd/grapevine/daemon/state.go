package daemon

import (
	"fmt"
	"slices"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// readyWithout is how long a gateway that reaches nobody waits before it serves its own cluster all the same.
const readyWithout = 10 * time.Second

// ready tells whether the gateway serves its own cluster. Peers can delay that, and never prevent it.
func (d *Daemon) ready() bool {
	return d.atlas.Directory().Ready() && d.home.Settled() || time.Since(d.started) > readyWithout
}

// isolated tells whether the gateway knows of others, or should, and reaches none.
func (d *Daemon) isolated() bool {
	return !d.alone() && !slices.ContainsFunc(d.endpoint.Links(), func(l tunnel.Link) bool { return l.State != tunnel.Down })
}

// Status returns how this gateway is.
func (d *Daemon) Status() Status {
	s := Status{
		Gateway: d.settings.self, Mesh: d.settings.mesh, Version: d.options.Version,
		Ready: d.ready(), Synced: d.sync.Synced(), Isolated: d.isolated(), Draining: d.draining.Load(),
		Members: make(map[string]int), Zone: d.settings.zone, Registry: fmt.Sprintf("%x", d.store.Root()),
		DNS: addrPortOf(d.sockets.dnsUDP.LocalAddr()).String(), Listen: addrPortOf(d.sockets.mesh.LocalAddr()).String(),
		Seeds: []Seed{}, CertificateExpires: d.identity.Expires(), UptimeS: time.Since(d.started).Seconds(), Now: time.Now(),
	}
	for _, member := range d.ring.Members() {
		s.Members[string(member.State)]++
	}
	for range d.atlas.Directory().Services() {
		s.Services++
	}
	for _, seed := range d.ring.Seeds() {
		s.Seeds = append(s.Seeds, Seed{Seed: seed.Seed, Error: seed.Err, At: timeOrNil(seed.At)})
	}
	return s
}

// Members returns the gateways of the mesh, this one included, in order.
func (d *Daemon) Members() []Member {
	links := make(map[registry.Gateway]tunnel.Link)
	for _, link := range d.endpoint.Links() {
		links[link.Gateway] = link
	}
	members := []Member{}
	for _, m := range d.ring.Members() {
		member := Member{Gateway: m.Gateway, Cluster: m.Gateway.Cluster, State: string(m.State), Since: m.Since, Addresses: []string{}}
		for _, addr := range m.Advertise {
			member.Addresses = append(member.Addresses, addr.String())
		}
		if m.Gateway != d.settings.self {
			link, known := links[m.Gateway]
			if !known {
				link.State = tunnel.Down
			}
			member.Link = &MemberLink{State: string(link.State), RTTms: milliseconds(link.RTT)}
		}
		members = append(members, member)
	}
	return members
}

// Links returns the links to other gateways, in order.
func (d *Daemon) Links() []Link {
	links := []Link{}
	for _, l := range d.endpoint.Links() {
		links = append(links, Link{
			Gateway: l.Gateway, State: string(l.State), Reason: l.Reason, RTTms: milliseconds(l.RTT), Streams: l.Streams,
			Draining: l.Draining, Since: l.Since, LastOpened: timeOrNil(l.LastOpened),
		})
	}
	return links
}

// Services returns the services of the mesh, and who can serve them, in order.
func (d *Daemon) Services() []Service {
	services := []Service{}
	for s := range d.atlas.Directory().Services() {
		service := Service{Namespace: s.Name.Namespace, Name: s.Name.Name, DNS: s.Name.String() + "." + d.settings.zone, Clusters: []ServiceCluster{}}
		if vip, _ := d.home.Lookup(registry.VIPName{Service: s.Name}); vip.IsValid() {
			service.VIP = vip.String()
		}
		for _, offer := range s.Offers {
			d.describeOffer(&service, s.Name, offer)
		}
		services = append(services, service)
	}
	return services
}

func (d *Daemon) describeOffer(service *Service, name registry.ServiceName, offer registry.Offer) {
	service.Clusters = append(service.Clusters, ServiceCluster{
		Cluster: offer.Cluster, Ready: offer.Export.Ready, Eligible: offer.Eligible, Export: string(offer.Export.Visibility),
		Gateways: append([]registry.Gateway{}, offer.Gateways...),
	})
	for _, port := range offer.Export.Ports {
		if !slices.Contains(service.Ports, port) {
			service.Ports = append(service.Ports, port)
		}
	}
	if vip, _ := d.home.Lookup(registry.VIPName{Service: name, Cluster: offer.Cluster}); vip.IsValid() && offer.Export.Visibility.Mirrored() {
		if service.Mirrors == nil {
			service.Mirrors = make(map[string]string)
		}
		service.Mirrors[string(offer.Cluster)] = vip.String()
	}
}

// Resolve returns what the name server answers.
func (d *Daemon) Resolve(name, recordType string) (Resolution, error) {
	answer, err := d.names.Lookup(name, recordType)
	if err != nil {
		return Resolution{}, err
	}
	return Resolution(answer), nil
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
