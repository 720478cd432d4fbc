package dnsserver

import (
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// TestEDNSCompliance plays the probes of ISC's EDNS compliance tester, named as there, and those of RFC 8906 §8.
func TestEDNSCompliance(t *testing.T) {
	option := &dns.EDNS0_LOCAL{Code: 100, Data: []byte{1, 2, 3}}
	cookie := &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"}
	for _, probe := range []struct {
		name    string
		query   *dns.Msg
		rcode   int
		answers int
		opt     bool
		do      bool
	}{
		{name: "dns", query: plain("web.shop.federated. A"), answers: 1},
		{name: "edns", query: with(0, 4096, 0), answers: 1, opt: true},
		{name: "edns1", query: with(1, 4096, 0), rcode: dns.RcodeBadVers, opt: true},
		{name: "edns@512", query: with(0, 512, 0), answers: 1, opt: true},
		{name: "ednsopt", query: with(0, 4096, 0, option), answers: 1, opt: true},
		{name: "edns1opt", query: with(1, 4096, 0, option), rcode: dns.RcodeBadVers, opt: true},
		{name: "do", query: with(0, 4096, 1<<15), answers: 1, opt: true, do: true},
		{name: "ednsflags", query: with(0, 4096, 0x0040), answers: 1, opt: true},
		{name: "docookie", query: with(0, 4096, 1<<15, cookie), answers: 1, opt: true, do: true},
		{name: "optlist", query: with(0, 4096, 0, cookie, option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_PADDING{Padding: make([]byte, 64)}), answers: 1, opt: true},
		{name: "type 1000", query: plain("web.shop.federated. TYPE1000")},
		{name: "ad, cd, z, tc, ra, aa", query: flagged(plain("web.shop.federated. A")), answers: 1},
	} {
		t.Run(probe.name, func(t *testing.T) {
			for _, overUDP := range []bool{true, false} { // "edns512tcp" among them
				reply := exchange(t, probe.query, overUDP)
				require.Equal(t, dns.RcodeToString[probe.rcode], dns.RcodeToString[reply.Rcode])
				require.Len(t, reply.Answer, probe.answers)
				require.Equal(t, probe.query.Question, reply.Question)
				require.True(t, reply.Response)
				require.Equal(t, probe.query.CheckingDisabled, reply.CheckingDisabled)
				require.False(t, reply.AuthenticatedData || reply.Zero || reply.Truncated || reply.RecursionAvailable)
				opt := reply.IsEdns0()
				require.Equal(t, probe.opt, opt != nil)
				if opt == nil {
					continue
				}
				require.Zero(t, opt.Version())
				require.Empty(t, opt.Option)
				require.Zero(t, opt.Z())
				require.Equal(t, probe.do, opt.Do())
				require.EqualValues(t, 1232, opt.UDPSize())
				if probe.rcode == dns.RcodeBadVers {
					require.Empty(t, reply.Ns)
					require.False(t, reply.Authoritative)
				}
			}
		})
	}
}

// TestExtendedErrorNeedsEDNS says that a client which didn't send an OPT record gets none, whatever there is to explain.
func TestExtendedErrorNeedsEDNS(t *testing.T) {
	server := newTestServer(t, newFakeDirectory("unsynced"))
	query := plain("web.shop.federated. A")
	reply := server.Answer(query)
	require.Equal(t, dns.RcodeServerFailure, reply.Rcode)
	require.Empty(t, reply.Extra)
	require.Empty(t, reply.Ns)
	require.False(t, reply.Authoritative)
}

func TestUDPSize(t *testing.T) {
	require.Equal(t, 512, edns{size: 4096}.udpSize(), "without EDNS")
	for said, size := range map[uint16]int{0: 512, 100: 512, 512: 512, 1000: 1000, 1232: 1232, 4096: 1232, 65535: 1232} {
		require.Equal(t, size, edns{present: true, size: said}.udpSize(), said)
	}
}

// exchange sends a query through the wire form of query and reply.
func exchange(t *testing.T, query *dns.Msg, overUDP bool) *dns.Msg {
	server := newTestServer(t, newFakeDirectory("export east web.shop federated gateway http:80/TCP", "vip web.shop 127.80.0.1"))
	packet, err := query.Pack()
	require.NoError(t, err)
	reply := new(dns.Msg)
	require.NoError(t, reply.Unpack(server.Respond(packet, overUDP)))
	require.Equal(t, query.Id, reply.Id)
	return reply
}

// plain is a query without EDNS.
func plain(question string) *dns.Msg {
	query := ask(question)
	query.Extra = nil
	return query
}

func with(version uint8, size, flags uint16, options ...dns.EDNS0) *dns.Msg {
	query := plain("web.shop.federated. A")
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}, Option: options}
	opt.SetUDPSize(size)
	opt.SetVersion(version)
	opt.SetZ(flags &^ (1 << 15))
	opt.SetDo(flags&(1<<15) != 0)
	query.Extra = []dns.RR{opt}
	return query
}

func flagged(query *dns.Msg) *dns.Msg {
	query.AuthenticatedData, query.CheckingDisabled, query.Zero = true, true, true
	query.Truncated, query.RecursionAvailable, query.Authoritative = true, true, true
	return query
}
