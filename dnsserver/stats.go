package dnsserver

import (
	"sync/atomic"

	"github.com/miekg/dns"
)

// Stats are what a server has counted since it was made.
type Stats struct {
	UDP, TCP uint64            // replies by transport
	Rcodes   map[string]uint64 // replies by code, such as "NXDOMAIN"; those that occurred
	Dropped  uint64            // packets that deserve no reply
	Shed     uint64            // TCP connections closed to make room for newer ones
	Panics   uint64            // queries that broke the parser
}

// stats are the live counters.
type stats struct {
	udp, tcp, dropped, shed, panics atomic.Uint64
	rcodes                          [dns.RcodeBadVers + 1]atomic.Uint64 // the largest code that we send
}

// Stats returns the counters as they are now.
func (s *Server) Stats() Stats {
	now := Stats{
		UDP: s.stats.udp.Load(), TCP: s.stats.tcp.Load(), Rcodes: map[string]uint64{},
		Dropped: s.stats.dropped.Load(), Shed: s.stats.shed.Load(), Panics: s.stats.panics.Load(),
	}
	for rcode := range s.stats.rcodes {
		if n := s.stats.rcodes[rcode].Load(); n > 0 {
			now.Rcodes[rcodeName(rcode)] = n
		}
	}
	return now
}

func (c *stats) count(reply []byte, rcode int, overUDP bool) {
	switch {
	case reply == nil:
		c.dropped.Add(1)
		return
	case overUDP:
		c.udp.Add(1)
	default:
		c.tcp.Add(1)
	}
	c.rcodes[rcode].Add(1)
}

// rcodeName differs from the library's table in one code, which that calls by the name that TSIG has for it.
func rcodeName(rcode int) string {
	if rcode == dns.RcodeBadVers {
		return "BADVERS"
	}
	return dns.RcodeToString[rcode]
}
