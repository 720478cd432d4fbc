package dnsserver

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/grapevine-mesh/grapevine/registry"
)

// maxNegativeTTL bounds how long a resolver may remember that there was nothing: a service may be exported, or come
// back, at any moment.
const maxNegativeTTL = 2 * time.Second

// nameserverLabel names this server inside a zone, as <label>.<zone>. Of one label there are no services' names: in zone
// federated it would be a namespace, which has no records, so the name server takes no service's name; "ns.dns" in the
// manner of cluster.local would take that of service ns in namespace dns.
const nameserverLabel = "ns"

// zone is a suffix and what the names below it mean, and what doesn't change: the zone's own records, and how long answers
// may be kept.
type zone struct {
	grammar     grammar
	labels      []string // lower case
	name        string   // fully qualified, lower case
	services    string   // fully qualified: what follows on a service's namespace
	nameserver  string   // fully qualified
	addrs       []netip.Addr
	ttl         uint32
	negativeTTL uint32
}

func newZone(names grammar, name string, ttl time.Duration, addrs []netip.Addr) (*zone, error) {
	labels := splitName(name)
	if len(labels) == 0 {
		return nil, fmt.Errorf("zone %q: want a domain name, such as federated", name)
	}
	for _, label := range labels {
		if err := registry.CheckLabel(label); err != nil {
			return nil, fmt.Errorf("zone %q: %w", name, err)
		}
	}
	if len(name) > 128 { // half of what a name can have; the rest is for what stands before it
		return nil, fmt.Errorf("zone %q: longer than 128 bytes", name)
	}
	if ttl < 0 || ttl > time.Hour {
		return nil, fmt.Errorf("ttl %s: want 0s to 1h, such as 5s", ttl)
	}
	fqdn := strings.Join(labels, ".") + "."
	return &zone{
		grammar:     names,
		labels:      labels,
		name:        fqdn,
		services:    names.stem() + fqdn,
		nameserver:  nameserverLabel + "." + fqdn,
		addrs:       slices.Clone(addrs),
		ttl:         uint32(ttl / time.Second),
		negativeTTL: uint32(min(ttl, maxNegativeTTL) / time.Second),
	}, nil
}

// inside returns the labels of a name that stand before the zone's, and whether the name is in the zone at all.
func (z *zone) inside(labels []string) ([]string, bool) {
	front := len(labels) - len(z.labels)
	if front < 0 || !slices.Equal(labels[front:], z.labels) {
		return nil, false
	}
	return labels[:front], true
}

// overlaps tells whether a name can be in both zones.
func (z *zone) overlaps(other *zone) bool {
	_, within := z.inside(other.labels)
	_, around := other.inside(z.labels)
	return within || around
}

// soa is the zone's start of authority. Its TTL and MINIMUM are both the negative TTL: resolvers take the smaller one
// (RFC 2308 §5), except CoreDNS, which takes the first. Nobody transfers the zone, so the serial only tells directories
// of one gateway apart, and the timers are what a reader expects.
func (z *zone) soa(owner string, serial uint32) dns.RR {
	return &dns.SOA{
		Hdr: header(owner, dns.TypeSOA, z.negativeTTL),
		Ns:  z.nameserver, Mbox: "hostmaster." + z.name,
		Serial: serial, Refresh: 7200, Retry: 1800, Expire: 86400, Minttl: z.negativeTTL,
	}
}

func (z *zone) ns(owner string) dns.RR {
	return &dns.NS{Hdr: header(owner, dns.TypeNS, z.ttl), Ns: z.nameserver}
}

func header(owner string, rrtype uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: owner, Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
}

// addresses makes an A record of each IPv4 address, or an AAAA record of each IPv6 one.
func addresses(owner string, rrtype uint16, ttl uint32, addrs []netip.Addr) []dns.RR {
	var records []dns.RR
	for _, addr := range addrs {
		switch {
		case !ofType(addr, rrtype):
		case rrtype == dns.TypeA:
			records = append(records, &dns.A{Hdr: header(owner, rrtype, ttl), A: addr.Unmap().AsSlice()})
		default:
			records = append(records, &dns.AAAA{Hdr: header(owner, rrtype, ttl), AAAA: addr.AsSlice()})
		}
	}
	return records
}

// ofType tells whether an address is given in records of type A, or in those of type AAAA. An IPv4 address in IPv6
// clothes is an IPv4 address.
func ofType(addr netip.Addr, rrtype uint16) bool {
	switch rrtype {
	case dns.TypeA:
		return addr.Unmap().Is4()
	case dns.TypeAAAA:
		return addr.Is6() && !addr.Is4In6()
	}
	return false
}
