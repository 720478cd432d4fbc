package daemon

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/grapevine-mesh/grapevine/gossip"
	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// steer keeps the directory's liveness and the VIPs true to what ring, links and registry say, until ctx ends. The parts
// raise flags; everything is read afresh here, so nothing can be missed or come in the wrong order. Round trips change
// without a flag, hence the ticker, which also gives a VIP whose address was taken another try.
func (d *Daemon) steer(ctx context.Context) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	instances := make(map[registry.Gateway]uint64)
	d.judge(instances)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.changed:
			d.judge(instances)
		case <-d.exported:
			d.place()
		case <-ticker.C:
			d.judge(instances)
			d.place()
		}
	}
}

// judge says which gateways can be used now. Instances are those of the links at the time before: a gateway that was
// restarted so quickly that nothing went down has to be synchronised with all the same.
func (d *Daemon) judge(instances map[registry.Gateway]uint64) {
	members, links := d.ring.Members(), d.endpoint.Links()
	d.home.Notice(members, links)
	live := make(map[registry.Gateway]registry.Liveness)
	var siblings []registry.Gateway
	for _, member := range members {
		if member.State == gossip.Alive || member.State == gossip.Suspect {
			live[member.Gateway] = registry.Liveness{Alive: true}
			if member.Gateway.Cluster == d.settings.self.Cluster {
				siblings = append(siblings, member.Gateway)
			}
		}
	}
	d.endpoint.Attend(siblings...) // what leads to a dead one in our own cluster has to be cleared at once
	var peers []registry.Gateway
	for _, link := range links {
		l := live[link.Gateway]
		l.Link, l.RTT, l.Draining = registry.LinkState(link.State), link.RTT, link.Draining
		live[link.Gateway] = l
		if l.Alive && link.State != tunnel.Down {
			peers = append(peers, link.Gateway)
		}
		if former := instances[link.Gateway]; former != link.Instance {
			instances[link.Gateway] = link.Instance
			if former != 0 {
				d.sync.Resync(link.Gateway)
			}
		}
	}
	d.sync.SetPeers(peers)
	for g, l := range live {
		l.Synced = d.sync.SyncedWith(g)
		live[g] = l
	}
	d.atlas.SetLiveness(live)
	d.atlas.SetReady(d.sync.Synced() || d.alone())
}

// aloneAfter is how long a gateway that reaches nobody but itself waits for company before it believes in a mesh of one.
const aloneAfter = 5 * time.Second

// alone tells whether there is nobody to synchronise with: no peer was ever known, and no seed is anybody else.
func (d *Daemon) alone() bool {
	if len(d.endpoint.Links()) > 0 {
		return false
	}
	for _, seed := range d.ring.Seeds() {
		if seed.At.IsZero() || seed.Err != "" {
			return false
		}
	}
	return len(d.settings.seeds) == 0 || time.Since(d.started) > aloneAfter
}

// place gives every service that is reached through gateways its VIP, and listens for it.
func (d *Daemon) place() {
	fronts, err := d.home.Place(d.atlas.Directory().Wanted(d.settings.kube.mcs))
	d.complain("vips", err)
	refused, err := d.fronts.Set(fronts)
	d.complain("fronts", err)
	d.home.Open(fronts, refused)
}

// route ranks the clusters that a connection to t may go to.
func (d *Daemon) route(t tunnel.Target) []registry.Candidate {
	return d.atlas.Directory().Route(t.Name, d.settings.self.Cluster, rand.Uint64N)
}

// publish exports what the source says is there now.
func (d *Daemon) publish(services []registry.Own) {
	d.backends.Set(services)
	exports := make([]registry.Export, len(services))
	for i, service := range services {
		exports[i] = service.Export
	}
	if err := d.store.Publish(exports); err != nil {
		d.log.Error().Err(err).Msg("services not exported")
	}
}

// onExports takes in what changed in the registry. It is called with the store locked.
func (d *Daemon) onExports(changes []registry.Change) {
	d.atlas.Apply(changes)
	for _, c := range changes {
		event := Event{Type: "service", Gateway: c.Owner.String(), Service: c.Service.String(), State: "withdrawn"}
		if c.Export != nil {
			event.State = "exported"
			if c.Export.Ready == 0 {
				event.State = "not-ready"
			}
		}
		d.events.Add(event)
	}
	raise(d.exported)
}

// onMember takes in what the ring says of a member.
func (d *Daemon) onMember(m gossip.Member) {
	d.events.Add(Event{Type: "member", Gateway: m.Gateway.String(), State: string(m.State)})
	raise(d.changed)
}

// onLink takes in what became of a link.
func (d *Daemon) onLink(l tunnel.Link) {
	if l.State == tunnel.Up {
		if _, err := d.keyring.Add(l.Chain); err != nil {
			d.log.Warn().Err(err).Stringer("gateway", l.Gateway).Msg("certificate of a peer not remembered")
		}
	}
	if l.State == tunnel.Down && l.Reason == tunnel.ReasonFarewell {
		d.ring.Left(l.Gateway)
	}
	event := Event{Type: "link", Gateway: l.Gateway.String(), State: string(l.State), Reason: l.Reason}
	if l.Draining {
		event.Detail = "draining"
	}
	d.events.Add(event)
	raise(d.changed)
}
