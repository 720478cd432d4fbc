package tunnel

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// packetFront is a UDP front, with a flow for each address that sends to it. Answers leave from the address that the clients
// send to, or, where it listens at an unspecified one, from where the kernel says.
type packetFront struct {
	fronts *Fronts
	place  place
	conn   net.PacketConn

	mu      sync.Mutex
	target  Target
	gone    bool // it takes no new clients, and the last one closes the socket
	clients map[netip.AddrPort]*client
}

func (p *packetFront) lead(to Target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target, p.gone = to, false
}

func (p *packetFront) leave() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	return p.overLocked()
}

// overLocked closes the socket when nobody needs it any more.
func (p *packetFront) overLocked() bool {
	if !p.gone || len(p.clients) > 0 {
		return false
	}
	p.conn.Close()
	return true
}

func (p *packetFront) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conn.Close()
	for _, c := range p.clients {
		c.end()
	}
}

func (p *packetFront) run() {
	buffer := make([]byte, bufferSize)
	for {
		n, from, err := p.conn.ReadFrom(buffer)
		switch {
		case err == nil:
			p.take(slices.Clone(buffer[:n]), from)
		case errors.Is(err, net.ErrClosed):
			return
		case isTransient(err):
		default:
			p.fronts.cfg.Log.Warn().Err(err).Msg("cannot receive")
			select {
			case <-p.fronts.life.Done():
				return
			case <-time.After(acceptPause):
			}
		}
	}
}

// take carries one datagram. A client whose flow is over just now begins another with it.
func (p *packetFront) take(datagram []byte, from net.Addr) {
	addr := addrPortOf(from)
	for range 2 {
		c := p.client(addr, from)
		if c == nil {
			break
		}
		if c.say(datagram) {
			return
		}
		p.forget(c)
	}
	p.fronts.flowCounters.refused.Add(1)
}

func addrPortOf(from net.Addr) netip.AddrPort {
	var addr netip.AddrPort
	if udp, ok := from.(*net.UDPAddr); ok {
		addr = udp.AddrPort()
	} else {
		addr, _ = netip.ParseAddrPort(from.String())
	}
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}

// client returns the one with an address, which is a new one if need be; nil where there are too many.
func (p *packetFront) client(addr netip.AddrPort, from net.Addr) *client {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.clients[addr]; c != nil {
		return c
	}
	if p.gone || len(p.clients) >= p.fronts.cfg.Flows {
		return nil
	}
	c := newClient(p, addr, from, p.target)
	p.clients[addr] = c
	if !p.fronts.tasks.start(c.run) {
		delete(p.clients, addr)
		return nil
	}
	return c
}

func (p *packetFront) forget(c *client) {
	f := p.fronts
	f.mu.Lock()
	defer f.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clients[c.addr] == c {
		delete(p.clients, c.addr)
	}
	if p.overLocked() && f.fronts[p.place] == p {
		delete(f.fronts, p.place)
	}
}
