package tunnel

import (
	"net/netip"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Target says what a data stream is for: a port of a service, and who calls.
type Target struct {
	Name     registry.VIPName // whose cluster isn't sent: it is a matter of routing; its host is
	Port     uint16
	Protocol registry.Protocol
	Caller   netip.AddrPort // the application's address beside the calling gateway; may be the zero value
}

// Backends knows what is served here, and to whom. A gateway dials nothing else, whatever a peer asks for.
type Backends interface {
	// Backends returns the ready endpoints for a caller of the given cluster, in the order to try them, or the [Refusal]
	// that the caller is to hear.
	Backends(caller registry.Cluster, t Target) ([]netip.AddrPort, error)
}

// Refusal is the reason for which a gateway doesn't serve a stream. It makes the caller try the next candidate.
type Refusal string

// The refusals.
const (
	NotExported Refusal = "not-exported" // no such service or port, or not exported
	NotAllowed  Refusal = "not-allowed"  // exported, but not to the caller's cluster
	NoEndpoint  Refusal = "no-endpoint"  // exported, and nothing is ready
	DialFailed  Refusal = "dial-failed"  // no ready endpoint took the connection
	Draining    Refusal = "draining"     // the gateway takes no new streams
	Overloaded  Refusal = "overloaded"   // the caller's gateway is over a limit
	Malformed   Refusal = "malformed"    // the header can't be read, or is of a version that is not known here
)

// Error returns the reason.
func (r Refusal) Error() string { return string(r) }
