package registry

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExportValidation(t *testing.T) {
	port := func(name string, number uint16, protocol Protocol) Port {
		return Port{Name: name, Port: number, Protocol: protocol}
	}
	endpoint := func(addr, host string) Endpoint {
		parsed, _ := netip.ParseAddr(addr)
		return Endpoint{parsed, host}
	}
	for _, c := range []struct {
		what  string
		spoil func(e *Export)
		want  string // in the error; empty: none
	}{
		{"as it is", func(*Export) {}, ""},
		{"no name", func(e *Export) { e.Service.Name = "" }, `service ".shop": name: "": want a DNS label`},
		{"namespace", func(e *Export) { e.Service.Namespace = "Shop" }, `namespace: "Shop": want a DNS label`},
		{"visibility", func(e *Export) { e.Visibility = "all" }, `export: "all": want federated, mirrored or both`},
		{"reach", func(e *Export) { e.Reach = "" }, `reach: "": want gateway or flat`},
		{"affinity", func(e *Export) { e.Affinity = "far" }, `affinity: "far": want local, nearest or spread`},
		{"no port", func(e *Export) { e.Ports = nil }, "ports: none; want at least one"},
		{"targets of some ports", func(e *Export) { e.Reach, e.Targets = Flat, slices.Repeat([]uint16{8080}, len(e.Ports)+1) }, "a port for each of the"},
		{"target 0", func(e *Export) { e.Reach, e.Targets = Flat, make([]uint16, len(e.Ports)) }, "a port for each of the"},
		{"targets behind a gateway", func(e *Export) { e.Reach, e.Targets = ThroughGateway, slices.Repeat([]uint16{8080}, len(e.Ports)) }, "of a flat export alone"},
		{"port 0", func(e *Export) { e.Ports[0].Port = 0 }, "port 0: want 1 to 65535"},
		{"protocol", func(e *Export) { e.Ports[0].Protocol = "ICMP" }, `protocol: "ICMP": want TCP, UDP or SCTP`},
		{"port name", func(e *Export) { e.Ports[0].Name = "a b" }, `name: "a b": want a DNS label`},
		{"two without names", func(e *Export) { e.Ports = append(e.Ports, port("", 81, TCP)) }, "port 8080: no name, which it needs beside other ports"},
		{"one name twice", func(e *Export) { e.Ports = []Port{port("a", 80, TCP), port("a", 81, TCP)} }, "port 81: its name or number stands twice"},
		{"one number twice", func(e *Export) { e.Ports = []Port{port("a", 53, TCP), port("b", 53, TCP)} }, "port 53: its name or number stands twice"},
		{"one number, two protocols", func(e *Export) { e.Ports = []Port{port("a", 53, TCP), port("b", 53, UDP)} }, ""},
		{"allowed cluster", func(e *Export) { e.Allow = []Cluster{"east", "*"} }, `allow: "*": want a DNS label`},
		{"an endpoint", func(e *Export) { e.Endpoints = []Endpoint{endpoint("10.0.0.1", "web-0"), endpoint("2001:db8::1", "")} }, ""},
		{"no address", func(e *Export) { e.Endpoints = []Endpoint{{}} }, "endpoint address"},
		{"any address", func(e *Export) { e.Endpoints = []Endpoint{endpoint("0.0.0.0", "")} }, "endpoint address 0.0.0.0"},
		{"multicast", func(e *Export) { e.Endpoints = []Endpoint{endpoint("ff02::1", "")} }, "endpoint address ff02::1"},
		{"a zone", func(e *Export) { e.Endpoints = []Endpoint{endpoint("fe80::1%eth0", "")} }, "endpoint address fe80::1%eth0"},
		{"host name", func(e *Export) { e.Endpoints = []Endpoint{endpoint("10.0.0.1", "Web")} }, `endpoint host name: "Web"`},
		{"application protocol", func(e *Export) { e.Ports[0].AppProtocol = strings.Repeat("a", 318) }, "an application protocol of 318 bytes"},
		{"MCS", func(e *Export) {
			e.MCS = &MCS{SessionAffinity: "ClientIP", IPFamilies: []string{"IPv4", "IPv6"}, Labels: map[string]string{"a": ""}}
		}, ""},
		{"MCS word", func(e *Export) { e.MCS = &MCS{TrafficDistribution: strings.Repeat("a", 64)} }, "mcs: a word of 64 bytes"},
		{"MCS families", func(e *Export) { e.MCS = &MCS{IPFamilies: make([]string, 3)} }, "mcs: 3 IP families"},
		{"MCS labels", func(e *Export) { e.MCS = &MCS{Labels: manyLabels(65)} }, "mcs: more than 64 exported labels"},
		{"MCS key", func(e *Export) { e.MCS = &MCS{Annotations: map[string]string{strings.Repeat("a", 318): ""}} }, "mcs: an exported key of 318 bytes"},
		{"too many ports", func(e *Export) { e.Ports = make([]Port, MaxPorts+1) }, "more than 64 ports"},
		{"too many endpoints", func(e *Export) { e.Endpoints = make([]Endpoint, MaxEndpoints+1) }, "256 endpoints"},
		{"too many clusters", func(e *Export) { e.Allow = make([]Cluster, MaxAllow+1) }, "256 allowed clusters"},
	} {
		e := export("web", 1)
		e.Ports = slices.Clone(e.Ports)
		c.spoil(&e)
		err := e.Validate()
		if c.want == "" {
			require.NoError(t, err, c.what)
			continue
		}
		require.ErrorContains(t, err, c.want, c.what)
	}
}

func manyLabels(n int) map[string]string {
	labels := map[string]string{}
	for i := range n {
		labels[strings.Repeat("a", i)] = ""
	}
	return labels
}

func TestVisibilities(t *testing.T) {
	require.True(t, Federated.Federated() && Both.Federated() && !Mirrored.Federated())
	require.True(t, Mirrored.Mirrored() && Both.Mirrored() && !Federated.Mirrored())
}

func TestAllowLists(t *testing.T) {
	open, closed := Export{}, Export{Allow: []Cluster{"north"}}
	require.True(t, open.Allows("east"))
	require.True(t, closed.Allows("north"))
	require.False(t, closed.Allows("east"))
}
