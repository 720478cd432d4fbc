package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// packetBackend is a flow's way to its endpoint: a connected UDP socket, and another one where that turns out to lead
// nowhere. Connecting such a socket proves nothing; only the first datagram shows, by the ICMP message that comes back, that
// nobody listens. So as long as nothing was answered, the next endpoint is tried and hears what was said so far; where
// there is no other, the flow ends with [DialFailed], and the caller's gateway goes on to its next candidate. A message that
// comes later ends the flow: the endpoint went away, and the client's next datagram is worth another choice.
type packetBackend struct {
	dial func(context.Context, netip.AddrPort) (net.Conn, error)

	mu         sync.Mutex
	conn       net.Conn
	reader     func() (*[bufferSize]byte, int, error)
	others     []netip.AddrPort
	unanswered unanswered
	answered   bool
	over       error // why it is
}

// dialPackets connects to the first endpoint that there is a way to.
func (e *Endpoint) dialPackets(addrs []netip.AddrPort) (net.Conn, error) {
	p := &packetBackend{others: addrs, dial: func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
		return e.cfg.DialBackend(ctx, registry.UDP, addr)
	}}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.nextLocked(NoEndpoint); err != nil {
		return nil, err
	}
	return p, nil
}

// nextLocked connects to the next endpoint after the last one failed, and says to it what that didn't hear. It waits for
// nobody: connecting a UDP socket sends nothing.
func (p *packetBackend) nextLocked(last error) error {
	for len(p.others) > 0 {
		addr := p.others[0]
		p.others = p.others[1:]
		ctx, cancel := context.WithTimeout(context.Background(), backendTimeout)
		conn, err := p.dial(ctx, addr)
		cancel()
		if err != nil {
			last = err
			continue
		}
		if p.conn != nil {
			p.conn.Close() // who reads from it looks again
		}
		p.conn, p.reader = conn, reader(conn)
		for _, datagram := range p.unanswered.datagrams {
			conn.Write(datagram)
		}
		return nil
	}
	return fmt.Errorf("%w: %w", DialFailed, last)
}

// Write sends one datagram.
func (p *packetBackend) Write(b []byte) (int, error) {
	p.mu.Lock()
	if p.over != nil {
		defer p.mu.Unlock()
		return 0, p.over
	}
	if !p.answered {
		p.unanswered.keep(slices.Clone(b))
	}
	conn := p.conn
	p.mu.Unlock()
	if _, err := conn.Write(b); err != nil {
		if err := p.failed(conn, err); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// read reads one datagram.
func (p *packetBackend) read() (*[bufferSize]byte, int, error) {
	for {
		p.mu.Lock()
		conn, read := p.conn, p.reader
		p.mu.Unlock()
		buffer, n, err := read()
		if err == nil {
			p.mu.Lock()
			p.answered, p.unanswered = true, unanswered{}
			p.mu.Unlock()
			return buffer, n, nil
		}
		if buffer != nil {
			buffers.Put(buffer)
		}
		if err := p.failed(conn, err); err != nil {
			return nil, 0, err
		}
	}
}

// failed decides what an error of one of our sockets means: nil to go on, on the next socket perhaps.
func (p *packetBackend) failed(conn net.Conn, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.over != nil:
		return p.over
	case conn != p.conn:
		return nil // told before
	case errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case isUnheard(err) && !p.answered:
		err = p.nextLocked(err)
	case isUnheard(err):
	case isTransient(err) || errors.Is(err, syscall.EMSGSIZE):
		return nil // this datagram is lost
	}
	if err != nil {
		p.endLocked(err)
	}
	return err
}

func (p *packetBackend) endLocked(why error) {
	p.over = why
	p.conn.Close()
}

// Read reads one datagram; what doesn't fit into b is lost.
func (p *packetBackend) Read(b []byte) (int, error) {
	buffer, n, err := p.read()
	if err != nil {
		return 0, err
	}
	defer buffers.Put(buffer)
	return copy(b, buffer[:n]), nil
}

// Close ends the flow.
func (p *packetBackend) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over == nil {
		p.endLocked(net.ErrClosed)
	}
	return nil
}

func (p *packetBackend) current() net.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conn
}

// LocalAddr returns that of the socket.
func (p *packetBackend) LocalAddr() net.Addr { return p.current().LocalAddr() }

// RemoteAddr returns the endpoint's address.
func (p *packetBackend) RemoteAddr() net.Addr { return p.current().RemoteAddr() }

// SetDeadline is the socket's.
func (p *packetBackend) SetDeadline(t time.Time) error { return p.current().SetDeadline(t) }

// SetReadDeadline is the socket's.
func (p *packetBackend) SetReadDeadline(t time.Time) error { return p.current().SetReadDeadline(t) }

// SetWriteDeadline is the socket's.
func (p *packetBackend) SetWriteDeadline(t time.Time) error { return p.current().SetWriteDeadline(t) }
