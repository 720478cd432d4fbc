package gossip

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// conflictSpan is for how long another must hold our name before we give way. What a healed split still remembers of
// somebody ends within a second of being refuted; a process that is alive refutes in turn.
const conflictSpan = 3 * time.Second

// conflictGap parts two conflicts: sightings further apart don't add up.
const conflictGap = 30 * time.Second

// ConflictError is why [Ring.Run] ended: another process has this gateway's name. The one that started last keeps it,
// in the ring as on the links and in the registry; the other one learns of it here.
type ConflictError struct {
	Gateway      registry.Gateway
	Ours, Theirs uint64           // instances
	Advertise    []netip.AddrPort // where the other one says that it is
}

// Error says what is wrong and how to mend it.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("two gateways are named %s: another process with this name and a certificate for it started later "+
		"(instance %d, this one is %d) and says that it is at %v; give each gateway a name and a certificate of its own "+
		"(configuration keys cluster and gateway)", e.Gateway, e.Theirs, e.Ours, e.Advertise)
}

// claims keeps when another process was seen to hold our name.
type claims struct {
	mu          sync.Mutex
	first, last time.Time
}

// sighted tells whether the conflict has lasted for long enough to be one.
func (c *claims) sighted(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.last) > conflictGap {
		c.first = now
	}
	c.last = now
	return now.Sub(c.first) >= conflictSpan
}

// claim examines what somebody says of a gateway of our name. An older instance is our own past, or a process that we
// take over from; a newer one is another process.
func (r *Ring) claim(wire []byte, now time.Time) {
	m, _, _, err := parseMeta(wire)
	if err != nil || m.Instance <= r.cfg.Instance {
		return
	}
	if _, err := openMeta(r.cfg.Self, wire, r.cfg.Keyring); err != nil {
		if errors.Is(err, registry.ErrUnknownKey) {
			r.keys.want(r.cfg.Self, wire, now)
		}
		return
	}
	if !r.claims.sighted(now) {
		return
	}
	select {
	case r.conflict <- &ConflictError{Gateway: r.cfg.Self, Ours: r.cfg.Instance, Theirs: m.Instance, Advertise: m.Advertise}:
	default:
	}
}
