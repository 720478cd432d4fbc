package imports

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

// directoryOf returns the directory of east/grapevine-0 where these clusters export web.
func directoryOf(exports map[registry.Cluster]registry.Export) *registry.Directory {
	self := registry.Gateway{Cluster: "east", Name: "grapevine-0"}
	atlas := registry.NewAtlas(self)
	live := map[registry.Gateway]registry.Liveness{}
	for cluster, export := range exports {
		export.Service = importedWeb.Service
		g := registry.Gateway{Cluster: cluster, Name: "grapevine-0"}
		live[g] = registry.Liveness{Alive: true, Synced: true, Link: registry.LinkUp, RTT: time.Millisecond}
		atlas.Apply([]registry.Change{{Owner: g, Service: importedWeb.Service, Export: &export}})
	}
	atlas.SetLiveness(live)
	return atlas.Directory()
}

func TestImports(t *testing.T) {
	base := func(edit func(e *registry.Export)) registry.Export {
		e := *udpExport("web")
		edit(&e)
		return e
	}
	same := func(*registry.Export) {}
	for _, row := range []struct {
		what    string
		exports map[registry.Cluster]registry.Export
		imports []string // name: ports
	}{
		{"a federated service has one name", map[registry.Cluster]registry.Export{"east": base(same), "west": base(same)},
			[]string{"web.shop: udp-53"}},
		{"clusters that have other ports add them", map[registry.Cluster]registry.Export{
			"east": base(func(e *registry.Export) { e.Ports = []registry.Port{tcp(443), tcp(80)} }), "west": base(same)},
			[]string{"web.shop: udp-53 tcp-80 tcp-443"}},
		{"a mirrored service has a name of its cluster", map[registry.Cluster]registry.Export{
			"east": base(func(e *registry.Export) { e.Visibility = registry.Mirrored }),
			"west": base(func(e *registry.Export) { e.Visibility = registry.Both })},
			[]string{"east.web.shop: udp-53", "web.shop: udp-53", "west.web.shop: udp-53"}},
		{"a headless one has a name for each host", map[registry.Cluster]registry.Export{
			"west": base(func(e *registry.Export) {
				e.Headless = true
				e.Endpoints = []registry.Endpoint{
					{Addr: netip.MustParseAddr("10.0.0.1"), Hostname: "web-0"}, {Addr: netip.MustParseAddr("10.0.0.2"), Hostname: "web-1"},
					{Addr: netip.MustParseAddr("10.0.0.3")},
				}
			})},
			[]string{"web-0.west.web.shop: udp-53", "web-1.west.web.shop: udp-53", "web.shop: udp-53"}},
		{"what is reached flat needs none", map[registry.Cluster]registry.Export{
			"west": base(func(e *registry.Export) { e.Reach, e.Visibility = registry.Flat, registry.Both })}, nil},
		{"what some reach through gateways does", map[registry.Cluster]registry.Export{
			"west": base(func(e *registry.Export) { e.Reach = registry.Flat }), "east": base(same)},
			[]string{"web.shop: udp-53"}},
		{"SCTP isn't carried", map[registry.Cluster]registry.Export{
			"west": base(func(e *registry.Export) { e.Ports = []registry.Port{{Port: 9, Protocol: registry.SCTP}} })}, nil},
	} {
		var found []string
		for name, imported := range Imports(directoryOf(row.exports), false) {
			line := name.String() + ":"
			for _, port := range imported.Ports {
				line += " " + portName(port.Number())
			}
			found = append(found, line)
		}
		slices.Sort(found)
		require.Equal(t, row.imports, found, row.what)
	}
}

// TestImportsTakeNothingThatTheAPIServerRefuses holds that one cluster can't spoil a Service for all by a word of its own.
func TestImportsTakeNothingThatTheAPIServerRefuses(t *testing.T) {
	e := *udpExport("web")
	e.Ports = []registry.Port{{Name: "a", Port: 1, Protocol: registry.TCP, AppProtocol: "kubernetes.io/h2c"},
		{Name: "b", Port: 2, Protocol: registry.TCP, AppProtocol: "no such thing!"}, {Name: "c", Port: 3, Protocol: registry.TCP, AppProtocol: strings.Repeat("x", 300)}}
	e.MCS = &registry.MCS{SessionAffinity: "ClientIP", SessionAffinitySeconds: 1 << 30}
	imported := Imports(directoryOf(map[registry.Cluster]registry.Export{"west": e}), false)[importedWeb]
	require.Equal(t, "kubernetes.io/h2c", imported.Ports[0].AppProtocol)
	require.Empty(t, imported.Ports[1].AppProtocol)
	require.Empty(t, imported.Ports[2].AppProtocol)
	require.Equal(t, SessionAffinity{ClientIP: true, Seconds: 10800}, imported.SessionAffinity)
}

func TestLocalPods(t *testing.T) {
	mirrored := registry.VIPName{Service: importedWeb.Service, Cluster: "east"}
	host := registry.VIPName{Service: importedWeb.Service, Cluster: "east", Hostname: "web-0"}
	all, one, none := "10.0.1.1:53 10.0.1.2:53", "10.0.1.1:53", ""
	for _, row := range []struct {
		what string
		edit func(east, west *registry.Export)
		name registry.VIPName
		pods string
	}{
		{"local affinity stays here", func(_, _ *registry.Export) {}, importedWeb, all},
		{"nearest doesn't", func(east, _ *registry.Export) { east.Affinity = registry.Nearest }, importedWeb, none},
		{"nor does spread", func(east, _ *registry.Export) { east.Affinity = registry.Spread }, importedWeb, none},
		{"nor local, where another cluster comes first", func(east, _ *registry.Export) { east.Priority = 1 }, importedWeb, none},
		{"nor what we don't federate", func(east, _ *registry.Export) { east.Visibility = registry.Mirrored }, importedWeb, none},
		{"our own mirrored one does", func(east, _ *registry.Export) { east.Affinity = registry.Spread }, mirrored, all},
		{"another cluster's doesn't", func(_, _ *registry.Export) {}, registry.VIPName{Service: importedWeb.Service, Cluster: "west"}, none},
		{"a host of ours is its Pod", func(_, _ *registry.Export) {}, host, one},
		{"what nobody here is ready for goes elsewhere", func(east, _ *registry.Export) { east.Ready = 0 }, importedWeb, none},
	} {
		east, west := *udpExport("web"), *udpExport("web")
		east.Visibility, west.Visibility = registry.Both, registry.Both
		row.edit(&east, &west)
		own := registry.Own{Export: east, Backends: map[registry.PortNumber][]registry.Backend{udp(53).Number(): {
			{Addr: netip.MustParseAddrPort("10.0.1.2:53")}, {Addr: netip.MustParseAddrPort("[::ffff:10.0.1.1]:53"), Hostname: "web-0"},
			{Addr: netip.MustParseAddrPort("10.0.1.2:53")}, {Addr: netip.MustParseAddrPort("127.0.0.1:53")},
			{Addr: netip.MustParseAddrPort("[fe80::1]:53")}, {Addr: netip.MustParseAddrPort("10.0.1.9:0")},
		}}}
		d := directoryOf(map[registry.Cluster]registry.Export{"east": east, "west": west})
		imports := map[registry.VIPName]Import{row.name: Import{Ports: []registry.Port{udp(53)}}}
		var found []string
		for _, pod := range localPods(d, "east", []registry.Own{own}, imports)[row.name][udp(53).Number()] {
			found = append(found, pod.String())
		}
		require.Equal(t, row.pods, strings.Join(found, " "), row.what)
	}
}
