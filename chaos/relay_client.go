package chaos

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// relayClient is a client of a relay and its own socket towards the target.
type relayClient struct {
	key  netip.AddrPort
	addr net.Addr
	conn net.PacketConn
	used time.Time // latest datagram, either way
}

var errTooManyClients = errors.New("relay: too many clients")

// admitLocked opens a client's socket and starts its reader, which ends when the socket is closed or was idle.
func (r *Relay) admitLocked(key netip.AddrPort, addr net.Addr) (*relayClient, error) {
	if len(r.clients) >= maxClients {
		return nil, errTooManyClients
	}
	conn, err := r.dial()
	if err != nil {
		return nil, err
	}
	c := &relayClient{key: key, addr: addr, conn: conn, used: time.Now()}
	r.clients[key] = c
	r.readers.Go(func() { r.read(c) })
	return c, nil
}

// read sends back to the client what the target sends to its socket.
func (r *Relay) read(c *relayClient) {
	defer r.forget(c)
	buffer := make([]byte, maxDatagram)
	for {
		_ = c.conn.SetReadDeadline(r.expiry(c))
		n, from, err := c.conn.ReadFrom(buffer)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if !time.Now().Before(r.expiry(c)) {
				return
			}
		case err != nil:
			return
		default:
			r.reply(c, from, buffer[:n])
		}
	}
}

// expiry returns until when the client is remembered, unless it is used until then.
func (r *Relay) expiry(c *relayClient) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return c.used.Add(r.idle)
}

// reply sends a datagram of the target to the client. Others than the target aren't heard, as behind a NAT.
func (r *Relay) reply(c *relayClient, from net.Addr, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if sender, err := addrPort(from); err == nil && sender == r.target {
		c.used = time.Now()
		r.passLocked(&r.back, r.conn, c.addr, data)
	}
}

func (r *Relay) forget(c *relayClient) {
	_ = c.conn.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.clients[c.key] == c {
		delete(r.clients, c.key)
	}
}
