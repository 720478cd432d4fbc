package dnsserver

import "github.com/grapevine-mesh/grapevine/registry"

// grammar says what the names of a zone mean. Two zones that share it differ in nothing but their suffix.
type grammar interface {
	// stem is what stands between a namespace and the zone's own labels: nothing, or labels with a dot after each.
	stem() string
	// parse reads the labels that stand before the zone's own. There is at least one.
	parse(labels []string) target
	// counts tells whether an export has names in the zone.
	counts(*registry.Export) bool
	// hostLabel is the label by which an endpoint has a name of its own, or "" where it has none.
	hostLabel(registry.Reach, registry.Endpoint) string
	// find looks up what stands under a service's name or below it.
	find(r *resolver, t target, known registry.Service, owner string, rrtype uint16) found
}

// understand reads the labels that stand before the zone's own.
func (z *zone) understand(labels []string) target {
	switch {
	case len(labels) == 0:
		return target{kind: apex}
	case len(labels) == 1 && labels[0] == nameserverLabel:
		return target{kind: nameserver}
	}
	return z.grammar.parse(labels)
}
