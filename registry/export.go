package registry

import (
	"fmt"
	"net/netip"
	"slices"
)

// Visibility says under which names an export is offered.
type Visibility string

// The visibilities of an export.
const (
	Federated Visibility = "federated" // one service out of all clusters' exports of that name
	Mirrored  Visibility = "mirrored"  // this cluster's, under the cluster's own name
	Both      Visibility = "both"
)

// Federated tells whether the export is part of a federated service.
func (v Visibility) Federated() bool { return v == Federated || v == Both }

// Mirrored tells whether the export is offered under its cluster's name.
func (v Visibility) Mirrored() bool { return v == Mirrored || v == Both }

// Reach says how a client's packets get to an endpoint.
type Reach string

// The reaches of an export.
const (
	ThroughGateway Reach = "gateway" // through a gateway of the exporting cluster: needs one UDP port
	Flat           Reach = "flat"    // straight to the endpoint: needs routes between the clusters
)

// Affinity is the policy that orders the clusters which can serve a federated service.
type Affinity string

// The affinities of an export.
const (
	Local   Affinity = "local"   // the caller's cluster first, then by measured RTT
	Nearest Affinity = "nearest" // by measured RTT alone
	Spread  Affinity = "spread"  // by weight, or by ready endpoints where no weight is given
)

// Protocol is a transport protocol, written as Kubernetes writes it.
type Protocol string

// The protocols of a port.
const (
	TCP  Protocol = "TCP"
	UDP  Protocol = "UDP"
	SCTP Protocol = "SCTP" // known to the mesh and never carried: a Kubernetes Service may have such a port beside others
)

// Port is one port of a service. Name may be empty where the service has only one.
type Port struct {
	Name        string   `cbor:"1,keyasint,omitempty" json:"name,omitempty"`
	Port        uint16   `cbor:"2,keyasint" json:"port"`
	Protocol    Protocol `cbor:"3,keyasint" json:"protocol"`
	AppProtocol string   `cbor:"4,keyasint,omitempty" json:"app_protocol,omitempty"` // such as http or kubernetes.io/h2c
}

// Endpoint is one ready endpoint as others see it: its address, where clients go there themselves (reach flat), and its
// host name, where it has one of its own (a headless service).
type Endpoint struct {
	Addr     netip.Addr `cbor:"1,keyasint" json:"addr"`
	Hostname string     `cbor:"2,keyasint,omitempty" json:"hostname,omitempty"`
}

// Export is a service that a gateway's cluster offers to the mesh, as every other gateway knows it. It carries how many
// endpoints are ready, and their addresses only where somebody outside needs them.
type Export struct {
	Service    ServiceName `cbor:"-" json:"service"` // the entry that carries the export names it
	Visibility Visibility  `cbor:"1,keyasint" json:"export"`
	Reach      Reach       `cbor:"2,keyasint" json:"reach"`
	Affinity   Affinity    `cbor:"3,keyasint" json:"affinity"`
	Weight     uint32      `cbor:"4,keyasint,omitempty" json:"weight,omitempty"`    // for Spread; 0: the ready endpoints count
	Priority   int32       `cbor:"5,keyasint,omitempty" json:"priority,omitempty"`  // lower is tried first, before affinity
	Ports      []Port      `cbor:"6,keyasint" json:"ports"`                         // at least one
	Ready      uint32      `cbor:"7,keyasint" json:"ready"`                         // ready endpoints
	Endpoints  []Endpoint  `cbor:"8,keyasint,omitempty" json:"endpoints,omitempty"` // ready ones, for Flat and for host names
	Allow      []Cluster   `cbor:"9,keyasint,omitempty" json:"allow,omitempty"`     // callers' clusters; empty: all
	Headless   bool        `cbor:"10,keyasint,omitempty" json:"headless,omitempty"` // its endpoints are meant to be found one by one
	Since      int64       `cbor:"11,keyasint,omitempty" json:"since,omitempty"`    // Unix seconds of its first export; 0: unknown. The oldest is right where clusters disagree
	MCS        *MCS        `cbor:"12,keyasint,omitempty" json:"mcs,omitempty"`      // nil: not exported by a ServiceExport
	Targets    []uint16    `cbor:"13,keyasint,omitempty" json:"targets,omitempty"`  // for Flat: where its endpoints take each of Ports; none: at the same numbers
}

// Bounds of an export; Kubernetes' own are wider only for endpoints, which are counted rather than listed above this.
const (
	MaxPorts     = 64
	MaxEndpoints = 256
	MaxAllow     = 256
)

// Validate returns the first thing that is wrong with e. What passes here is safe to store, to compile and to serve.
func (e *Export) Validate() error {
	if err := e.Service.Validate(); err != nil {
		return err
	}
	switch {
	case e.Visibility != Federated && e.Visibility != Mirrored && e.Visibility != Both:
		return fmt.Errorf("service %s: export: %q: want federated, mirrored or both", e.Service, e.Visibility)
	case e.Reach != ThroughGateway && e.Reach != Flat:
		return fmt.Errorf("service %s: reach: %q: want gateway or flat", e.Service, e.Reach)
	case e.Affinity != Local && e.Affinity != Nearest && e.Affinity != Spread:
		return fmt.Errorf("service %s: affinity: %q: want local, nearest or spread", e.Service, e.Affinity)
	case len(e.Ports) == 0:
		return fmt.Errorf("service %s: ports: none; want at least one, such as [{name: http, port: 8080, protocol: TCP}]", e.Service)
	case len(e.Ports) > MaxPorts || len(e.Endpoints) > MaxEndpoints || len(e.Allow) > MaxAllow:
		return fmt.Errorf("service %s: more than %d ports, %d endpoints or %d allowed clusters", e.Service, MaxPorts, MaxEndpoints, MaxAllow)
	}
	for _, allowed := range e.Allow {
		if err := CheckLabel(string(allowed)); err != nil {
			return fmt.Errorf("service %s: allow: %w", e.Service, err)
		}
	}
	if err := validatePorts(e.Ports); err != nil {
		return fmt.Errorf("service %s: ports: %w", e.Service, err)
	}
	if n := len(e.Targets); n != 0 && (n != len(e.Ports) || e.Reach != Flat || slices.Contains(e.Targets, 0)) {
		return fmt.Errorf("service %s: targets: %v: want, of a flat export alone, a port for each of the %d ports, or none", e.Service, e.Targets, len(e.Ports))
	}
	for _, endpoint := range e.Endpoints {
		if !endpoint.Addr.IsValid() || endpoint.Addr.IsUnspecified() || endpoint.Addr.IsMulticast() || endpoint.Addr.Zone() != "" {
			return fmt.Errorf("service %s: endpoint address %s", e.Service, endpoint.Addr)
		}
		if endpoint.Hostname != "" && CheckLabel(endpoint.Hostname) != nil {
			return fmt.Errorf("service %s: endpoint host name: %w", e.Service, CheckLabel(endpoint.Hostname))
		}
	}
	if err := e.MCS.validate(); err != nil {
		return fmt.Errorf("service %s: %w", e.Service, err)
	}
	return nil
}

func validatePorts(ports []Port) error {
	for i, port := range ports {
		if port.Port == 0 {
			return fmt.Errorf("port 0: want 1 to 65535")
		}
		if port.Protocol != TCP && port.Protocol != UDP && port.Protocol != SCTP {
			return fmt.Errorf("port %d: protocol: %q: want TCP, UDP or SCTP", port.Port, port.Protocol)
		}
		if len(port.AppProtocol) > maxLabelText {
			return fmt.Errorf("port %d: an application protocol of %d bytes: want %d at most", port.Port, len(port.AppProtocol), maxLabelText)
		}
		if port.Name != "" && CheckLabel(port.Name) != nil {
			return fmt.Errorf("port %d: name: %w", port.Port, CheckLabel(port.Name))
		}
		if port.Name == "" && len(ports) > 1 {
			return fmt.Errorf("port %d: no name, which it needs beside other ports", port.Port)
		}
		for _, other := range ports[:i] {
			if other.Name == port.Name || other.Port == port.Port && other.Protocol == port.Protocol {
				return fmt.Errorf("port %d: its name or number stands twice", port.Port)
			}
		}
	}
	return nil
}

// Target returns where clients reach a port: at the endpoints, if they go there themselves, and otherwise at the number that it
// has everywhere. It is 0 where the export has no such port.
func (e *Export) Target(number PortNumber) uint16 {
	for i, port := range e.Ports {
		switch {
		case port.Number() != number:
		case len(e.Targets) > i:
			return e.Targets[i]
		default:
			return port.Port
		}
	}
	return 0
}

// Allows tells whether callers of the given cluster may use e. The exporting cluster itself is the caller's business.
func (e *Export) Allows(caller Cluster) bool {
	return len(e.Allow) == 0 || slices.Contains(e.Allow, caller)
}
