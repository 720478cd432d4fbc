package file

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/grapevine-mesh/grapevine/registry"
)

// read reads services as the daemon does, strictly.
func read(t *testing.T, text string) []Service {
	var config struct {
		Services []Service `json:"services"`
	}
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), &config))
	return config.Services
}

// TestParse reads the example of the documentation, and one with every key.
func TestParse(t *testing.T) {
	parsed, err := parse(read(t, `
services:
  - name: web
    namespace: shop
    export: federated
    reach: gateway
    affinity: local
    ports: [{name: http, port: 8080, protocol: TCP}]
    endpoints: [127.0.0.1:9001]
    check: {http: /healthz, interval: 500ms, timeout: 300ms}
  - name: db
    namespace: shop
    export: both
    reach: flat
    affinity: spread
    weight: 3
    priority: -1
    allow-clusters: [west, north]
    ports: [{name: pg, port: 5432}, {name: metrics, port: 9187}]
    endpoints: [10.0.0.1, "::ffff:10.0.0.2", "fd00::1"]
    check: {tcp: true, rise: 2, fall: 3}
  - name: min
    namespace: shop
    ports: [{port: 80}]
    endpoints: ["[fd00::1]:80"]
`))
	require.NoError(t, err)
	require.Equal(t, []service{
		{
			export: registry.Export{
				Service: registry.ServiceName{Namespace: "shop", Name: "web"}, Visibility: registry.Federated, Reach: registry.ThroughGateway,
				Affinity: registry.Local, Ports: []registry.Port{{Name: "http", Port: 8080, Protocol: registry.TCP}},
			},
			endpoints: []endpoint{{netip.MustParseAddr("127.0.0.1"), 9001}},
			check:     check{path: "/healthz", interval: 500 * time.Millisecond, timeout: 300 * time.Millisecond, rise: 1, fall: 2},
		},
		{
			export: registry.Export{
				Service: registry.ServiceName{Namespace: "shop", Name: "db"}, Visibility: registry.Both, Reach: registry.Flat,
				Affinity: registry.Spread, Weight: 3, Priority: -1, Allow: []registry.Cluster{"west", "north"},
				Ports: []registry.Port{{Name: "pg", Port: 5432, Protocol: registry.TCP}, {Name: "metrics", Port: 9187, Protocol: registry.TCP}},
			},
			endpoints: []endpoint{{netip.MustParseAddr("10.0.0.1"), 0}, {netip.MustParseAddr("10.0.0.2"), 0}, {netip.MustParseAddr("fd00::1"), 0}},
			check:     check{interval: time.Second, timeout: time.Second, rise: 2, fall: 3},
		},
		{
			export: registry.Export{
				Service: registry.ServiceName{Namespace: "shop", Name: "min"}, Visibility: registry.Federated, Reach: registry.ThroughGateway,
				Affinity: registry.Local, Ports: []registry.Port{{Port: 80, Protocol: registry.TCP}},
			},
			endpoints: []endpoint{{netip.MustParseAddr("fd00::1"), 0}},
			check:     check{interval: time.Second, timeout: time.Second, rise: 1, fall: 2},
		},
	}, parsed)
}

// TestParseOfUDP has services with ports of both protocols.
func TestParseOfUDP(t *testing.T) {
	parsed, err := parse(read(t, `
services:
  - name: names
    namespace: kube
    ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53}]
    endpoints: [127.0.0.1:5353, 10.0.0.1]
    check: {tcp: true}
  - name: log
    namespace: ops
    ports: [{port: 514, protocol: UDP}]
    endpoints: [127.0.0.1:1514]
`))
	require.NoError(t, err)
	port, can := parsed[0].checked()
	require.True(t, can, "over TCP")
	require.EqualValues(t, 53, port)
	require.Equal(t, []endpoint{{netip.MustParseAddr("127.0.0.1"), 5353}, {netip.MustParseAddr("10.0.0.1"), 0}}, parsed[0].endpoints)
	_, can = parsed[1].checked()
	require.False(t, can)
}

// TestParseSaysWhatIsWrong changes one thing of a good service, and expects to be told its key and what would be right.
func TestParseSaysWhatIsWrong(t *testing.T) {
	good := Service{
		Name: "web", Namespace: "shop", Endpoints: []string{"127.0.0.1:9001"},
		Ports: []registry.Port{{Name: "http", Port: 8080, Protocol: registry.TCP}},
	}
	require.NoError(t, Validate([]Service{good}))
	two := []registry.Port{{Name: "a", Port: 1}, {Name: "b", Port: 2}}
	for want, change := range map[string]func(*Service){
		`services[0].name: missing, such as web`:                            func(s *Service) { s.Name = "" },
		`services[0].name: "Web": want a DNS label`:                         func(s *Service) { s.Name = "Web" },
		`services[0].namespace: missing, such as shop`:                      func(s *Service) { s.Namespace = "" },
		`services[0].export: "all": want federated or mirrored or both`:     func(s *Service) { s.Export = "all" },
		`services[0].reach: "vip": want gateway or flat`:                    func(s *Service) { s.Reach = "vip" },
		`services[0].affinity: "any": want local or nearest or spread`:      func(s *Service) { s.Affinity = "any" },
		`services[0].allow-clusters[1]: "W": want a DNS label`:              func(s *Service) { s.AllowClusters = []registry.Cluster{"east", "W"} },
		`services[0].ports: missing, such as [{name: http, port: 8080`:      func(s *Service) { s.Ports = nil },
		`services[0].ports[0].port: want 1 to 65535`:                        func(s *Service) { s.Ports = []registry.Port{{Name: "http"}} },
		`services[0].ports[0].protocol: "tcpp": want TCP or UDP, such as {`: func(s *Service) { s.Ports = []registry.Port{{Port: 1, Protocol: "tcpp"}} },
		`services[0].ports[0].protocol: "SCTP": want TCP or UDP`:            func(s *Service) { s.Ports = []registry.Port{{Port: 1, Protocol: registry.SCTP}} },
		`services[0].check: a service with only UDP ports isn't checked`:    func(s *Service) { s.Ports[0].Protocol, s.Check = registry.UDP, &Check{TCP: true} },
		`services[0].ports[1].name: missing`:                                func(s *Service) { s.Ports, s.Endpoints = []registry.Port{two[0], {Port: 9}}, []string{"::1"} },
		`services[0].ports[1]: its name or its number is that of ports[0]`:  func(s *Service) { s.Ports, s.Endpoints = []registry.Port{two[0], two[0]}, []string{"::1"} },
		`services[0].ports: 65 ports: want 64 at most`:                      func(s *Service) { s.Ports, s.Endpoints = make([]registry.Port, 65), []string{"::1"} },
		`services[0].endpoints: missing, such as [127.0.0.1:9001]`:          func(s *Service) { s.Endpoints = nil },
		`services[0].endpoints: 257 endpoints: want 256 at most`:            func(s *Service) { s.Endpoints = make([]string, 257) },
		`services[0].endpoints[0]: "localhost": want address or address:po`: func(s *Service) { s.Endpoints = []string{"localhost"} },
		`services[0].endpoints[0]: "10.0.0.1:0": want address or address:p`: func(s *Service) { s.Endpoints = []string{"10.0.0.1:0"} },
		`services[0].endpoints[0]: "0.0.0.0": no address of one host`:       func(s *Service) { s.Endpoints = []string{"0.0.0.0"} },
		`services[0].endpoints[0]: "224.0.0.1:80": no address of one host`:  func(s *Service) { s.Endpoints = []string{"224.0.0.1:80"} },
		`services[0].endpoints[0]: "fe80::1%eth0": no address of one host`:  func(s *Service) { s.Endpoints = []string{"fe80::1%eth0"} },
		`services[0].endpoints[0]: "127.0.0.1:9001": a port, though`:        func(s *Service) { s.Ports = two },
		`services[0].endpoints[0]: "127.0.0.1:9001": with reach flat`:       func(s *Service) { s.Reach = registry.Flat },
		`services[0].endpoints[1]: "10.0.0.1:8080" stands twice`:            func(s *Service) { s.Endpoints = []string{"10.0.0.1", "10.0.0.1:8080"} },
		`services[0].check: http and tcp: want one of them`:                 func(s *Service) { s.Check = &Check{HTTP: "/", TCP: true} },
		`services[0].check.http: "healthz": want a path, such as /healthz`:  func(s *Service) { s.Check = &Check{HTTP: "healthz"} },
		`services[0].check.interval: "fast": want 10ms to 1h0m0s, such as`:  func(s *Service) { s.Check = &Check{Interval: "fast"} },
		`services[0].check.interval: "1ns": want 10ms to 1h0m0s, such as 5`: func(s *Service) { s.Check = &Check{Interval: "1ns"} },
		`services[0].check.timeout: "2s": longer than the interval 1s`:      func(s *Service) { s.Check = &Check{Timeout: "2s"} },
		`services[0].check: rise 1, fall -2: want 1 or more`:                func(s *Service) { s.Check = &Check{Fall: -2} },
	} {
		s := good
		s.Ports = slices.Clone(good.Ports)
		change(&s)
		err := Validate([]Service{s})
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "\n", "one fault is one problem")
	}
	require.EqualError(t, Validate([]Service{good, good}), "services[1]: web.shop is services[0] already")
}

// TestValidateTellsAll has more than one thing wrong.
func TestValidateTellsAll(t *testing.T) {
	err := Validate(read(t, `
services:
  - {name: web, namespace: shop, ports: [{port: 80}], endpoints: [10.0.0.1]}
  - {name: Web, ports: [{port: 80, protocol: QUIC}], endpoints: [10.0.0.1]}
`))
	require.EqualError(t, err, strings.TrimSpace(`
services[1].name: "Web": want a DNS label: 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit, such as web
services[1].namespace: missing, such as shop
services[1].ports[0].protocol: "QUIC": want TCP or UDP, such as {name: http, port: 8080, protocol: TCP}`))
}
