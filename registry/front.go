package registry

import "net/netip"

// Front is one port of a name, and where this gateway listens for it: at the VIP itself, or where the VIP's packets are sent.
type Front struct {
	Name   VIPName
	Port   PortNumber
	Listen netip.AddrPort
}
