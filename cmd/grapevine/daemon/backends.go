package daemon

import (
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// backends are the ready endpoints of this gateway's own exports. It is the only place where a caller's target becomes an
// address, so a peer can reach what is exported to it, and nothing that it merely names.
type backends struct {
	self  registry.Cluster
	local atomic.Pointer[map[registry.ServiceName]registry.Own]
	turn  atomic.Uint64
}

func newBackends(self registry.Cluster) *backends {
	b := &backends{self: self}
	b.Set(nil)
	return b
}

// Set replaces what this gateway exports.
func (b *backends) Set(services []registry.Own) {
	byName := make(map[registry.ServiceName]registry.Own, len(services))
	for _, service := range services {
		byName[service.Export.Service] = service
	}
	b.local.Store(&byName)
}

// Backends returns the ready endpoints of t, beginning with another one at each call, or a refusal.
func (b *backends) Backends(caller registry.Cluster, t tunnel.Target) ([]netip.AddrPort, error) {
	service, exported := (*b.local.Load())[t.Name.Service]
	if !exported {
		return nil, tunnel.NotExported
	}
	if caller != b.self && !service.Export.Allows(caller) {
		return nil, tunnel.NotAllowed
	}
	ready, exported := service.Backends[registry.PortNumber{Port: t.Port, Protocol: t.Protocol}]
	if !exported {
		return nil, tunnel.NotExported
	}
	addrs := make([]netip.AddrPort, 0, len(ready))
	for _, backend := range ready {
		if t.Name.Hostname == "" || t.Name.Hostname == backend.Hostname {
			addrs = append(addrs, backend.Addr)
		}
	}
	if len(addrs) == 0 {
		return nil, tunnel.NoEndpoint
	}
	first := int(b.turn.Add(1) % uint64(len(addrs)))
	return slices.Concat(addrs[first:], addrs[:first]), nil
}
