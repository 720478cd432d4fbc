package dnsserver

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

var update = flag.Bool("update", false, "write what the server answers into testdata; read the diff")

// TestAnswers plays the conversations in testdata. A file is a directory, in the lines that fakeDirectory reads, and then
// questions, each with the reply below it:
//
//	? NAME TYPE [CLASS]
//	RCODE FLAGS…
//	SECTION record
func TestAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			played := play(t, string(text))
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(played), 0o644))
			}
			require.Equal(t, string(text), played)
		})
	}
}

// play returns the text with the replies that are given, in the place of those that were expected.
func play(t *testing.T, text string) string {
	directory := newFakeDirectory()
	server := newTestServer(t, directory)
	var played strings.Builder
	expected := false
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		question, asks := strings.CutPrefix(trimmed, "? ")
		if asks || trimmed == "" || trimmed[0] == '#' {
			expected = false
		}
		if expected {
			continue
		}
		played.WriteString(line)
		switch {
		case asks:
			played.WriteString(show(server.Answer(ask(question))))
			expected = true
		case trimmed != "" && trimmed[0] != '#':
			require.NoError(t, directory.add(trimmed), trimmed)
		}
	}
	return played.String()
}

func newFakeDirectory(lines ...string) *fakeDirectory {
	d := &fakeDirectory{ready: true, services: map[registry.ServiceName]registry.Service{}, vip: map[string][2]netip.Addr{}}
	for _, line := range lines {
		if err := d.add(line); err != nil {
			panic(err)
		}
	}
	return d
}

// newTestServer is the server of a gateway in east. Its random numbers are all 0.
func newTestServer(t testing.TB, directory *fakeDirectory) *Server {
	server, err := New(Config{
		Zone: "federated", Clusterset: "clusterset.local", TTL: 5 * time.Second, Self: "east",
		Directory: func() Directory { return directory }, VIPs: directory.VIPs,
		Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("2001:db8::53")},
		Pick:  func(uint64) uint64 { return 0 },
	})
	require.NoError(t, err)
	return server
}

// ask makes a query out of "name type [class]", with EDNS. A type without a name is TYPE1000.
func ask(question string) *dns.Msg {
	words := append(strings.Fields(question), "IN")
	rrtype, known := dns.StringToType[words[1]]
	if !known {
		rrtype = 1000
	}
	query := new(dns.Msg).SetQuestion(words[0], rrtype)
	query.Question[0].Qclass = dns.StringToClass[words[2]]
	query.RecursionDesired = false
	return query.SetEdns0(maxUDPSize, false)
}

// show writes a reply in the form of testdata. The OPT record is left out, except for an extended error, and of the SOA
// record of a negative answer there is only what is worth reading every time.
func show(reply *dns.Msg) string {
	var text strings.Builder
	fmt.Fprint(&text, dns.RcodeToString[reply.Rcode])
	flags := map[string]bool{"aa": reply.Authoritative, "tc": reply.Truncated, "rd": reply.RecursionDesired, "ra": reply.RecursionAvailable}
	for _, flag := range []string{"aa", "tc", "rd", "ra"} {
		if flags[flag] {
			fmt.Fprint(&text, " "+flag)
		}
	}
	text.WriteByte('\n')
	for _, section := range []struct {
		name    string
		records []dns.RR
	}{{"answer", reply.Answer}, {"authority", reply.Ns}, {"additional", reply.Extra}} {
		for _, record := range section.records {
			if opt, ok := record.(*dns.OPT); ok {
				for _, option := range opt.Option {
					text.WriteString("extended error " + option.String() + "\n")
				}
				continue
			}
			line := strings.ReplaceAll(record.String(), "\t", " ")
			if section.name == "authority" {
				line, _, _ = strings.Cut(line, " ns.")
			}
			fmt.Fprintf(&text, "%s %s\n", section.name, line)
		}
	}
	return text.String()
}

// TestReplyKeepsTheQuestion says that what comes back is what was asked, in its own case (0x20), and that owner names
// follow it, so that a resolver that mixes cases as a defence accepts the answer.
func TestReplyKeepsTheQuestion(t *testing.T) {
	server := newTestServer(t, newFakeDirectory("export east web.shop federated gateway http:80/TCP", "vip web.shop 127.80.0.1"))
	for _, name := range []string{"wEb.ShOp.FeDeRaTeD.", "nOpE.ShOp.FeDeRaTeD."} {
		query := ask(name + " A")
		reply := server.Answer(query)
		require.Equal(t, query.Question, reply.Question)
		require.Equal(t, query.Id, reply.Id)
		records := slices.Concat(reply.Answer, reply.Ns)
		require.Len(t, records, 1)
		for _, record := range records {
			require.True(t, strings.HasSuffix(name, record.Header().Name), record)
		}
	}
}

// TestNegativeAnswersCarryTheZonesSOA compares the record of a negative answer with the one at the apex.
func TestNegativeAnswersCarryTheZonesSOA(t *testing.T) {
	server := newTestServer(t, newFakeDirectory())
	apex := server.Answer(ask("federated. SOA")).Answer
	require.Len(t, apex, 1)
	require.EqualValues(t, 2, apex[0].(*dns.SOA).Minttl)
	require.Equal(t, apex, server.Answer(ask("web.shop.federated. A")).Ns)
}

// TestNamesAreBounded takes names at and over every limit of the grammar.
func TestNamesAreBounded(t *testing.T) {
	label := strings.Repeat("a", 63)
	server := newTestServer(t, newFakeDirectory("export east "+label+"."+label+" federated gateway http:80/TCP", "vip "+label+"."+label+" 127.80.0.1"))
	require.Len(t, server.Answer(ask(label+"."+label+".federated. A")).Answer, 1)
	deep := strings.Repeat("a.", 120) + "federated."
	require.Equal(t, dns.RcodeNameError, server.Answer(ask(deep+" A")).Rcode)
}
