package daemon

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/gossip"
	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/file"
	"github.com/grapevine-mesh/grapevine/registry/kube/imports"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

func TestSiblings(t *testing.T) {
	self := registry.Gateway{Cluster: "east", Name: "grapevine-0"}
	other := registry.Gateway{Cluster: "east", Name: "grapevine-1"}
	far := registry.Gateway{Cluster: "west", Name: "grapevine-1"}
	member := func(g registry.Gateway, s gossip.State) gossip.Member { return gossip.Member{Gateway: g, State: s} }
	link := func(g registry.Gateway, s tunnel.LinkState) tunnel.Link { return tunnel.Link{Gateway: g, State: s} }
	for _, row := range []struct {
		when    string
		members []gossip.Member
		links   []tunnel.Link
		want    map[string]imports.Sibling
	}{
		{"it is alone", []gossip.Member{member(self, gossip.Alive)}, nil, map[string]imports.Sibling{}},
		{"others' gateways are none of ours", []gossip.Member{member(far, gossip.Dead)}, []tunnel.Link{link(far, tunnel.Down)}, map[string]imports.Sibling{}},
		{"it lives", []gossip.Member{member(other, gossip.Alive)}, []tunnel.Link{link(other, tunnel.Up)}, map[string]imports.Sibling{"grapevine-1": imports.SiblingLive}},
		{"its link is suspect", []gossip.Member{member(other, gossip.Alive)}, []tunnel.Link{link(other, tunnel.Suspect)}, map[string]imports.Sibling{"grapevine-1": imports.SiblingLive}},
		{"its link is down", []gossip.Member{member(other, gossip.Suspect)}, []tunnel.Link{link(other, tunnel.Down)}, map[string]imports.Sibling{"grapevine-1": imports.SiblingLinkDown}},
		{"another cluster has one of its name, whose link is down", []gossip.Member{member(other, gossip.Alive)}, []tunnel.Link{link(far, tunnel.Down)}, map[string]imports.Sibling{"grapevine-1": imports.SiblingLive}},
		{"it is dead", []gossip.Member{member(other, gossip.Dead)}, []tunnel.Link{link(other, tunnel.Down)}, map[string]imports.Sibling{"grapevine-1": imports.SiblingDead}},
		{"it has left", []gossip.Member{member(other, gossip.Left)}, nil, map[string]imports.Sibling{"grapevine-1": imports.SiblingDead}},
	} {
		require.Equal(t, row.want, siblings(self, row.members, row.links), row.when)
	}
}

// TestHostsNamesAreAnsweredWhenOpen holds that a VIP is told once there is somebody behind it.
func TestHostsNamesAreAnsweredWhenOpen(t *testing.T) {
	vips, err := file.OpenVIPs(file.VIPConfig{Range: netip.MustParsePrefix("127.80.0.0/16"), Gateway: registry.Gateway{Cluster: "east", Name: "e-0"}})
	require.NoError(t, err)
	h := &fileHome{VIPs: vips}
	web := registry.VIPName{Service: registry.ServiceName{Namespace: "shop", Name: "web"}}
	dns := registry.VIPName{Service: registry.ServiceName{Namespace: "shop", Name: "dns"}}
	port := func(number uint16, p registry.Protocol) registry.Port {
		return registry.Port{Name: "p", Port: number, Protocol: p}
	}
	fronts, err := h.Place(map[registry.VIPName][]registry.Port{web: {port(80, registry.TCP)}, dns: {port(53, registry.UDP)}})
	require.NoError(t, err)
	require.Len(t, fronts, 2)
	found := func(name registry.VIPName) bool {
		v4, _ := h.Lookup(name)
		return v4.IsValid()
	}
	require.False(t, found(web) || found(dns), "nothing is open")
	h.Open(fronts, nil)
	require.True(t, found(web) && found(dns))
	for _, front := range fronts {
		if front.Name == dns {
			h.Open(fronts, []registry.Front{front})
		}
	}
	require.True(t, found(web))
	require.False(t, found(dns), "its port is another process's")
}
