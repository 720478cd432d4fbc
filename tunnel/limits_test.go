package tunnel_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/tunnel"
)

func TestStreamsAreBoundedPerPeer(t *testing.T) {
	inWorld(t, func(w *world) {
		limits := func(cfg *tunnel.Config) { cfg.Limits.Streams = 5 }
		e, n, ww := w.start(east), w.start(north), w.start(west, limits, serving(w, west, echo))
		meet(e, n, ww)
		e.until(west, tunnel.Up, time.Second)
		n.until(west, tunnel.Up, time.Second)
		var open []net.Conn
		for range 5 {
			conn, _, err := e.Open(w.Context(), web, candidates(west))
			require.NoError(w, err)
			open = append(open, conn)
		}
		_, _, err := e.Open(w.Context(), web, candidates(west))
		require.Equal(w, tunnel.Overloaded, refusalOf(err))
		_, _, err = n.request(west)
		require.NoError(w, err, "others don't notice")

		for _, conn := range open {
			conn.Write([]byte("still there"))
			_, err := io.ReadFull(conn, make([]byte, 11))
			require.NoError(w, err)
			conn.Close()
		}
		time.Sleep(time.Second)
		_, _, err = e.request(west)
		require.NoError(w, err)
	})
}

// A peer that opens streams and says nothing on them takes its own room, and for a while only.
func TestSlowHeadersAreBounded(t *testing.T) {
	inWorld(t, func(w *world) {
		limits := func(cfg *tunnel.Config) { cfg.Limits.HalfOpen = 10 }
		e, n, ww := w.start(east), w.start(north), w.start(west, limits, serving(w, west, echo))
		meet(e, n, ww)
		e.until(west, tunnel.Up, time.Second)
		n.until(west, tunnel.Up, time.Second)
		time.Sleep(time.Second)
		for range 10 {
			require.NoError(w, e.OpenSilentStream(west))
		}
		time.Sleep(time.Second)
		_, _, err := e.request(west)
		require.Equal(w, tunnel.Overloaded, refusalOf(err))
		_, _, err = n.request(west)
		require.NoError(w, err, "others don't notice")
		time.Sleep(5 * time.Second)
		_, _, err = e.request(west)
		require.NoError(w, err, "who says nothing is cut")
		require.EqualValues(w, 10, ww.Stats().Refused[tunnel.Malformed])
	})
}

func TestMalformedHeadersAreRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		e, ww := w.start(east), w.start(west, serving(w, west, echo))
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		time.Sleep(time.Second)
		for _, garbage := range []string{"\x02\x05hello", "\x01\x03\x06\x00\x50", "GET / HTTP/1.1\r\n\r\n", "\x01\x00"} {
			refusal, err := e.SendGarbage(west, []byte(garbage))
			require.NoError(w, err)
			require.Equal(w, tunnel.Malformed, refusal)
		}
		_, _, err := e.request(west)
		require.NoError(w, err)
		require.Equal(w, []string{"up connected"}, e.changes(west))
	})
}

// Under traffic a link gets more connections, up to four, and streams are spread over them.
func TestDataConnectionsGrowUnderTraffic(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(10 * time.Millisecond))
		e, ww := w.start(east), w.start(west, serving(w, west, echo))
		ww.learn(e) // so west dials, and east's streams make it dial more
		e.until(west, tunnel.Up, time.Second)
		time.Sleep(time.Second)
		_, data := e.Connections(west)
		require.Equal(w, 1, data, "one is warm before the first stream")
		var slowest time.Duration
		for range 40 {
			begin := time.Now()
			conn, _, err := e.Open(w.Context(), web, candidates(west))
			require.NoError(w, err)
			slowest = max(slowest, time.Since(begin))
			w.Cleanup(func() { conn.Close() })
			time.Sleep(50 * time.Millisecond)
		}
		require.Less(w, slowest, 25*time.Millisecond, "no stream waits for a handshake")
		_, data = e.Connections(west)
		require.Equal(w, 4, data)
		require.ElementsMatch(w, []int{10, 10, 10, 10}, e.Loads(west))
	})
}
