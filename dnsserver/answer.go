package dnsserver

import (
	"github.com/miekg/dns"
)

// Answer returns the whole reply to a query, as it goes out over TCP; over UDP what doesn't fit is left out. It reads
// one directory and changes nothing, so it may be called from anywhere, before Run too.
func (s *Server) Answer(query *dns.Msg) *dns.Msg {
	reply := new(dns.Msg).SetReply(query)
	reply.Compress = true
	edns, ok := readEDNS(query)
	if ok && edns.present {
		reply.Extra = []dns.RR{edns.reply()}
	}
	switch {
	case query.Opcode != dns.OpcodeQuery:
		reply.Rcode = dns.RcodeNotImplemented
	case !ok || len(query.Question) != 1:
		reply.Rcode = dns.RcodeFormatError
	case edns.version != 0:
		reply.Rcode = dns.RcodeBadVers
	default:
		s.answerQuestion(reply, query.Question[0])
	}
	return reply
}

// answerQuestion fills the sections of a reply to one question.
func (s *Server) answerQuestion(reply *dns.Msg, question dns.Question) {
	z, front := s.zoneOf(question.Name)
	if z == nil || refused(question) {
		reply.Rcode = dns.RcodeRefused
		return
	}
	directory := s.directory()
	r := &resolver{zone: z, self: s.self, directory: directory, vips: s.vips, pick: s.pick}
	f := r.find(z.understand(front), question.Name, question.Qtype)
	if (f.existence == absent || f.existence == unserved) && !directory.Ready() {
		reply.Rcode = dns.RcodeServerFailure
		explain(reply, dns.ExtendedErrorCodeNotReady, "not yet synchronised with the mesh")
		return
	}
	if f.existence == unplaced { // a denial would be kept for seconds, and it takes milliseconds
		reply.Rcode = dns.RcodeServerFailure
		explain(reply, dns.ExtendedErrorCodeNotReady, "no address here yet")
		return
	}
	reply.Authoritative = true
	if f.existence == never || f.existence == absent {
		reply.Rcode = dns.RcodeNameError
	}
	if question.Qtype == dns.TypeANY && f.existence == served {
		f.answer = []dns.RR{z.any(question.Name)}
	}
	reply.Answer = f.answer
	reply.Extra = append(f.extra, reply.Extra...)
	if len(f.answer) == 0 {
		apex := suffix(question.Name, len(z.labels))
		reply.Ns = []dns.RR{z.soa(apex, uint32(directory.Generation()))}
	}
}

// zoneOf returns the zone that a name is in, and the labels before the zone's own; or nil. No name is in two of them.
func (s *Server) zoneOf(name string) (*zone, []string) {
	labels := splitName(name)
	for _, z := range s.zones {
		if front, inside := z.inside(labels); inside {
			return z, front
		}
	}
	return nil, nil
}

// refused tells which questions get no answer whatever the name: other classes than Internet (CHAOS tells strangers who
// we are, and ANY asks for all of them), and zone transfers.
func refused(question dns.Question) bool {
	return question.Qclass != dns.ClassINET || question.Qtype == dns.TypeAXFR || question.Qtype == dns.TypeIXFR
}

// any is the one record that stands for all of a name's (RFC 8482 §4.2): asking for ANY is worth nobody's bandwidth but
// an attacker's.
func (z *zone) any(owner string) dns.RR {
	return &dns.HINFO{Hdr: header(owner, dns.TypeHINFO, z.ttl), Cpu: "RFC8482"}
}

// suffix returns the last labels of a name, in the name's own case: then the zone's name compresses to a pointer into
// the question.
func suffix(name string, labels int) string {
	starts := dns.Split(name)
	return name[starts[len(starts)-labels]:]
}
