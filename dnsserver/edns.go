package dnsserver

import "github.com/miekg/dns"

// The sizes of replies over UDP: what every client takes (RFC 1035 §4.2.1), and what passes every network that matters
// in one piece (DNS Flag Day 2020, RFC 9715). No client gets more than the latter, whatever it says it takes.
const (
	minUDPSize = dns.MinMsgSize
	maxUDPSize = 1232
)

// edns is what a query says by EDNS(0), RFC 6891. Its options are ignored, and so not echoed; of its flags DO alone is
// copied into the reply, as RFC 3225 §3 asks of a server without DNSSEC too.
type edns struct {
	present bool
	version uint8
	do      bool
	size    uint16
}

// readEDNS returns false where the query says it wrongly: twice, or with a name.
func readEDNS(query *dns.Msg) (edns, bool) {
	var e edns
	for _, rr := range query.Extra {
		opt, isOPT := rr.(*dns.OPT)
		if !isOPT {
			continue
		}
		if e.present || opt.Hdr.Name != "." {
			return edns{}, false
		}
		e = edns{present: true, version: opt.Version(), do: opt.Do(), size: opt.UDPSize()}
	}
	return e, true
}

// reply is the OPT record of the reply. There is one exactly where the query has one.
func (e edns) reply() *dns.OPT {
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.SetUDPSize(maxUDPSize)
	opt.SetDo(e.do)
	return opt
}

// udpSize is how long a reply over UDP may be.
func (e edns) udpSize() int {
	if !e.present {
		return minUDPSize
	}
	return min(max(int(e.size), minUDPSize), maxUDPSize)
}

// explain adds an extended error (RFC 8914), where the client can read it.
func explain(reply *dns.Msg, code uint16, text string) {
	if opt := reply.IsEdns0(); opt != nil {
		opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: code, ExtraText: text})
	}
}
