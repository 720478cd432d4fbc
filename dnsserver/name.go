package dnsserver

import (
	"strings"

	"github.com/miekg/dns"

	"github.com/grapevine-mesh/grapevine/registry"
)

// kind says what a name of a zone can stand for. A zone's grammar gives each name exactly one kind, so that no service can
// take the name of another thing.
type kind int

const (
	impossible kind = iota // a name that no export can ever have
	apex                   // the zone itself
	nameserver             // this server
	version                // of the zone's schema
	stem                   // only what all services' names end in
	namespace              // <ns>: only something above names
	service                // [<cluster>.]<svc>.<ns>
	protocol               // _<proto>.[<cluster>.]<svc>.<ns>: only something above names
	port                   // _<port>._<proto>.[<cluster>.]<svc>.<ns>
	hostname               // <hostname>.<cluster>.<svc>.<ns>
)

// target is a name of a zone, understood.
type target struct {
	kind     kind
	service  registry.ServiceName
	cluster  registry.Cluster // empty: the federated service
	protocol registry.Protocol
	port     string
	hostname string
}

// vipName is what the target's VIP stands for, where it is a name of addresses.
func (t target) vipName() registry.VIPName {
	return registry.VIPName{Service: t.service, Cluster: t.cluster, Hostname: t.hostname}
}

// splitName cuts a fully qualified name into its labels, in lower case: names are compared without case (RFC 4343). An
// escaped dot stays escaped, and so stays inside its label.
func splitName(name string) []string {
	return dns.SplitDomainName(dns.CanonicalName(name))
}

// parseService reads what stands before the part that all services' names end in. There is at least one label.
func parseService(labels []string) target {
	t := target{kind: namespace, service: registry.ServiceName{Namespace: labels[len(labels)-1]}}
	rest := labels[:len(labels)-1]
	if len(rest) > 0 {
		t.kind, t.service.Name = service, rest[len(rest)-1]
		rest = rest[:len(rest)-1]
	}
	if len(rest) > 0 && !isAttribute(rest[len(rest)-1]) {
		t.cluster = registry.Cluster(rest[len(rest)-1])
		rest = rest[:len(rest)-1]
	}
	if !t.valid() || !t.parseFront(rest) {
		return target{}
	}
	return t
}

// parseFront reads what stands before the service or its cluster: nothing, a host name, a protocol, or a port and a
// protocol.
func (t *target) parseFront(front []string) bool {
	if len(front) == 0 {
		return true
	}
	last := front[len(front)-1]
	if !isAttribute(last) {
		t.kind, t.hostname = hostname, last
		return len(front) == 1 && registry.CheckLabel(last) == nil
	}
	switch last {
	case "_tcp":
		t.kind, t.protocol = protocol, registry.TCP
	case "_udp":
		t.kind, t.protocol = protocol, registry.UDP
	default:
		return false
	}
	if len(front) == 1 {
		return true
	}
	if !isAttribute(front[0]) {
		return false
	}
	t.kind, t.port = port, front[0][1:]
	return len(front) == 2 && registry.CheckLabel(t.port) == nil
}

func (t *target) valid() bool {
	return registry.CheckLabel(t.service.Namespace) == nil &&
		(t.service.Name == "" || registry.CheckLabel(t.service.Name) == nil) &&
		(t.cluster == "" || registry.CheckLabel(string(t.cluster)) == nil)
}

// isAttribute tells whether a label is one of those that a host name can't be (RFC 8552).
func isAttribute(label string) bool { return strings.HasPrefix(label, "_") }
