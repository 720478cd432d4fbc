package registry

import (
	"iter"
	"slices"
)

// Directory answers which services exist, which clusters can serve them now, and in what order. It is an immutable
// snapshot: one answer never mixes two moments, and reading it takes no lock.
type Directory struct {
	self       Gateway
	ready      bool
	generation uint64
	services   tree[ServiceName, record]
	gateways   map[Gateway]Liveness
	next       chan struct{}
}

// Ready tells whether the directory is all that the mesh has. Before that nothing can be said of what isn't in it.
func (d *Directory) Ready() bool { return d.ready }

// Generation grows with every directory of an atlas.
func (d *Directory) Generation() uint64 { return d.generation }

// Next is closed when there is a newer directory.
func (d *Directory) Next() <-chan struct{} { return d.next }

// Lookup returns the offers of a service. A service that exists has at least one, though none may be eligible. What the
// exports refer to is shared: nobody may change it.
func (d *Directory) Lookup(name ServiceName) (Service, bool) {
	held, ok := d.services.get(name)
	if !ok {
		return Service{}, false
	}
	return d.service(name, held), true
}

// Services iterates over all services, ordered by namespace and name.
func (d *Directory) Services() iter.Seq[Service] {
	return func(yield func(Service) bool) {
		for name, held := range d.services.from(ServiceName{}) {
			if !yield(d.service(name, held)) {
				return
			}
		}
	}
}

// HasNamespace tells whether there is an export in a namespace for which keep is true.
func (d *Directory) HasNamespace(namespace string, keep func(*Export) bool) bool {
	for name, held := range d.services.from(ServiceName{Namespace: namespace}) {
		if name.Namespace != namespace {
			return false
		}
		if slices.ContainsFunc(held, func(h holding) bool { return keep(h.export) }) {
			return true
		}
	}
	return false
}

// Route ranks the clusters that can serve callers in a cluster now: all those of a federated service, or the one of a
// mirrored service, or of one host of a headless export. It returns none where nobody can. pick(n) is a random number
// below n.
//
// Priorities and weights are each cluster's own word. The affinity is that of the caller's cluster where that exports the
// service too, and otherwise that of the first cluster that does, by name; so it doesn't change with who is alive.
func (d *Directory) Route(vip VIPName, caller Cluster, pick func(n uint64) uint64) []Candidate {
	held, _ := d.services.get(vip.Service)
	var choices []Choice
	var affinity Affinity
	for cluster, ofCluster := range held.clusters() {
		w := d.ways(ofCluster)
		if !offered(w.export, cluster, vip) {
			continue
		}
		if affinity == "" || cluster == caller {
			affinity = w.export.Affinity
		}
		if cluster == caller || w.export.Allows(caller) {
			choices = append(choices, w.choices(cluster, caller)...)
		}
	}
	Rank(affinity, choices, pick)
	candidates := make([]Candidate, len(choices))
	for i := range choices {
		candidates[i] = choices[i].Candidate
	}
	return slices.Clip(candidates)
}

// offered tells whether a cluster's export stands under a name. Hosts have one below their cluster's, mirrored or not.
func offered(e *Export, cluster Cluster, vip VIPName) bool {
	switch {
	case vip.Hostname != "":
		return cluster == vip.Cluster && slices.ContainsFunc(e.Endpoints, func(at Endpoint) bool { return at.Hostname == vip.Hostname })
	case vip.Cluster != "":
		return cluster == vip.Cluster && e.Visibility.Mirrored()
	}
	return e.Visibility.Federated()
}

// liveness returns what is known of a gateway. We ourselves always serve: that we drain keeps others away, and what comes
// from beside us has nowhere better to go.
func (d *Directory) liveness(g Gateway) Liveness {
	if g == d.self {
		return Liveness{Alive: true, Synced: true, Link: LinkUp}
	}
	return d.gateways[g]
}

// clusters iterates over a record cluster by cluster.
func (r record) clusters() iter.Seq2[Cluster, record] {
	return func(yield func(Cluster, record) bool) {
		for begin := 0; begin < len(r); {
			end := begin + 1
			for end < len(r) && r[end].gateway.Cluster == r[begin].gateway.Cluster {
				end++
			}
			if !yield(r[begin].gateway.Cluster, r[begin:end]) {
				return
			}
			begin = end
		}
	}
}
