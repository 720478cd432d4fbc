package tunnel

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// client is an application's UDP socket that sends to a front, and its flow.
//
//	first datagram ──▶ Route, Open ───connected───▶ FLOW ──────── idle, link down, reset ────────▶ over: the next datagram
//	(and 7 more wait)      ▲                         │ nobody listens there,                       begins anew, elsewhere
//	                       └── without that gateway ─┘ and nothing was answered: said again         if need be
type client struct {
	front  *packetFront
	addr   netip.AddrPort
	to     net.Addr // the same, as the socket gave it
	target Target
	idle   *idle

	mu         sync.Mutex
	conn       net.Conn // nil while there is none
	unanswered unanswered
	said       int
	answered   int
	over       bool
}

func newClient(front *packetFront, addr netip.AddrPort, to net.Addr, t Target) *client {
	t.Caller = addr
	c := &client{front: front, addr: addr, to: to, target: t}
	c.idle = watchIdle(exchangeIdle, c.patience, c.expire)
	return c
}

// say sends one datagram, which is the client's from now on, or keeps it until there is a flow. It is false where the flow is
// over, and another one may do better.
func (c *client) say(datagram []byte) bool {
	c.idle.touch()
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return false
	}
	c.said++
	kept := c.answered == 0
	if kept {
		if gone := c.unanswered.keep(datagram); c.conn == nil {
			c.counters().dropped.Add(uint64(gone))
		}
	}
	conn := c.conn
	c.mu.Unlock()
	if conn == nil {
		return true
	}
	_, err := conn.Write(datagram)
	return err == nil || kept // what is kept may be said again; run knows
}

// run opens a flow, and another one where nobody listens at its end.
func (c *client) run() {
	f := c.front.fronts
	defer c.front.forget(c)
	defer c.end()
	candidates := f.cfg.Route(c.target)
	for {
		ctx, cancel := context.WithTimeout(f.life, openTimeout)
		conn, by, err := f.cfg.Open(ctx, c.target, candidates)
		cancel()
		if err != nil {
			c.give(err)
			return
		}
		c.counters().opened.Add(1)
		if c.listen(conn); c.isOver() {
			return
		}
		candidates = without(candidates, by)
	}
}

// give gives up: there is nobody to carry the datagrams to.
func (c *client) give(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counters().failed.Add(1)
	c.counters().dropped.Add(uint64(len(c.unanswered.datagrams)))
	c.front.fronts.cfg.Log.Debug().Stringer("service", c.target.Name).Err(err).Msg("flow not carried")
}

// listen says what waits, and passes on what is answered, until the flow ends. The client is over then, unless nobody listened
// there and nothing was answered.
func (c *client) listen(conn net.Conn) {
	defer conn.Close()
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return
	}
	c.conn = conn
	for _, datagram := range c.unanswered.datagrams {
		conn.Write(datagram) // never waits
	}
	c.mu.Unlock()
	err := c.answer(reader(conn))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = nil
	c.over = c.over || !errors.Is(err, DialFailed) || c.answered > 0
}

func (c *client) answer(read func() (*[bufferSize]byte, int, error)) error {
	for {
		buffer, n, err := read()
		if err == nil {
			c.heard()
			c.front.conn.WriteTo(buffer[:n], c.to) // what can't be delivered is lost
		}
		if buffer != nil {
			buffers.Put(buffer)
		}
		if err != nil {
			return err
		}
	}
}

func (c *client) heard() {
	c.idle.touch()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered++
	c.unanswered = unanswered{}
}

func (c *client) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

func (c *client) patience() (limit time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return patienceWithFlow(c.said, c.answered)
}

func (c *client) expire() {
	c.counters().expired.Add(1)
	c.end()
}

// end ends the flow. Its goroutine notices, and the front forgets it.
func (c *client) end() {
	c.idle.stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.conn != nil {
		c.conn.Close()
	}
}

func (c *client) counters() *flowCounters { return &c.front.fronts.flowCounters }

// without returns the candidates but for one gateway.
func without(candidates []registry.Candidate, g registry.Gateway) []registry.Candidate {
	kept := make([]registry.Candidate, 0, len(candidates))
	for _, candidate := range candidates {
		candidate.Gateways = slices.DeleteFunc(slices.Clone(candidate.Gateways), func(other registry.Gateway) bool { return other == g })
		if len(candidate.Gateways) > 0 {
			kept = append(kept, candidate)
		}
	}
	return kept
}
