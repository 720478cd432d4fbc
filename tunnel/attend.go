package tunnel

import (
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Attend says to which gateways the links beat as if they were in use, whether or not a stream is open; it replaces what was
// said before. It is for those whose death has to be known at once though nothing is carried to them: a gateway of our own
// cluster dies, and what points at it must be cleared.
func (e *Endpoint) Attend(gateways ...registry.Gateway) {
	now := time.Now()
	attended := make(map[registry.Gateway]bool, len(gateways))
	for _, g := range gateways {
		attended[g] = true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.attended = attended
	for g, p := range e.peers {
		p.mu.Lock()
		p.attendLocked(now, attended[g])
		p.mu.Unlock()
	}
}

func (p *peer) attendLocked(now time.Time, on bool) {
	idle := p.wantLocked(now) == idleHeartbeat
	p.attended = on
	if on && idle {
		p.quickenLocked(now)
	}
}
