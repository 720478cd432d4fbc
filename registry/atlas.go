package registry

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// Atlas compiles the directory. Its inputs are what the store says of exports, and what ring and links say of gateways;
// each change of one makes a new [Directory] at the cost of that change. It is safe for concurrent use.
type Atlas struct {
	mu      sync.Mutex // of writers
	current atomic.Pointer[Directory]
}

// NewAtlas returns an atlas whose directory is empty and not ready.
func NewAtlas(self Gateway) *Atlas {
	a := &Atlas{}
	a.current.Store(&Directory{self: self, services: newTree[ServiceName, record](), next: make(chan struct{})})
	return a
}

// Directory returns the present directory. It never waits.
func (a *Atlas) Directory() *Directory { return a.current.Load() }

// Apply takes in what changed in the store, in the store's order: it is meant for [StoreConfig].OnChange.
func (a *Atlas) Apply(changes []Change) {
	a.publish(func(d *Directory) bool {
		for _, change := range changes {
			held, _ := d.services.get(change.Service)
			if held = held.with(change); len(held) == 0 {
				d.services = d.services.remove(change.Service)
			} else {
				d.services = d.services.put(change.Service, held)
			}
		}
		return len(changes) > 0
	})
}

// SetLiveness says what is known of all gateways. It costs in proportion to the gateways, and nothing for the services.
func (a *Atlas) SetLiveness(gateways map[Gateway]Liveness) {
	a.publish(func(d *Directory) bool {
		if sameLiveness(d.gateways, gateways) {
			return false
		}
		d.gateways = maps.Clone(gateways)
		return true
	})
}

// SetReady says that the directory is all that the mesh has: what isn't in it doesn't exist.
func (a *Atlas) SetReady(ready bool) {
	a.publish(func(d *Directory) bool {
		changed := d.ready != ready
		d.ready = ready
		return changed
	})
}

// publish makes a copy of the directory the present one, where edit changed it.
func (a *Atlas) publish(edit func(d *Directory) (changed bool)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	former := a.current.Load()
	edited := *former
	if !edit(&edited) {
		return
	}
	edited.generation++
	edited.next = make(chan struct{})
	a.current.Store(&edited)
	close(former.next)
}

// A record is all exports of one service, ordered by gateway and so by cluster. It is immutable.
type record []holding

// A holding is what one gateway exports.
type holding struct {
	gateway Gateway
	export  *Export
}

// with returns the record after a change.
func (r record) with(c Change) record {
	i, found := slices.BinarySearchFunc(r, c.Owner, func(h holding, g Gateway) int { return h.gateway.Compare(g) })
	after := slices.Clone(r)
	switch {
	case c.Export == nil && found:
		return slices.Delete(after, i, i+1)
	case c.Export == nil:
		return r
	case found:
		after[i].export = c.Export
		return after
	}
	return slices.Insert(after, i, holding{c.Owner, c.Export})
}
