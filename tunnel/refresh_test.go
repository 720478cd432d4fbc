package tunnel_test

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/tunnel"
)

// A route becomes 25 times longer.
func TestConnectionsAreReplacedWhenTheRouteBecomesLonger(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(5 * time.Millisecond))
		e, ww := w.start(east), w.start(west, serving(w, west, echo))
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		conn, _, err := e.Open(w.Context(), web, candidates(west))
		require.NoError(w, err)
		time.Sleep(30 * time.Second)
		e.forgetChanges()

		w.network.SetWeather(delayed(125 * time.Millisecond))
		time.Sleep(time.Minute)
		conn.Write([]byte("still"))
		_, err = io.ReadFull(conn, make([]byte, 5))
		require.NoError(w, err, "what was open goes on over the old connection")
		for range 6 {
			more, _, err := e.Open(w.Context(), web, candidates(west))
			require.NoError(w, err)
			defer more.Close()
		}
		require.Equal(w, 1, e.StaleStreams(west), "and nothing is added there")
		conn.Close()
		time.Sleep(30 * time.Second)

		before := w.network.Counts().Sent
		time.Sleep(20 * time.Second)
		perSecond := (w.network.Counts().Sent - before) / 20
		require.LessOrEqual(w, perSecond, uint64(90), "packets per second; with a stale connection 300")
		control, data := e.Connections(west)
		require.Equal(w, 1, control)
		require.LessOrEqual(w, data, 5)
		require.NotContains(w, e.changes(west), "down heartbeat")
		begin := time.Now()
		_, _, err = e.request(west)
		require.NoError(w, err)
		require.Less(w, time.Since(begin), 1100*time.Millisecond)
	})
}
