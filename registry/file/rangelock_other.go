//go:build !linux

package file

import (
	"net/netip"

	"github.com/grapevine-mesh/grapevine/registry"
)

// LockRange takes nothing where there are no abstract sockets. Loopback ranges need privileges there anyway, and two
// gateways that share one meet at the first port that both listen on.
func LockRange(netip.Prefix, registry.Gateway) (release func() error, err error) {
	return func() error { return nil }, nil
}
