package registry

import "net/netip"

// Own is an export of this gateway's own cluster, as a source of services finds it: what the mesh is told, and where its
// ports go, which stays here.
type Own struct {
	Export   Export
	Backends map[PortNumber][]Backend // for each port of the export that is carried: its ready endpoints
}

// PortNumber is a port as a socket knows it.
type PortNumber struct {
	Port     uint16
	Protocol Protocol
}

// Backend is one ready endpoint of a port.
type Backend struct {
	Addr     netip.AddrPort
	Hostname string // where the endpoint has one of its own
}

// Number returns the port as a socket knows it.
func (p Port) Number() PortNumber { return PortNumber{p.Port, p.Protocol} }
