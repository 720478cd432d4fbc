package mcs

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/rs/zerolog"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	mcslisters "sigs.k8s.io/mcs-api/pkg/client/listers/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
)

const (
	settleFor   = 200 * time.Millisecond // between two looks, since changes come in bursts
	rests       = 10                     // and this many times what a look took, so that they use a tenth of a core
	longestRest = 5 * time.Second
	relook      = time.Minute     // without a change
	vipLook     = 2 * time.Second // while a VIP is missing, which comes without a word
)

// Config says what the Multi-Cluster Services API is served from. The listers' caches are filled, and so is what VIP
// and Verdicts answer from, before Run begins.
type Config struct {
	Client     *kube.Client
	Exports    mcslisters.ServiceExportLister
	Imports    mcslisters.ServiceImportLister
	Namespaces corelisters.NamespaceLister
	Slices     discoverylisters.EndpointSliceLister
	Served     func() bool     // whether the API's CRDs are installed; nothing is tried while they aren't
	Changed    <-chan struct{} // a level: an object or a verdict changed since the last look

	Self      registry.Gateway
	Directory func() *registry.Directory
	Verdicts  func() []kube.Verdict                      // what became of this cluster's exports
	VIP       func(registry.VIPName) (v4, v6 netip.Addr) // zero values: not placed, or not of that family
	First     func() bool                                // whether this gateway is the one that writes
	Log       zerolog.Logger
}

// MCS keeps the objects of the Multi-Cluster Services API in one cluster: a ServiceImport and EndpointSlices in each namespace
// of an imported service, and the conditions of ServiceExports.
type MCS struct {
	config Config
	queue  queue
	told   map[string]bool // what was logged and still holds

	lacking map[string]bool // rules of the role, likewise
	away    bool            // the API server, likewise

	mu    sync.Mutex
	stats Stats
}

// Stats counts objects as they were at the last look, and writes since the start.
type Stats struct {
	Imports, Slices, Exports int // that are ours, or in this cluster
	Foreign                  int // objects of others where ours should be
	Waiting                  int // changes that are wished and had no effect yet
	Applied, Deleted, Failed uint64
}

// New checks the configuration, and starts nothing.
func New(config Config) (*MCS, error) {
	switch {
	case config.Client == nil || config.Exports == nil || config.Imports == nil || config.Namespaces == nil || config.Slices == nil:
		return nil, errors.New("mcs: the client and all listers are required")
	case config.Served == nil || config.Directory == nil || config.Verdicts == nil || config.VIP == nil || config.First == nil:
		return nil, errors.New("mcs: the functions served, directory, verdicts, VIP and first are required")
	case config.Self.Validate() != nil:
		return nil, config.Self.Validate()
	}
	return &MCS{config: config, queue: queue{}, told: map[string]bool{}, lacking: map[string]bool{}}, nil
}

// Run keeps the objects until ctx ends. It leaves them as they are: another gateway, or the next start, goes on.
func (m *MCS) Run(ctx context.Context) error {
	for {
		directory := m.config.Directory()
		wait, cost := m.look(ctx, directory)
		again := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-m.config.Changed:
		case <-directory.Next():
		case <-again.C:
		}
		again.Stop()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(min(max(settleFor, rests*cost), longestRest)):
		}
	}
}

// Stats returns what there is and what was done. It may be called at any time.
func (m *MCS) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

func (m *MCS) count(edit func(*Stats)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	edit(&m.stats)
}
