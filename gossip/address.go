package gossip

import (
	"crypto/sha256"
	"net"
	"net/netip"
	"strconv"

	"github.com/grapevine-mesh/grapevine/registry"
)

// memberPort stands beside every synthetic address. memberlist takes a port of 0 for "not given".
const memberPort = 7946

// memberAddr returns the address under which memberlist stores g: a unique local IPv6 address (RFC 4193) that is the
// hash of g's name. Nobody dials it; packets and streams go by name.
//
// memberlist refuses a member that comes back with another address for as long as the old record lives, and by name
// the new process keeps the old record alive: with real addresses here, a pod that moved was refused for minutes,
// often for ever. An address that is a function of the name can't change.
func memberAddr(g registry.Gateway) netip.Addr {
	sum := sha256.Sum256([]byte("grapevine member " + g.String()))
	addr := [16]byte{0xfd}
	copy(addr[1:], sum[:])
	return netip.AddrFrom16(addr)
}

// joinAddr is memberAddr in the form that memberlist.Join takes and hands back to the transport. (Join reads
// "name/address", so a name with a slash can't be given to it.)
func joinAddr(g registry.Gateway) string {
	return net.JoinHostPort(memberAddr(g).String(), strconv.Itoa(memberPort))
}

// nodeAddr is a gateway as a [net.Addr], so that memberlist's log names it.
type nodeAddr registry.Gateway

// Network returns "grapevine".
func (nodeAddr) Network() string { return "grapevine" }

// String returns the gateway's name.
func (a nodeAddr) String() string { return registry.Gateway(a).String() }
