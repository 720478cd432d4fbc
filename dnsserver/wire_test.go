package dnsserver

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// TestOddPackets says what becomes of packets that aren't plain questions, header by header:
// ID, flags, and the lengths of question, answer, authority and additional section.
func TestOddPackets(t *testing.T) {
	const question = "03776562 0473686f70 09666564657261746564 00 0001 0001" // web.shop.federated. A IN
	const opt = "00 0029 1000 00000000 0000"
	const rr = "00 000a 0001 00000000 0000" // . 0 IN NULL
	for _, odd := range []struct{ name, packet, reply string }{
		{"nothing", "", "silence"},
		{"half a header", "1234 0000 0001", "silence"},
		{"a response", "1234 8000 0001 0000 0000 0000" + question, "silence"},
		{"a question", "1234 0000 0001 0000 0000 0000" + question, "NOERROR"},
		{"no question", "1234 0000 0000 0000 0000 0000", "FORMERR"},
		{"no question, with EDNS (RFC 7873 §5.4)", "1234 0000 0000 0000 0000 0001" + opt, "FORMERR"},
		{"two questions", "1234 0000 0002 0000 0000 0000" + question + question, "FORMERR"},
		{"a question promised, none there", "1234 0000 0001 0000 0000 0000", "FORMERR"},
		{"a question cut off", "1234 0000 0001 0000 0000 0000 03776562", "FORMERR"},
		{"a name that points to itself", "1234 0000 0001 0000 0000 0000 c00c 0001 0001", "FORMERR"},
		{"an answer in the question", "1234 0000 0001 0001 0000 0000" + question + rr, "FORMERR"},
		{"additional records promised, none there", "1234 0000 0001 0000 0000 0002" + question, "FORMERR"},
		{"three additional records", "1234 0000 0001 0000 0000 0003" + question + rr + rr + rr, "FORMERR"},
		{"two additional records", "1234 0000 0001 0000 0000 0002" + question + rr + opt, "NOERROR"},
		{"an IXFR's authority", "1234 0000 0001 0000 0001 0000" + question + rr, "NOERROR"},
		{"two records of authority", "1234 0000 0001 0000 0002 0000" + question + rr + rr, "FORMERR"},
		{"two OPT records", "1234 0000 0001 0000 0000 0002" + question + opt + opt, "FORMERR"},
		{"an OPT record with a name", "1234 0000 0001 0000 0000 0001" + question + "0178" + opt, "FORMERR"},
		{"an inverse query", "1234 0800 0001 0000 0000 0000" + question, "NOTIMP"},
		{"STATUS", "1234 1000 0001 0000 0000 0000" + question, "NOTIMP"},
		{"NOTIFY", "1234 2400 0001 0000 0000 0000" + question, "NOTIMP"},
		{"UPDATE with a thousand records", "1234 2800 0001 0000 03e8 0000" + question, "NOTIMP"},
		{"DSO", "1234 3000 0000 0000 0000 0000", "NOTIMP"},
		{"opcode 15", "1234 7800 0001 0000 0000 0000" + question, "NOTIMP"},
	} {
		t.Run(odd.name, func(t *testing.T) {
			server := newTestServer(t, newFakeDirectory("export east web.shop federated gateway http:80/TCP", "vip web.shop 127.80.0.1"))
			packet, err := hex.DecodeString(strings.ReplaceAll(odd.packet, " ", ""))
			require.NoError(t, err)
			wire := server.Respond(packet, true)
			stats := server.Stats()
			if odd.reply == "silence" {
				require.Nil(t, wire)
				require.EqualValues(t, 1, stats.Dropped)
				return
			}
			reply := new(dns.Msg)
			require.NoError(t, reply.Unpack(wire))
			require.Equal(t, odd.reply, dns.RcodeToString[reply.Rcode])
			require.Equal(t, uint16(0x1234), reply.Id)
			require.True(t, reply.Response)
			require.Equal(t, int(packet[2]>>3&0xf), reply.Opcode)
			require.EqualValues(t, 1, stats.Rcodes[odd.reply])
		})
	}
}

// TestTruncation shrinks what a reply may have: additional records go first and silently, then all of the answer, which
// the client asks for again over TCP.
func TestTruncation(t *testing.T) {
	host, big := strings.Repeat("h", 55), strings.Repeat("b", 33)
	export := "export east " + big + ".shop federated flat pg:5432/TCP"
	for i := range 8 {
		export += fmt.Sprintf(" %s-%d=10.0.0.%d", host, i, i+1)
	}
	server := newTestServer(t, newFakeDirectory(export))
	respond := func(query *dns.Msg, overUDP bool) (*dns.Msg, int) {
		packet, err := query.Pack()
		require.NoError(t, err)
		wire := server.Respond(packet, overUDP)
		reply := new(dns.Msg)
		require.NoError(t, reply.Unpack(wire))
		return reply, len(wire)
	}
	query := plain("_pg._tcp." + big + ".shop.federated. SRV")

	whole, size := respond(query, false)
	require.Len(t, whole.Answer, 8)
	require.Len(t, whole.Extra, 8)
	require.Greater(t, size, maxUDPSize)

	reply, size := respond(query.Copy().SetEdns0(4096, false), true)
	require.LessOrEqual(t, size, maxUDPSize)
	require.False(t, reply.Truncated, "what was left out is additional")
	require.Len(t, reply.Answer, 8)
	require.Len(t, reply.Extra, 1)

	for _, cut := range []*dns.Msg{query, query.Copy().SetEdns0(512, false), query.Copy().SetEdns0(0, false)} {
		reply, size = respond(cut, true)
		require.LessOrEqual(t, size, 512)
		require.True(t, reply.Truncated)
		require.Empty(t, reply.Answer)
		require.Equal(t, cut.IsEdns0() != nil, reply.IsEdns0() != nil)
	}

	reply, size = respond(plain(big+".shop.federated. A"), true)
	require.LessOrEqual(t, size, 512)
	require.Len(t, reply.Answer, 8, "eight addresses fit into the smallest reply")
}

// FuzzRespond throws packets at the server. Whatever comes in: it doesn't break, and what goes out is a response that
// parses, answers what was asked, and is no longer than allowed.
func FuzzRespond(f *testing.F) {
	for _, question := range []string{
		"web.shop.federated. A", "WEB.shop.Federated. AAAA", "_http._tcp.web.shop.federated. SRV", "federated. SOA", "federated. NS",
		"ns.federated. A", "east.web.shop.federated. A", "kv-0.east.kv.shop.federated. A", "_p._tcp.kv.shop.federated. SRV", "nope.federated. A",
		"web.shop.svc.clusterset.local. A", "WEB.Shop.SVC.clusterset.local. SRV", "_http._tcp.web.shop.svc.clusterset.local. SRV",
		"kv.shop.svc.clusterset.local. AAAA", "kv-0.east.kv.shop.svc.clusterset.local. A", "10-0-0-2.east.kv.shop.svc.clusterset.local. A",
		"east.kv.shop.svc.clusterset.local. A", "dns-version.clusterset.local. TXT", "svc.clusterset.local. A", "clusterset.local. SOA",
		". NS", "version.bind. TXT CH", "federated. AXFR", "web.shop.federated. ANY", "a\\.b.shop.federated. A", "\\000\\255.federated. A",
	} {
		query := ask(question)
		for _, packet := range []*dns.Msg{query, plain(question), with(1, 0, 0xffff, &dns.EDNS0_LOCAL{Code: 65001, Data: []byte("x")})} {
			wire, err := packet.Pack()
			require.NoError(f, err)
			f.Add(wire, true)
			f.Add(wire[:len(wire)-1], false)
		}
	}
	f.Add([]byte("\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x01\x00\x01\x01x\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00"), true) // a named OPT record
	server := newTestServer(f, newFakeDirectory(
		"export east web.shop both gateway mcs http:80/TCP", "vip web.shop 127.80.0.1 fd00::1", "vip east.web.shop 127.80.0.2",
		"export east kv.shop both flat headless mcs p:1/TCP kv-0=10.0.0.1 kv-0=fd00::2 10.0.0.2",
		"export west kv.shop federated gateway headless mcs p:1/TCP kv-0=10.0.0.1", "vip kv-0.west.kv.shop 127.80.0.3"))
	f.Fuzz(func(t *testing.T, packet []byte, overUDP bool) {
		wire := server.Respond(packet, overUDP)
		require.Zero(t, server.Stats().Panics)
		if wire == nil {
			return
		}
		query, reply := new(dns.Msg), new(dns.Msg)
		require.NoError(t, reply.Unpack(wire))
		require.True(t, reply.Response)
		require.False(t, reply.RecursionAvailable)
		if overUDP {
			require.LessOrEqual(t, len(wire), maxUDPSize)
		}
		if query.Unpack(packet) != nil || len(reply.Question) == 0 {
			return
		}
		require.Equal(t, query.Id, reply.Id)
		require.Equal(t, query.Question[:1], reply.Question)
		if reply.Rcode != dns.RcodeFormatError { // it may be the OPT record that isn't well formed
			require.Equal(t, query.IsEdns0() != nil, reply.IsEdns0() != nil)
		}
		if overUDP && query.IsEdns0() == nil {
			require.LessOrEqual(t, len(wire), minUDPSize)
		}
	})
}
