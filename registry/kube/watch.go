package kube

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/grapevine-mesh/grapevine/registry"
)

// WatchConfig says what to watch, and for whom.
type WatchConfig struct {
	Client    *Client        // required
	Namespace string         // Grapevine's own; required
	MCS       bool           // also what the Multi-Cluster Services API needs: ServiceImports and Namespaces
	Log       zerolog.Logger // tells when the API server goes away and comes back, and what a list lost
}

// Watch follows the cluster's objects. It is shared by all parts of the package: each asks it for what it knows now, and is
// woken when something changed that concerns it.
//
//	watch, err := kube.NewWatch(kube.WatchConfig{Client: client, Namespace: "grapevine", Log: log})
//	changed := watch.Subscribe(kube.TopicOwn)
//	go watch.Run(ctx)
//
// What it knows is guarded: an object that is missing in a list, without anybody having said that it was deleted, stays
// until a second list confirms it. That the API server is away, or refuses to tell, changes nothing.
type Watch struct {
	config  WatchConfig
	contact *contact
	levels  levels

	services, slices, exports, imports, namespaces *resource

	mu       sync.Mutex
	journals []*journal
}

// NewWatch checks the configuration, and starts nothing.
func NewWatch(config WatchConfig) (*Watch, error) {
	if config.Client == nil || config.Client.Core == nil || config.Client.MCS == nil {
		return nil, errors.New("kubernetes: a client is required")
	}
	if err := registry.CheckLabel(config.Namespace); err != nil {
		return nil, errors.Join(errors.New("kubernetes.namespace: such as grapevine"), err)
	}
	w := &Watch{config: config, contact: newContact(config.Log, time.Now)}
	w.services, w.slices = w.newServices(), w.newSlices()
	w.exports, w.imports, w.namespaces = w.newExports(), w.newImports(), w.newNamespaces()
	return w, nil
}

// Run follows the objects until ctx ends, and returns once everything has stopped. It may be called once.
func (w *Watch) Run(ctx context.Context) error {
	var following sync.WaitGroup
	defer following.Wait()
	for _, r := range w.followed() {
		following.Go(func() { r.follow(ctx) })
		following.Go(func() { r.confirm(ctx) })
	}
	<-ctx.Done()
	return nil
}

func (w *Watch) followed() []*resource {
	followed := []*resource{w.services, w.slices, w.exports}
	if w.config.MCS {
		followed = append(followed, w.imports, w.namespaces)
	}
	return followed
}

// Synced tells whether all Services, EndpointSlices and ServiceExports are known, as far as the cluster has such a thing.
// Until then, what isn't known may be there. Once true it stays so.
func (w *Watch) Synced() bool {
	return w.services.ready() && w.slices.ready() && w.exports.ready()
}

// SyncedMCS tells the same of everything, ServiceImports and Namespaces included.
func (w *Watch) SyncedMCS() bool {
	return w.config.MCS && w.Synced() && w.imports.ready() && w.namespaces.ready()
}

// ServesMCS tells whether the cluster has the resources ServiceExport and ServiceImport now.
func (w *Watch) ServesMCS() bool { return w.exports.served() && w.imports.served() }

// AwaySince returns since when the API server hasn't answered, or the zero time. What is known is as old.
func (w *Watch) AwaySince() time.Time { return w.contact.since() }
