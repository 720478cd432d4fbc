package daemon

import (
	"context"
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/grapevine-mesh/grapevine/gossip"
	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/file"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// home is where a gateway lives: a host with configured services, or a Kubernetes cluster. It finds what is exported
// there, and gives the mesh's services addresses there.
type home interface {
	// Run watches what is exported, until ctx ends.
	Run(ctx context.Context) error
	// Place says where to listen for the ports of each name. On an error it places what it can.
	Place(wanted map[registry.VIPName][]registry.Port) ([]registry.Front, error)
	// Open says on which fronts connections are taken now: on all of these but those that are refused, whose address is
	// another process's.
	Open(fronts, refused []registry.Front)
	// Lookup returns the addresses of a name, once connections to it are taken: a name that is answered a moment too soon
	// costs its clients a refused connection. It never waits.
	Lookup(name registry.VIPName) (v4, v6 netip.Addr)
	// Notice is told of the ring and the links, whenever they may have changed.
	Notice(members []gossip.Member, links []tunnel.Link)
	// Settled tells whether all that was opened can be reached by the applications here.
	Settled() bool
	// Leave makes the applications here use the cluster's other gateways, where there are any, before this one stops.
	Leave(ctx context.Context)
	// Close gives back what was taken when the home was made.
	Close() error
}

// fileHome is a host: its services stand in the configuration, and a VIP is an address of its own.
type fileHome struct {
	*file.Source
	*file.VIPs
	opened atomic.Pointer[map[registry.VIPName]bool]
}

// Place listens at the VIPs themselves.
func (h *fileHome) Place(wanted map[registry.VIPName][]registry.Port) ([]registry.Front, error) {
	names := make([]registry.VIPName, 0, len(wanted))
	for name := range wanted {
		names = append(names, name)
	}
	err := h.Assign(names)
	var fronts []registry.Front
	for name, ports := range wanted {
		vip, _ := h.VIPs.Lookup(name)
		for _, port := range ports {
			if vip.IsValid() {
				fronts = append(fronts, registry.Front{Name: name, Port: port.Number(), Listen: netip.AddrPortFrom(vip, port.Port)})
			}
		}
	}
	return fronts, err
}

func (h *fileHome) Open(fronts, refused []registry.Front) {
	opened := make(map[registry.VIPName]bool, len(fronts))
	for _, front := range fronts {
		if !slices.Contains(refused, front) {
			opened[front.Name] = true
		}
	}
	h.opened.Store(&opened)
}

func (h *fileHome) Lookup(name registry.VIPName) (v4, v6 netip.Addr) {
	if opened := h.opened.Load(); opened == nil || !(*opened)[name] {
		return netip.Addr{}, netip.Addr{}
	}
	return h.VIPs.Lookup(name)
}

// Notice does nothing: the gateways of other hosts are none of this host's business.
func (h *fileHome) Notice([]gossip.Member, []tunnel.Link) {}

// Settled is true, since what a host listens on can be reached at once.
func (h *fileHome) Settled() bool { return true }

// Leave does nothing: the applications of a host have no other gateway.
func (h *fileHome) Leave(context.Context) {}
