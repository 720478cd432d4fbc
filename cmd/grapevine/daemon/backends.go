package daemon

import (
	"net/netip"
	"sync/atomic"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/file"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// backends are the ready endpoints of this gateway's own exports. It is the only place where a caller's target becomes an
// address, so a peer can reach what is exported to it, and nothing that it merely names.
type backends struct {
	self  registry.Cluster
	local atomic.Pointer[map[registry.ServiceName]file.Local]
	turn  atomic.Uint64
}

func newBackends(self registry.Cluster) *backends {
	b := &backends{self: self}
	b.Set(nil)
	return b
}

// Set replaces what this gateway exports.
func (b *backends) Set(services []file.Local) {
	byName := make(map[registry.ServiceName]file.Local, len(services))
	for _, service := range services {
		byName[service.Export.Service] = service
	}
	b.local.Store(&byName)
}

// Backends returns the ready endpoints of t, beginning with another one at each call, or a refusal.
func (b *backends) Backends(caller registry.Cluster, t tunnel.Target) ([]netip.AddrPort, error) {
	service, exported := (*b.local.Load())[t.Service]
	if !exported {
		return nil, tunnel.NotExported
	}
	if caller != b.self && !service.Export.Allows(caller) {
		return nil, tunnel.NotAllowed
	}
	ready, exported := service.Backends[t.Port]
	if !exported {
		return nil, tunnel.NotExported
	}
	if len(ready) == 0 {
		return nil, tunnel.NoEndpoint
	}
	first := int(b.turn.Add(1) % uint64(len(ready)))
	rotated := make([]netip.AddrPort, 0, len(ready))
	return append(append(rotated, ready[first:]...), ready[:first]...), nil
}
