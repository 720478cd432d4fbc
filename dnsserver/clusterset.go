package dnsserver

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/grapevine-mesh/grapevine/registry"
)

// clusterset is the grammar of the Multi-Cluster Services API's zone (KEP-1645, "Kubernetes DNS-Based Multicluster Service
// Discovery", schema 1.0.0). What a ServiceExport offers has names there, and nothing else.
type clusterset struct{}

// The schema's version has a name of its own, and a lifetime that the specification gives.
const (
	versionLabel = "dns-version"
	schema       = "1.0.0"
	schemaTTL    = 28800
	stemLabel    = "svc"
)

func (clusterset) stem() string { return stemLabel + "." }

// parse knows no attributes of one cluster: a name that leads to one cluster's backends must not exist (§2.3.4, §2.4.4), but
// as a host's.
func (clusterset) parse(labels []string) target {
	last := len(labels) - 1
	switch {
	case last == 0 && labels[0] == versionLabel:
		return target{kind: version}
	case labels[last] != stemLabel:
		return target{}
	case last == 0:
		return target{kind: stem}
	}
	t := parseService(labels[:last])
	if t.cluster != "" && (t.kind == protocol || t.kind == port) {
		return target{}
	}
	return t
}

func (clusterset) counts(e *registry.Export) bool { return e.MCS != nil && e.Visibility.Federated() }

// hostLabel gives every endpoint that clients reach itself a label: the specification wants one, of the server's choice,
// where the endpoint has none. It is the address, as in cluster.local.
func (clusterset) hostLabel(reach registry.Reach, e registry.Endpoint) string {
	if e.Hostname != "" || reach != registry.Flat {
		return e.Hostname
	}
	return dashed(e.Addr)
}

// dashed writes an address as a label: 10-2-0-1, fd02--1.
func dashed(addr netip.Addr) string {
	label := strings.NewReplacer(".", "-", ":", "-").Replace(addr.Unmap().String())
	if label[0] == '-' {
		label = "0" + label
	}
	if label[len(label)-1] == '-' {
		label += "0"
	}
	return label
}

func (r *resolver) findVersion(owner string, rrtype uint16) found {
	f := found{existence: served}
	if rrtype == dns.TypeTXT {
		f.answer = []dns.RR{&dns.TXT{Hdr: header(owner, rrtype, schemaTTL), Txt: []string{schema}}}
	}
	return f
}

func (names clusterset) find(r *resolver, t target, known registry.Service, owner string, rrtype uint16) found {
	union, ok := known.Union(names.counts)
	if !ok {
		return found{existence: absent}
	}
	i := &imported{r: r, target: t, known: known, union: union}
	switch {
	case t.kind == hostname:
		return i.findHost(owner, rrtype)
	case t.kind == protocol:
		return i.findProtocol()
	case t.kind == port:
		return i.findPort(owner, rrtype)
	case t.cluster != "":
		return i.findCluster()
	}
	return i.findService(owner, rrtype)
}

// imported is one service of the zone, and the question about it. Its type and its ports are those of the union.
type imported struct {
	r      *resolver
	target target
	known  registry.Service
	union  registry.Union
}

// findService answers at the service's own name: addresses, and the SRV records of all its ports at once.
func (i *imported) findService(owner string, rrtype uint16) found {
	members, otherwise := i.members()
	if len(members) == 0 {
		return found{existence: otherwise}
	}
	f := found{existence: served}
	if rrtype == dns.TypeSRV {
		f.answer, f.extra = i.srv(owner, members, i.named(func(registry.Port) bool { return true }))
		return f
	}
	f.answer = addresses(owner, rrtype, i.r.zone.ttl, i.addresses(members, rrtype))
	return f
}

// findHost answers one host of a headless service.
func (i *imported) findHost(owner string, rrtype uint16) found {
	offer, ok := offerOf(i.target.cluster, i.headless())
	if !ok {
		return found{existence: absent}
	}
	hosts := i.r.hostsOf(i.target, offer)
	switch {
	case len(hosts) == 0:
		return found{existence: absent}
	case len(hosts[0].addrs) == 0:
		return found{existence: unplaced}
	}
	addrs := rotate(ofFamily(hosts[0].addrs, rrtype), maxMembers, i.r.pick)
	return found{existence: served, answer: addresses(owner, rrtype, i.r.zone.ttl, addrs)}
}

// findCluster says what there is of a cluster's name below a service's: no record ever. Where hosts have names below it, it
// isn't denied all the same, for that would deny them too (RFC 8020 §2; the empty non-terminals of RFC 4592 §2.2.2).
func (i *imported) findCluster() found {
	offer, ok := offerOf(i.target.cluster, i.headless())
	if !ok || !slices.ContainsFunc(i.r.hostsOf(i.target, offer), func(h host) bool { return h.label != "" }) {
		return found{existence: absent}
	}
	return found{existence: empty}
}

// findProtocol says what there is between a service and its SRV records.
func (i *imported) findProtocol() found {
	if len(i.named(func(p registry.Port) bool { return p.Protocol == i.target.protocol })) == 0 {
		return found{existence: absent}
	}
	if _, otherwise := i.members(); otherwise == absent {
		return found{existence: absent}
	}
	return found{existence: empty}
}

// findPort answers the SRV records of one port.
func (i *imported) findPort(owner string, rrtype uint16) found {
	ports := i.named(func(p registry.Port) bool { return p.Name == i.target.port && p.Protocol == i.target.protocol })
	if len(ports) == 0 {
		return found{existence: absent}
	}
	members, otherwise := i.members()
	answer, extra := i.srv(owner, members, ports)
	switch {
	case len(members) == 0:
		return found{existence: otherwise}
	case len(answer) == 0: // only clusters have it that can't serve now
		return found{existence: unserved}
	case rrtype != dns.TypeSRV:
		answer, extra = nil, nil
	}
	return found{existence: served, answer: answer, extra: extra}
}
