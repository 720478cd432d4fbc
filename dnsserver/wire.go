package dnsserver

import (
	"encoding/binary"
	"runtime/debug"

	"github.com/miekg/dns"
)

const (
	headerSize = 12      // RFC 1035 §4.1.1: ID, flags, and the lengths of four sections
	flagQR     = 1 << 15 // it is a response
	flagRD     = 1 << 8
)

// Respond turns a packet into the reply to it, or into nothing where silence is right. It never fails: what is wrong
// with a packet is said by the reply's code.
func (s *Server) Respond(packet []byte, overUDP bool) (reply []byte) {
	var rcode int
	defer func() {
		// The parser isn't ours, and the packet is a stranger's: a fault there must cost one reply, not the
		// tunnels that live in the same process.
		if fault := recover(); fault != nil {
			s.stats.panics.Add(1)
			s.log.Error().Any("panic", fault).Bytes("stack", debug.Stack()).Hex("packet", packet).Msg("dns query failed")
			reply, rcode = headerOnly(packet, dns.RcodeServerFailure), dns.RcodeServerFailure
		}
		s.stats.count(reply, rcode, overUDP)
	}()
	reply, rcode = s.respond(packet, overUDP)
	return reply
}

func (s *Server) respond(packet []byte, overUDP bool) (reply []byte, rcode int) {
	rcode, ok := screen(packet)
	if !ok {
		return nil, rcode
	}
	query := new(dns.Msg)
	if rcode == dns.RcodeSuccess && !unpack(query, packet) {
		rcode = dns.RcodeFormatError
	}
	if rcode != dns.RcodeSuccess {
		return headerOnly(packet, rcode), rcode
	}
	limit := dns.MaxMsgSize
	if overUDP {
		said, _ := readEDNS(query)
		limit = said.udpSize()
	}
	answer := s.Answer(query)
	if reply, err := pack(answer, limit); err == nil {
		return reply, answer.Rcode
	}
	return headerOnly(packet, dns.RcodeServerFailure), dns.RcodeServerFailure
}

// screen judges a packet by its header alone, so that what can't be answered isn't parsed either: other opcodes, and
// sections that no query has (one RR of authority is in an IXFR, two additional ones are OPT and TSIG). It returns false
// where a reply would do harm: replying to responses makes loops.
func screen(packet []byte) (rcode int, ok bool) {
	if len(packet) < headerSize {
		return 0, false
	}
	flags := binary.BigEndian.Uint16(packet[2:])
	questions, answers := binary.BigEndian.Uint16(packet[4:]), binary.BigEndian.Uint16(packet[6:])
	authorities, additionals := binary.BigEndian.Uint16(packet[8:]), binary.BigEndian.Uint16(packet[10:])
	switch {
	case flags&flagQR != 0:
		return 0, false
	case flags>>11&0xf != dns.OpcodeQuery:
		return dns.RcodeNotImplemented, true
	case questions != 1 || answers != 0 || authorities > 1 || additionals > 2:
		return dns.RcodeFormatError, true
	}
	return dns.RcodeSuccess, true
}

// unpack reads a query that has been screened. The library stops without an error where the packet ends before the
// records that its header promises.
func unpack(query *dns.Msg, packet []byte) bool {
	err := query.Unpack(packet)
	return err == nil && len(query.Question) == 1 &&
		len(query.Ns) == int(binary.BigEndian.Uint16(packet[8:])) && len(query.Extra) == int(binary.BigEndian.Uint16(packet[10:]))
}

// headerOnly replies without repeating a question that wasn't understood.
func headerOnly(packet []byte, rcode int) []byte {
	reply := make([]byte, headerSize)
	copy(reply, packet[:2])
	flags := binary.BigEndian.Uint16(packet[2:])
	binary.BigEndian.PutUint16(reply[2:], flagQR|flags&(0xf<<11|flagRD)|uint16(rcode))
	return reply
}

// pack writes a reply of limited length. What is additional goes first, silently (RFC 2181 §9); when the answer itself
// doesn't fit, all of it goes, and TC tells the client to ask again over TCP.
func pack(reply *dns.Msg, limit int) ([]byte, error) {
	wire, err := reply.Pack()
	if err == nil && len(wire) > limit {
		reply.Extra = optOnly(reply)
		wire, err = reply.Pack()
	}
	if err == nil && len(wire) > limit {
		reply.Answer, reply.Ns, reply.Truncated = nil, nil, true
		wire, err = reply.Pack()
	}
	return wire, err
}

func optOnly(reply *dns.Msg) []dns.RR {
	if opt := reply.IsEdns0(); opt != nil {
		return []dns.RR{opt}
	}
	return nil
}
