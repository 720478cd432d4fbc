package dnsserver

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Bounds of TCP (RFC 7766 §6.2, RFC 9210 §4). A connection may ask as often as it likes, for it costs the same as UDP
// then; that it may do nothing for long, or that there may be many, is what costs.
const (
	defaultIdle     = 10 * time.Second
	defaultMaxConns = 256
	writeTimeout    = 5 * time.Second // for a reader that doesn't read
)

// serveTCP accepts connections until ctx ends.
func (s *Server) serveTCP(ctx context.Context, streams net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	conns := &connSet{open: map[net.Conn]time.Time{}, max: s.maxConns}
	var serving sync.WaitGroup
	serving.Go(func() { <-ctx.Done(); _ = streams.Close() })
	defer serving.Wait()
	defer conns.closeAll()
	defer cancel()
	for failures := 0; ; { // in a row
		conn, err := streams.Accept()
		switch {
		case err == nil:
			failures = 0
			if conns.add(conn, time.Now()) {
				s.stats.shed.Add(1)
			}
			serving.Go(func() {
				defer conns.remove(conn)
				s.serveConn(conn, func() { conns.touch(conn, time.Now()) })
			})
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("dns: tcp socket %s: %w", streams.Addr(), err)
		default:
			if failures++; failures == 1 {
				s.log.Warn().Err(err).Msg("dns connections not accepted")
			}
			pause(ctx, failurePause)
		}
	}
}

// serveConn answers the queries of one connection, in order, until it is idle, wrong, or closed. The replies to queries
// that came together leave together.
func (s *Server) serveConn(conn net.Conn, touch func()) {
	in, out := bufio.NewReaderSize(conn, maxPacket), bufio.NewWriterSize(conn, maxPacket)
	for {
		// One deadline for the whole message, so that a byte now and then doesn't keep a connection.
		_ = conn.SetReadDeadline(time.Now().Add(s.idle))
		packet, err := readMessage(in)
		if err != nil {
			return
		}
		touch()
		reply := s.Respond(packet, false)
		if reply == nil {
			return // no resolver sends such a thing
		}
		_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if writeMessage(out, reply) != nil {
			return
		}
		if !wholeMessage(in) && out.Flush() != nil {
			return
		}
	}
}

// wholeMessage tells whether the next message has come completely, so that reading it doesn't wait.
func wholeMessage(in *bufio.Reader) bool {
	if in.Buffered() < 2 {
		return false
	}
	length, _ := in.Peek(2)
	return in.Buffered() >= 2+int(binary.BigEndian.Uint16(length))
}

var errTooLong = errors.New("longer than any query")

// readMessage reads one message with its length before it (RFC 1035 §4.2.2).
func readMessage(in *bufio.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(length[:]))
	if n > maxPacket {
		return nil, errTooLong
	}
	packet := make([]byte, n)
	_, err := io.ReadFull(in, packet)
	return packet, err
}

func writeMessage(out *bufio.Writer, message []byte) error {
	if _, err := out.Write(binary.BigEndian.AppendUint16(nil, uint16(len(message)))); err != nil {
		return err
	}
	_, err := out.Write(message)
	return err
}
