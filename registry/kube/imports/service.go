package imports

import (
	"slices"
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// planService says what has to become of a derived Service, which the cluster's gateways share.
func (s *situation) planService(t task) []change {
	switch {
	case t.wanted && t.current == nil:
		if len(s.endpoints(t)) == 0 {
			return nil // clients would be refused; whoever listens writes it
		}
		return []change{{verb: apply, service: t.service(nil), reason: "missing", after: s.turn()}}
	case t.wanted:
		return s.changeService(t)
	case t.current != nil && s.ready:
		return []change{{verb: remove, service: t.current, reason: "unwanted", takes: "all", after: s.rest(t.current.name) + s.turn()}}
	}
	return nil
}

// rest is how long a Service stays that isn't wanted.
func (s *situation) rest(name registry.VIPName) time.Duration {
	_, federated := s.imports[registry.VIPName{Service: name.Service}]
	_, mirrored := s.imports[registry.VIPName{Service: name.Service, Cluster: name.Cluster}]
	if name.Hostname != "" && (federated || mirrored) {
		return hostRest
	}
	return takeAway
}

// changeService adds what a Service lacks, and, in a later plan, takes away what it has too many.
func (s *situation) changeService(t task) []change {
	var unwanted []derivedPort
	wanted := t.service(nil)
	for _, port := range t.current.ports {
		if !slices.ContainsFunc(wanted.ports, port.stands) {
			unwanted = append(unwanted, port)
		}
	}
	if added := t.service(unwanted); t.current.odd || !t.current.same(added) {
		return []change{{verb: apply, service: added, reason: "differs", after: s.turn()}}
	}
	if len(unwanted) == 0 || !s.ready {
		return nil
	}
	var takes []string
	for _, port := range unwanted {
		takes = append(takes, port.name)
	}
	return []change{{verb: apply, service: wanted, reason: "has unwanted ports", takes: strings.Join(takes, " "), after: takeAway + s.turn()}}
}

// service returns the derived Service as it should be, with some ports more.
func (t task) service(more []derivedPort) *derived {
	d := &derived{object: t.object, name: t.name, affinity: t.imports.SessionAffinity}
	if t.current != nil {
		d.uid, d.source = t.current.uid, t.current.source
	}
	for _, port := range t.imports.Ports {
		d.ports = append(d.ports, derivedPort{portName(port.Number()), port.Number(), port.AppProtocol})
	}
	d.ports = append(d.ports, more...)
	slices.SortFunc(d.ports, compareDerivedPorts)
	return d
}

// stands tells whether a Service that has other can't have p as well.
func (p derivedPort) stands(other derivedPort) bool {
	return p.name == other.name || p.number == other.number
}
