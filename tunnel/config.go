package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Config makes an [Endpoint]. Self, Identity and Conn are required.
type Config struct {
	Self     registry.Gateway
	Identity *Identity
	Conn     net.PacketConn // the one UDP socket; the caller closes it after Run
	ResetKey [32]byte       // the same after a restart, so that peers learn of the restart at once
	Instance uint64         // grows with every start: what was before is then recognised as gone

	Backends Backends // nil: nothing is served here
	// DialBackend connects to an endpoint; over UDP with a connected socket, whose Read and Write are a datagram each, and
	// which waits for nobody. nil: from this host.
	DialBackend func(ctx context.Context, protocol registry.Protocol, addr netip.AddrPort) (net.Conn, error)

	Limits     Limits
	Heartbeat  time.Duration // between two beats on a link in use; 0: 50 ms
	HedgeDelay time.Duration // without an answer for so long, the next candidate is tried too; 0: adapts to what is measured
	Grace      time.Duration // how long streams may go on when Run is asked to stop; 0: no time at all

	// OnLink is told of every change of a link, in order for each link. It must not block, nor call the endpoint.
	OnLink func(Link)
	Log    zerolog.Logger
}

// Limits bound what one peer can take. What is over a limit is refused with [Overloaded], and other peers don't notice.
// A zero is the default.
type Limits struct {
	Streams  int // open data streams from one peer; 0: 8192
	Flows    int // of them, UDP flows; 0: 4096
	HalfOpen int // of them, those whose header has not come yet; 0: 256
	Control  int // open control streams from one peer; 0: 64
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Identity == nil || c.Conn == nil:
		return c, errors.New("tunnel: an identity and a socket are required")
	case c.Self != c.Identity.Gateway():
		return c, fmt.Errorf("tunnel: identity of %s given to %s", c.Identity.Gateway(), c.Self)
	}
	setDefault(&c.Limits.Streams, 8192)
	setDefault(&c.Limits.Flows, 4096)
	setDefault(&c.Limits.HalfOpen, 256)
	setDefault(&c.Limits.Control, 64)
	setDefault(&c.Heartbeat, 50*time.Millisecond)
	c.Heartbeat = max(c.Heartbeat, shortestInterval) // peers don't do it faster
	if c.Backends == nil {
		c.Backends = noBackends{}
	}
	if c.DialBackend == nil {
		c.DialBackend = dialBackend
	}
	if c.OnLink == nil {
		c.OnLink = func(Link) {}
	}
	return c, nil
}

func setDefault[T int | time.Duration](value *T, fallback T) {
	if *value <= 0 {
		*value = fallback
	}
}

type noBackends struct{}

func (noBackends) Backends(registry.Cluster, Target) ([]netip.AddrPort, error) {
	return nil, NotExported
}

func dialBackend(ctx context.Context, protocol registry.Protocol, addr netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, strings.ToLower(string(protocol)), addr.String())
}
