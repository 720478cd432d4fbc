package dnsserver

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// TestTCPManyQueries sends a thousand queries in one write (RFC 7766 §6.2.1.1), and some in pieces.
func TestTCPManyQueries(t *testing.T) {
	inWorld(t, asItIs, func(t *testing.T, w world) {
		conn := w.dial(t)
		const queries = 1000
		var burst []byte
		for id := range queries {
			query := ask("web.shop.federated. A")
			query.Id = uint16(id)
			wire, err := query.Pack()
			require.NoError(t, err)
			burst = append(binary.BigEndian.AppendUint16(burst, uint16(len(wire))), wire...)
		}
		go func() {
			_, _ = conn.Write(burst)
			for _, piece := range [][]byte{burst[:1], burst[1:2], burst[2:20], burst[20 : len(burst)/queries]} {
				time.Sleep(time.Second)
				_, _ = conn.Write(piece)
			}
		}()
		replies := &dns.Conn{Conn: conn}
		for id := range queries {
			reply, err := replies.ReadMsg()
			require.NoError(t, err)
			require.EqualValues(t, id, reply.Id)
			require.Len(t, reply.Answer, 1)
		}
		reply, err := replies.ReadMsg()
		require.NoError(t, err)
		require.Zero(t, reply.Id)
		w.stop()
	})
}

// TestTCPAnswersBeforeTheNextQueryIsWhole sends one query and the beginning of another: the first is answered at once.
func TestTCPAnswersBeforeTheNextQueryIsWhole(t *testing.T) {
	inWorld(t, asItIs, func(t *testing.T, w world) {
		wire, err := ask("web.shop.federated. A").Pack()
		require.NoError(t, err)
		message := append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
		for _, more := range []int{1, 2, 10} {
			conn := w.dial(t)
			start := time.Now()
			_, err = conn.Write(append(message, message[:more]...))
			require.NoError(t, err)
			_, err = (&dns.Conn{Conn: conn}).ReadMsg()
			require.NoError(t, err)
			require.Less(t, time.Since(start), time.Second)
		}
		w.stop()
	})
}

// TestTCPIdle says that a connection without a whole query in time is closed, however many bytes trickle in, and that
// one in use is not.
func TestTCPIdle(t *testing.T) {
	inWorld(t, asItIs, func(t *testing.T, w world) {
		wire, err := ask("web.shop.federated. A").Pack()
		require.NoError(t, err)
		message := append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)

		silent, slow, busy := w.dial(t), w.dial(t), w.dial(t)
		start := time.Now()
		go func() {
			for i := range message {
				_, _ = slow.Write(message[i : i+1])
				time.Sleep(time.Second)
			}
		}()
		for range 5 {
			time.Sleep(defaultIdle - time.Second)
			_, err := busy.Write(message)
			require.NoError(t, err)
			_, err = (&dns.Conn{Conn: busy}).ReadMsg()
			require.NoError(t, err)
		}
		for _, conn := range []net.Conn{silent, slow} {
			_, err = conn.Read(make([]byte, 1))
			require.Error(t, err)
		}
		_, err = io.ReadAll(busy)
		require.NoError(t, err)
		require.InDelta(t, 6*defaultIdle-5*time.Second, time.Since(start), float64(time.Second))
		time.Sleep(time.Minute) // for the slow writer
		w.stop()
	})
}

// TestTCPConnectionsAreBounded opens more than are allowed: the one that is idle for longest goes, the newest is served.
func TestTCPConnectionsAreBounded(t *testing.T) {
	inWorld(t, func(s *Server) { s.maxConns = 3 }, func(t *testing.T, w world) {
		ask1 := func(conn net.Conn) error {
			c := &dns.Conn{Conn: conn}
			if err := c.WriteMsg(ask("web.shop.federated. A")); err != nil {
				return err
			}
			_, err := c.ReadMsg()
			return err
		}
		var conns []net.Conn
		for range 3 {
			conns = append(conns, w.dial(t))
			time.Sleep(time.Second)
		}
		require.NoError(t, ask1(conns[0]))
		time.Sleep(time.Second)
		newest := w.dial(t)
		require.NoError(t, ask1(newest))
		require.Error(t, ask1(conns[1]), "idle for longest")
		require.NoError(t, ask1(conns[0]))
		require.NoError(t, ask1(conns[2]))
		require.EqualValues(t, 1, w.server.Stats().Shed)
		w.stop()
	})
}

// TestTCPNonsense sends what no resolver sends: the connection is closed, and others don't notice.
func TestTCPNonsense(t *testing.T) {
	response := ask("web.shop.federated. A")
	response.Response = true
	wire, err := response.Pack()
	require.NoError(t, err)
	for name, nonsense := range map[string][]byte{
		"no message":    {0, 0},
		"too short":     {0, 3, 1, 2, 3},
		"too long":      {0xff, 0xff},
		"a response":    append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...),
		"not DNS":       []byte("GET / HTTP/1.1\r\nHost: web.shop.federated\r\n\r\n"),
		"half a length": {0},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, asItIs, func(t *testing.T, w world) {
				conn := w.dial(t)
				start := time.Now()
				_, err := conn.Write(nonsense)
				require.NoError(t, err)
				rest, _ := io.ReadAll(conn)
				require.Empty(t, rest)
				if name != "half a length" {
					require.Less(t, time.Since(start), time.Second, "closed at once")
				}
				w.stop()
			})
		})
	}
}
