package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// maxPacket is the longest packet that is read. A query is one question and what EDNS adds to it; a longer one is cut
// off, and what is left of it isn't well formed.
const maxPacket = 4096

// failurePause is waited after a socket's error before the next try, so that an error that stays (no descriptors, no
// memory) doesn't take a core.
const failurePause = 10 * time.Millisecond

// serveUDP answers packets one after the other. Answering is a few microseconds of work that waits for nothing, so one
// goroutine does it without a queue or a goroutine per packet, and what comes too fast is dropped by the kernel.
func (s *Server) serveUDP(ctx context.Context, packets net.PacketConn) error {
	ctx, cancel := context.WithCancel(ctx)
	var closing sync.WaitGroup
	closing.Go(func() { <-ctx.Done(); _ = packets.Close() })
	defer closing.Wait()
	defer cancel()
	receive := receiver(packets)
	buffer := make([]byte, maxPacket)
	for failures := 0; ; { // in a row
		n, send, err := receive(buffer)
		switch {
		case err == nil:
			failures = 0
			if reply := s.Respond(buffer[:n], true); reply != nil {
				send(reply)
			}
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("dns: udp socket %s: %w", packets.LocalAddr(), err)
		default:
			if failures++; failures == 1 {
				s.log.Warn().Err(err).Msg("dns packets not received")
			}
			pause(ctx, failurePause)
		}
	}
}

// receiver returns a function that reads one packet, and says how to send the reply to it. From a socket that is bound to
// all of the host's addresses the reply must leave from the address that was asked, which the kernel doesn't see to:
// clients ignore answers from somebody they didn't ask. A reply that can't be sent is lost like any other packet; waiting
// or logging then would let whoever forges source addresses slow everybody down.
func receiver(packets net.PacketConn) func(buffer []byte) (n int, send func([]byte), err error) {
	if socket, ok := packets.(*net.UDPConn); ok && tellDestination(socket) == nil {
		return func(buffer []byte) (int, func([]byte), error) {
			n, session, err := dns.ReadFromSessionUDP(socket, buffer)
			return n, func(reply []byte) { _, _ = dns.WriteToSessionUDP(socket, reply, session) }, err
		}
	}
	return func(buffer []byte) (int, func([]byte), error) {
		n, from, err := packets.ReadFrom(buffer)
		return n, func(reply []byte) { _, _ = packets.WriteTo(reply, from) }, err
	}
}

// tellDestination asks the kernel to say with each packet which of our addresses it was sent to. A socket has one family
// or both; it is enough that one of them works.
func tellDestination(socket *net.UDPConn) error {
	err6 := ipv6.NewPacketConn(socket).SetControlMessage(ipv6.FlagDst, true)
	err4 := ipv4.NewPacketConn(socket).SetControlMessage(ipv4.FlagDst, true)
	if err4 == nil || err6 == nil {
		return nil
	}
	return err4
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
