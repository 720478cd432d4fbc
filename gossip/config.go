package gossip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/rs/zerolog"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Config makes a [Ring]. Self, Links, Signer and Keyring are required.
type Config struct {
	Self      registry.Gateway
	Instance  uint64           // grows with every start
	Advertise []netip.AddrPort // where others can dial this gateway, best first; the first 8 are told
	Links     Links

	Signer   registry.Signer                                   // signs what this gateway says of itself; its certificate may change while running
	Keyring  *registry.Keyring                                 // verifies what is said of others
	FetchKey func(context.Context, registry.Fingerprint) error // puts a certificate into Keyring that others know; nil: nobody is asked

	Seeds     []string                                                     // host:port; none: this gateway waits to be contacted
	Resolve   func(ctx context.Context, host string) ([]netip.Addr, error) // nil: the system's resolver
	PeersFile string                                                       // remembers peers over a restart; "": they are forgotten

	// Vouch tells whether a working link proves that a gateway is alive. Who is vouched for is suspect at worst,
	// whatever the ring says. It must not block. nil: nothing is proven.
	Vouch func(registry.Gateway) bool

	// OnMember is told of every change of a member, in order. It must not block. It may call the ring.
	OnMember func(Member)
	Log      zerolog.Logger
}

// check returns the configuration with its defaults, or what is wrong with it.
func (c Config) check() (Config, error) {
	if c.Links == nil || c.Signer == nil || c.Keyring == nil {
		return c, errors.New("gossip: Links, Signer and Keyring are required")
	}
	if err := c.Self.Validate(); err != nil {
		return c, fmt.Errorf("gossip: %w", err)
	}
	for _, addr := range c.Advertise {
		if !dialable(addr) {
			return c, fmt.Errorf("gossip: advertise: %s: want an address that others can dial, such as 203.0.113.7:7946", addr)
		}
	}
	if c.Resolve == nil {
		c.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if c.Vouch == nil {
		c.Vouch = func(registry.Gateway) bool { return false }
	}
	if c.OnMember == nil {
		c.OnMember = func(Member) {}
	}
	return c, nil
}
