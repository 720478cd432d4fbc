package tunnel

import (
	"context"
	"io"
	"sync"
	"time"
)

const (
	packetMost   = 64 << 10 // of a packet that comes on a stream of its own
	packetsAtime = 8        // of those, under way to one peer
)

// send empties the outbox. It may block in quic-go, and nobody waits for it.
func (c *control) send(ctx context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	buffer := make([]byte, 0, 1500)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.outbox.ready:
		}
		for {
			l, isBeat, ok := c.outbox.take(time.Now())
			if !ok {
				break
			}
			if isBeat {
				c.conn.SendDatagram(c.peer.compose(time.Now()).append(buffer[:0]))
				continue
			}
			datagram := append(append(buffer[:0], datagramPacket), l.packet...)
			if err := c.conn.SendDatagram(datagram); err != nil && ctx.Err() == nil {
				c.sendLarge(l.packet, &group)
			}
		}
	}
}

// sendLarge sends a packet that doesn't fit a datagram on a stream of its own. Like any packet it may be lost.
func (c *control) sendLarge(packet []byte, group *sync.WaitGroup) {
	select {
	case c.large <- struct{}{}:
	default:
		c.endpoint.counters.dropped.Add(1)
		return
	}
	group.Go(func() {
		defer func() { <-c.large }()
		s, err := c.conn.OpenUniStream()
		if err != nil {
			c.endpoint.counters.dropped.Add(1)
			return
		}
		s.SetWriteDeadline(time.Now().Add(outboxAge))
		if _, err := s.Write(packet); err != nil {
			s.CancelWrite(codeAbandoned)
			return
		}
		s.Close()
	})
}

func (c *control) receiveDatagrams(ctx context.Context) {
	for {
		datagram, err := c.conn.ReceiveDatagram(ctx)
		if err != nil {
			return
		}
		now := time.Now()
		if b, ok := parseBeat(datagram); ok {
			c.peer.hear(b, now)
		} else if len(datagram) > 1 && datagram[0] == datagramPacket {
			c.endpoint.onPacket(c.gateway, datagram[1:], now)
		}
	}
}

func (c *control) receivePackets(ctx context.Context, group *sync.WaitGroup) {
	for {
		s, err := c.conn.AcceptUniStream(ctx)
		if err != nil {
			return
		}
		if !c.admit() {
			s.CancelRead(codeBusy)
			continue
		}
		group.Go(func() {
			defer c.peer.incoming.control.Add(-1)
			defer s.CancelRead(0)
			s.SetReadDeadline(time.Now().Add(kindPatience))
			packet, err := io.ReadAll(io.LimitReader(s, packetMost+1))
			if err == nil && len(packet) <= packetMost {
				c.endpoint.onPacket(c.gateway, packet, time.Now())
			}
		})
	}
}
