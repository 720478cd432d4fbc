package tunnel

import (
	"context"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/grapevine-mesh/grapevine/registry"
)

// recheckEvery bounds how long a connection outlives what its peer was believed for: TLS verifies once.
const recheckEvery = 15 * time.Second

// recheck verifies again who is at the other end of each connection: certificates expire, and a CA that is taken out takes
// its gateways with it.
func (e *Endpoint) recheck(context.Context) {
	for _, h := range e.held() {
		if err := e.believe(h, time.Now()); err != nil {
			e.cfg.Log.Warn().Stringer("gateway", h.gateway).Err(err).Msg("connection cut")
			h.conn.CloseWithError(codeIdentity, "certificate is no longer valid")
		}
	}
}

// held is a connection, beside the control connection that its link uses now.
type held struct {
	gateway registry.Gateway
	conn    *quic.Conn
	best    *quic.Conn
}

// held returns all connections that there are now. Verifying takes too long for a lock.
func (e *Endpoint) held() (all []held) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, p := range e.peers {
		p.mu.Lock()
		if best := p.bestLocked(); best != nil {
			for _, c := range p.conns {
				all = append(all, held{p.gateway, c.conn, best.conn})
			}
			for _, d := range p.data {
				all = append(all, held{p.gateway, d.conn, best.conn})
			}
		}
		p.mu.Unlock()
	}
	return all
}

// believe tells whether the peer of a connection is still who it was. A certificate that merely ended is made good by a
// newer one of the same gateway, on the connection that replaced this one: the streams that are left here go on.
func (e *Endpoint) believe(h held, now time.Time) error {
	chain := h.conn.ConnectionState().TLS.PeerCertificates
	_, err := e.cfg.Identity.verify(chain, now)
	if err == nil || h.conn == h.best {
		return err
	}
	if _, before := e.cfg.Identity.verify(chain, expiry(chain)); before != nil {
		return err
	}
	if _, newer := e.cfg.Identity.verify(h.best.ConnectionState().TLS.PeerCertificates, now); newer != nil {
		return err
	}
	return nil
}
