package tunnel

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/grapevine-mesh/grapevine/registry"
)

// A connection that lasted so long ends the back-off: who closes at once what it accepted is not dialled more often.
const lasting = 5 * time.Second

// newsSpread is the time over which the dialling is spread that the return of one gateway causes.
const newsSpread = 200 * time.Millisecond

// keep sees to it that the peer is connected, for ever: whenever there is no connection it dials, with a back-off. A
// peer that can't be dialled is content with the connections that it dialled itself.
func (p *peer) keep(ctx context.Context) {
	var pause backoff
	var before []netip.AddrPort
	for {
		began, ok := p.awaitLoss(ctx)
		if !ok {
			return
		}
		attempt, cancel := context.WithCancel(ctx)
		p.mu.Lock()
		addrs, changed := p.addrs, p.changed
		p.elsewhere = cancel
		p.mu.Unlock()
		news := p.endpoint.news.wait()
		if !slices.Equal(addrs, before) || !began.IsZero() && time.Since(began) >= lasting {
			pause.reset()
		}
		before = addrs
		err := p.dialAny(attempt, addrs)
		if err == nil {
			cancel()
			continue
		}
		if attempt.Err() == nil {
			p.couldNotDial(err)
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-changed: // connected from the other side, or other addresses
		case <-news: // somebody came back: so may this one, and not in the same instant as all others
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Duration(rand.Int64N(int64(newsSpread)))):
			}
		case <-time.After(pause.next(rand.Float64())):
		}
	}
}

// awaitLoss returns when the peer has no connection, and since when it had the last one, if this waited for its end.
func (p *peer) awaitLoss(ctx context.Context) (began time.Time, ok bool) {
	for {
		p.mu.Lock()
		connected, changed := len(p.conns) > 0, p.changed
		since := p.link.Since
		p.mu.Unlock()
		if !connected {
			return began, ctx.Err() == nil
		}
		began = since
		select {
		case <-ctx.Done():
			return began, false
		case <-changed:
		}
	}
}

// dialAny dials all addresses at once; the first that answers as this gateway wins.
func (p *peer) dialAny(ctx context.Context, addrs []netip.AddrPort) error {
	if len(addrs) == 0 {
		return fmt.Errorf("%s: no address known", p.gateway)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan error, len(addrs))
	for _, addr := range addrs {
		if !p.endpoint.tasks.start(func() {
			_, err := p.endpoint.dialControl(ctx, addr, p.gateway)
			results <- err
		}) {
			results <- errClosed
		}
	}
	var last error
	for range addrs {
		if last = <-results; last == nil {
			return nil
		}
	}
	return last
}

// couldNotDial makes the reason visible, and logs it when it is another one than before.
func (p *peer) couldNotDial(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	reason := "cannot dial: " + reasonOf(err)
	if p.link.State == Down && p.link.Instance == 0 && p.link.Reason != reason {
		p.link.Reason = reason
		p.endpoint.cfg.Log.Warn().Stringer("gateway", p.gateway).Err(err).Msg("gateway cannot be dialled")
	}
}

// replaced ends Run: the gateway at addr is connected to a process of our name that started later, and will hear nobody
// else of that name. Nothing but ending one of the two helps.
func (e *Endpoint) replaced(addr netip.AddrPort) {
	select {
	case e.twin <- fmt.Errorf("two gateways are named %s: %s is connected to another process with this name and a certificate for it, which started later; "+
		"give each gateway a name and a certificate of its own (configuration keys cluster and gateway): %w", e.cfg.Self, addr, ErrTwin):
	default: // known already
	}
}

// dialControl makes a control connection to an address, where the given gateway has to answer, or anybody if it is zero.
func (e *Endpoint) dialControl(ctx context.Context, addr netip.AddrPort, want registry.Gateway) (registry.Gateway, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	own := e.cfg.Identity.current.Load()
	conn, err := e.transport.Dial(ctx, net.UDPAddrFromAddrPort(addr), e.clientTLS(own, alpnControl, want), e.quicConfig(controlIdle))
	if err != nil {
		return registry.Gateway{}, fmt.Errorf("dialling %s: %w", addr, err)
	}
	c, err := e.greet(ctx, conn, own)
	if err != nil {
		conn.CloseWithError(codeProtocol, "no greeting")
		if closed, ok := errors.AsType[*quic.ApplicationError](err); ok && closed.ErrorCode == codeTwin {
			e.replaced(addr)
			err = ErrTwin
		}
		return registry.Gateway{}, fmt.Errorf("greeting %s: %w", addr, err)
	}
	if !e.tasks.start(c.serve) {
		conn.CloseWithError(codeFarewell, "farewell")
		return registry.Gateway{}, errClosed
	}
	return c.gateway, nil
}
