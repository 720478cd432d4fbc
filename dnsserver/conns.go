package dnsserver

import (
	"net"
	"sync"
	"time"
)

// connSet bounds the open TCP connections. When there are too many, the one that has been idle for longest gives way to
// the newest: turning the newest away would let a client that only holds connections shut everybody else out.
type connSet struct {
	max int

	mu   sync.Mutex
	open map[net.Conn]time.Time // when it last asked something
}

// add takes a connection in, and tells whether another one had to go.
func (c *connSet) add(conn net.Conn, now time.Time) (shed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) >= c.max {
		idlest := c.idlestLocked()
		delete(c.open, idlest)
		_ = idlest.Close()
		shed = true
	}
	c.open[conn] = now
	return shed
}

func (c *connSet) idlestLocked() net.Conn {
	var idlest net.Conn
	for conn, asked := range c.open {
		if idlest == nil || asked.Before(c.open[idlest]) {
			idlest = conn
		}
	}
	return idlest
}

func (c *connSet) touch(conn net.Conn, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.open[conn]; ok {
		c.open[conn] = now
	}
}

func (c *connSet) remove(conn net.Conn) {
	_ = conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, conn)
}

func (c *connSet) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		_ = conn.Close()
	}
}
