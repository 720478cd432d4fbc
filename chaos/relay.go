package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

// RelayConfig says between whom a relay stands.
type RelayConfig struct {
	Conn   net.PacketConn                 // where the clients send to; Run closes it
	Target netip.AddrPort                 // where it goes on to
	Dial   func() (net.PacketConn, error) // opens a client's own socket towards Target; nil: any free UDP port
	Idle   time.Duration                  // a client is forgotten after this long without a datagram; 0: 30 s, as by many NATs
	Seed   uint64                         // of every chance
}

// Relay puts conditions round real UDP sockets: it stands in front of a server and passes datagrams on, as well as its
// conditions allow. The server sees each client at an address of the relay's, as behind a NAT.
//
//	client ──▶ Conn │ conditions there │ client's own socket ──▶ Target
//	       ◀──      │ conditions back  │                     ◀──
type Relay struct {
	conn   net.PacketConn
	target netip.AddrPort
	dial   func() (net.PacketConn, error)
	idle   time.Duration

	mu      sync.Mutex
	agenda  agenda
	random  *rand.Rand
	there   lane
	back    lane
	clients map[netip.AddrPort]*relayClient
	readers sync.WaitGroup
}

// maxClients bounds the sockets of a relay; datagrams of those above it are dropped as overrun.
const maxClients = 1024

const defaultIdle = 30 * time.Second

// NewRelay returns a relay without any conditions. It does nothing until Run.
func NewRelay(c RelayConfig) (*Relay, error) {
	if c.Conn == nil || !c.Target.IsValid() || c.Idle < 0 {
		return nil, errors.New("relay: want a Conn, a valid Target and no negative Idle")
	}
	r := &Relay{
		conn:    c.Conn,
		target:  c.Target,
		dial:    c.Dial,
		idle:    c.Idle,
		random:  rand.New(rand.NewPCG(c.Seed, 0)),
		clients: make(map[netip.AddrPort]*relayClient),
	}
	if r.dial == nil {
		r.dial = func() (net.PacketConn, error) { return net.ListenPacket("udp", ":0") }
	}
	if r.idle == 0 {
		r.idle = defaultIdle
	}
	r.agenda.mu = &r.mu
	return r, nil
}

// SetConditions changes what happens from now on to datagrams on their way to the target, and to those on their way back.
func (r *Relay) SetConditions(there, back Conditions) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.there.conditions, r.back.conditions = there, back
}

// Rebind gives every client a new socket towards the target with its next datagram, as a NAT does that was restarted. What
// the target sends to the old ones is lost.
func (r *Relay) Rebind() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetAllLocked()
}

// Counts returns what became of the datagrams to the target, and of those back.
func (r *Relay) Counts() (there, back Counts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.there.counts, r.back.counts
}

// Run relays until ctx ends, and then returns nil, or until Conn fails.
func (r *Relay) Run(ctx context.Context) error {
	defer r.readers.Wait()
	defer r.end()
	defer context.AfterFunc(ctx, func() { _ = r.conn.Close() })()
	buffer := make([]byte, maxDatagram)
	for {
		n, from, err := r.conn.ReadFrom(buffer)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("relay to %s: %w", r.target, err)
		}
		if client, err := addrPort(from); err == nil {
			r.forward(client, from, buffer[:n])
		}
	}
}

// end stops all but the clients' readers, who notice.
func (r *Relay) end() {
	_ = r.conn.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.agenda.stopLocked()
	r.forgetAllLocked()
}

func (r *Relay) forgetAllLocked() {
	for _, c := range r.clients {
		_ = c.conn.Close()
	}
	clear(r.clients)
}

// forward sends a client's datagram to the target.
func (r *Relay) forward(key netip.AddrPort, from net.Addr, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.clients[key]
	if c == nil {
		var err error
		if c, err = r.admitLocked(key, from); err != nil {
			r.there.counts.Sent++
			r.there.counts.SentBytes += uint64(len(data))
			r.there.counts.Overrun++
			return
		}
	}
	c.used = time.Now()
	r.passLocked(&r.there, c.conn, net.UDPAddrFromAddrPort(r.target), data)
}
