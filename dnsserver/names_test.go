package dnsserver

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

// TestLawsOfNames holds over every directory and question of testdata what resolvers rely on: a name is denied only where
// nothing below it exists (RFC 8020 §2), and the target of an SRV record is a name that exists.
func TestLawsOfNames(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	var targets, parents int
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		directory := newFakeDirectory()
		server := newTestServer(t, directory)
		var questions []string
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			first, _, _ := strings.Cut(line, " ")
			switch first {
			case "?":
				questions = append(questions, line[2:])
			case "export", "vip", "unsynced":
				require.NoError(t, directory.add(line))
			}
		}
		exists := func(name string) bool { return server.Answer(ask(name+" A")).Rcode != dns.RcodeNameError }
		for _, question := range questions {
			reply := server.Answer(ask(question))
			for _, record := range reply.Answer {
				if srv, ok := record.(*dns.SRV); ok {
					require.True(t, exists(srv.Target), "%s: %s leads to %s", file, question, srv.Target)
					targets++
				}
			}
			if reply.Rcode != dns.RcodeSuccess {
				continue
			}
			labels := splitName(reply.Question[0].Name)
			for i := range labels {
				parent := strings.Join(labels[i:], ".") + "."
				if z, _ := server.zoneOf(parent); z != nil {
					require.True(t, exists(parent), "%s: %s exists, and %s is denied", file, question, parent)
					parents++
				}
			}
		}
	}
	require.Greater(t, targets, 40)
	require.Greater(t, parents, 500)
}

// TestTheMembersThatAreLeftOutAreTheSame asks often for a headless service that is larger than an answer: both families are
// about the same hosts, which come first in turn, and every answer is bounded.
func TestTheMembersThatAreLeftOutAreTheSame(t *testing.T) {
	var line strings.Builder
	line.WriteString("export west big.shop federated flat headless mcs p1:1/TCP p2:2/TCP p3:3/TCP p4:4/TCP")
	for i := 1; i <= 100; i++ {
		fmt.Fprintf(&line, " h%d=10.0.0.%d h%d=fd00::%d", i, i, i, i)
	}
	server := newTestServer(t, newFakeDirectory(line.String()))
	server.pick = rand.New(rand.NewPCG(1, 2)).Uint64N
	hosts, first := map[string]int{}, map[string]bool{}
	const asked = 500
	for range asked {
		four, six := server.Answer(ask("big.shop.svc.clusterset.local. A")).Answer, server.Answer(ask("big.shop.svc.clusterset.local. AAAA")).Answer
		require.Len(t, four, maxMembers)
		require.Len(t, six, maxMembers)
		first[four[0].(*dns.A).A.String()] = true
		for i := range four {
			hosts[strings.TrimPrefix(four[i].(*dns.A).A.String(), "10.0.0.")]++
			hosts[strings.TrimPrefix(six[i].(*dns.AAAA).AAAA.String(), "fd00::")]++
		}
	}
	require.Len(t, hosts, maxMembers)
	require.Len(t, first, maxMembers)
	require.Len(t, server.Answer(ask("big.shop.svc.clusterset.local. SRV")).Answer, maxSRVRecords)
	require.Len(t, server.Answer(ask("_p1._tcp.big.shop.svc.clusterset.local. SRV")).Answer, maxMembers)
}

// TestDashedAddresses writes addresses as labels.
func TestDashedAddresses(t *testing.T) {
	for addr, label := range map[string]string{
		"10.2.0.1": "10-2-0-1", "fd02::3:1": "fd02--3-1", "fd02::": "fd02--0", "::1": "0--1", "::": "0--0",
		"::ffff:10.2.0.1": "10-2-0-1", "2001:db8:1:2:3:4:5:6": "2001-db8-1-2-3-4-5-6",
	} {
		require.Equal(t, label, dashed(netip.MustParseAddr(addr)))
		require.NoError(t, registry.CheckLabel(label))
	}
}

// TestTheClustersetIsOffUnlessConfigured asks a server that has one zone.
func TestTheClustersetIsOffUnlessConfigured(t *testing.T) {
	directory := newFakeDirectory("export east web.shop federated gateway mcs http:80/TCP", "vip web.shop 127.80.0.1")
	server, err := New(Config{Zone: "federated", Self: "east", Directory: func() Directory { return directory }, VIPs: directory.VIPs})
	require.NoError(t, err)
	require.Equal(t, dns.RcodeRefused, server.Answer(ask("web.shop.svc.clusterset.local. A")).Rcode)
	require.Len(t, server.Answer(ask("web.shop.federated. A")).Answer, 1)
}
