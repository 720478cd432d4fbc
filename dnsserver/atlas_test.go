package dnsserver

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

// TestOverRegistrysDirectory asks through the directory that the daemon has, while the mesh comes up and a cluster dies.
func TestOverRegistrysDirectory(t *testing.T) {
	east, west := registry.Gateway{Cluster: "east", Name: "e-0"}, registry.Gateway{Cluster: "west", Name: "w-0"}
	web := registry.ServiceName{Namespace: "shop", Name: "web"}
	atlas := registry.NewAtlas(east)
	server, err := New(Config{
		Zone: "federated", TTL: 5 * time.Second, Self: east.Cluster,
		Directory: func() Directory { return atlas.Directory() },
		VIPs: func(registry.VIPName) (v4, v6 netip.Addr) {
			return netip.MustParseAddr("127.80.3.7"), netip.Addr{}
		},
	})
	require.NoError(t, err)
	expect := func(when, question string, rcode, answers int) {
		t.Helper()
		reply := server.Answer(ask(question))
		require.Equal(t, dns.RcodeToString[rcode], dns.RcodeToString[reply.Rcode], when)
		require.Len(t, reply.Answer, answers, when)
	}
	export := func(owner registry.Gateway, visibility registry.Visibility, ready uint32) {
		atlas.Apply([]registry.Change{{Owner: owner, Service: web, Export: &registry.Export{
			Service: web, Visibility: visibility, Reach: registry.ThroughGateway, Affinity: registry.Local, Ready: ready,
			Ports: []registry.Port{{Name: "http", Port: 8080, Protocol: registry.TCP}},
		}}})
	}
	alive := registry.Liveness{Alive: true, Synced: true, Link: registry.LinkUp}
	down := registry.Liveness{Alive: true, Synced: true, Link: registry.LinkDown}

	expect("at the start", "web.shop.federated. A", dns.RcodeServerFailure, 0)
	expect("at the start", "federated. SOA", dns.RcodeSuccess, 1)
	export(east, registry.Federated, 1)
	expect("exported here", "web.shop.federated. A", dns.RcodeSuccess, 1)
	export(east, registry.Federated, 0)
	expect("not ready here", "web.shop.federated. A", dns.RcodeServerFailure, 0)
	atlas.SetReady(true)
	expect("synchronised", "web.shop.federated. A", dns.RcodeSuccess, 0)
	expect("synchronised", "db.shop.federated. A", dns.RcodeNameError, 0)
	expect("synchronised", "shop.federated. A", dns.RcodeSuccess, 0)
	expect("synchronised", "shops.federated. A", dns.RcodeNameError, 0)
	export(west, registry.Both, 3)
	expect("exported there, not met yet", "web.shop.federated. A", dns.RcodeSuccess, 0)
	atlas.SetLiveness(map[registry.Gateway]registry.Liveness{west: alive})
	expect("met", "web.shop.federated. A", dns.RcodeSuccess, 1)
	expect("met", "west.web.shop.federated. A", dns.RcodeSuccess, 1)
	expect("met", "_http._tcp.web.shop.federated. SRV", dns.RcodeSuccess, 1)
	atlas.SetLiveness(map[registry.Gateway]registry.Liveness{west: down})
	expect("dead", "web.shop.federated. A", dns.RcodeSuccess, 0)
	expect("dead", "west.web.shop.federated. A", dns.RcodeSuccess, 0)
	expect("dead", "_http._tcp.web.shop.federated. SRV", dns.RcodeSuccess, 0)
	atlas.Apply([]registry.Change{{Owner: west, Service: web}, {Owner: east, Service: web}})
	expect("withdrawn", "web.shop.federated. A", dns.RcodeNameError, 0)
}
