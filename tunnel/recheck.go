package tunnel

import (
	"context"
	"time"

	"github.com/quic-go/quic-go"
)

// recheckEvery bounds how long a connection outlives the certificate that it was made with: TLS verifies once.
const recheckEvery = 15 * time.Second

// recheck verifies again, for ever, who is at the other end of each connection: certificates expire, and a CA that is
// taken out takes its gateways with it.
func (e *Endpoint) recheck(ctx context.Context) {
	ticker := time.NewTicker(recheckEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, conn := range e.connections() {
			if _, err := e.cfg.Identity.verify(conn.ConnectionState().TLS.PeerCertificates); err != nil {
				e.cfg.Log.Warn().Stringer("address", conn.RemoteAddr()).Err(err).Msg("connection cut")
				conn.CloseWithError(codeIdentity, "certificate is no longer valid")
			}
		}
	}
}

// connections returns all connections that there are now.
func (e *Endpoint) connections() (all []*quic.Conn) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, p := range e.peers {
		p.mu.Lock()
		for _, c := range p.conns {
			all = append(all, c.conn)
		}
		for _, d := range p.data {
			all = append(all, d.conn)
		}
		p.mu.Unlock()
	}
	return all
}
