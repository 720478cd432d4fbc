package dnsserver

import (
	"net/netip"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Directory is what the server reads of registry's directory: an immutable snapshot, so that one answer never mixes two
// moments.
type Directory interface {
	// Ready tells whether this gateway has synchronised with the mesh once. Before that, only what the directory
	// has can be said, and nothing of what it lacks.
	Ready() bool
	// Generation grows with every snapshot.
	Generation() uint64
	// HasNamespace tells whether there is an export in the namespace for which keep is true.
	HasNamespace(namespace string, keep func(*registry.Export) bool) bool
	// Lookup returns the exports of a service.
	Lookup(name registry.ServiceName) (registry.Service, bool)
	// Route ranks the clusters that can serve what stands under a name now. pick(n) is a random number below n.
	Route(name registry.VIPName, caller registry.Cluster, pick func(n uint64) uint64) []registry.Candidate
}

// VIPs returns the stable local addresses of a name, once connections to them are taken. A zero address means that it has
// none of that family.
type VIPs func(name registry.VIPName) (v4, v6 netip.Addr)
