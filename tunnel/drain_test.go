package tunnel_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

func TestDrainingGatewayGetsNoNewStreams(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 20 * time.Millisecond, Loss: 0.2}))
		e, ww, n := w.start(east), w.start(west, serving(w, west, echo)), w.start(north, serving(w, north, says("north")))
		meet(e, ww, n)
		for _, g := range []*gateway{ww, n} {
			e.until(g.id, tunnel.Up, 10*time.Second)
			ww.until(map[*gateway]*gateway{ww: e, n: n}[g].id, tunnel.Up, 10*time.Second)
		}
		conn, _, err := e.Open(w.Context(), web, candidates(west))
		require.NoError(w, err)

		begin := time.Now()
		require.NoError(w, ww.Drain(w.Context(), true))
		require.Less(w, time.Since(begin), 2*time.Second)
		require.True(w, e.link(west).Draining, "who was told has noted it when Drain returns")
		require.True(w, n.link(west).Draining)
		for range 20 {
			answer, by, err := e.request(west, north)
			require.NoError(w, err)
			require.Equal(w, north, by)
			require.Equal(w, "north", answer)
		}
		require.Zero(w, ww.Stats().Refused[tunnel.Draining], "nobody even asks")
		conn.Write([]byte("still"))
		_, err = io.ReadFull(conn, make([]byte, 5))
		require.NoError(w, err, "what is open goes on")
		conn.Close()

		require.NoError(w, ww.Drain(w.Context(), false))
		require.False(w, e.link(west).Draining)
		w.network.SetWeather(delayed(20 * time.Millisecond)) // a lost packet would make it ask north too
		_, by, err := e.request(west, north)
		require.NoError(w, err)
		require.Equal(w, west, by)
	})
}

// A caller that hasn't heard of the drain yet is refused, and asks another.
func TestDrainingIsRefusedToWhoDidNotHear(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(20 * time.Millisecond))
		e, ww, n := w.start(east), w.start(west, serving(w, west, echo)), w.start(north, serving(w, north, says("north")))
		meet(e, ww, n)
		e.until(west, tunnel.Up, time.Second)
		e.until(north, tunnel.Up, time.Second)
		time.Sleep(time.Second)
		announced := make(chan error)
		go func() { announced <- ww.Drain(w.Context(), true) }()
		_, by, err := e.request(west, north)
		require.NoError(w, err)
		require.Equal(w, north, by)
		require.EqualValues(w, 1, ww.Stats().Refused[tunnel.Draining])
		require.NoError(w, <-announced)
	})
}

func TestDrainEndsWithItsContext(t *testing.T) {
	inWorld(t, func(w *world) {
		e, ww := w.start(east), w.start(west)
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		ww.host.Freeze()
		ctx, cancel := context.WithTimeout(w.Context(), 200*time.Millisecond)
		defer cancel()
		require.ErrorIs(w, e.Drain(ctx, true), context.DeadlineExceeded)
		ww.host.Thaw()
	})
}

func TestRunEndsWithAFarewell(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(5 * time.Millisecond))
		grace := func(cfg *tunnel.Config) { cfg.Grace = 10 * time.Second }
		e, ww := w.start(east), w.start(west, grace, serving(w, west, echo))
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		conn, _, err := e.Open(w.Context(), web, candidates(west))
		require.NoError(w, err)

		ended := make(chan error)
		go func() { ended <- ww.stop() }()
		time.Sleep(5 * time.Second)
		require.True(w, e.link(west).Draining)
		conn.Write([]byte("still"))
		_, err = io.ReadFull(conn, make([]byte, 5))
		require.NoError(w, err, "streams end in their own time")
		begin := time.Now()
		conn.Close()
		require.NoError(w, <-ended)
		require.Less(w, time.Since(begin), 100*time.Millisecond, "nothing is left to wait for")
		time.Sleep(10 * time.Millisecond)
		require.Equal(w, tunnel.Down, e.link(west).State)
		require.Equal(w, "farewell", e.link(west).Reason)
	})
}

func TestGraceEnds(t *testing.T) {
	inWorld(t, func(w *world) {
		grace := func(cfg *tunnel.Config) { cfg.Grace = 3 * time.Second }
		e, ww := w.start(east), w.start(west, grace, serving(w, west, echo))
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		conn, _, err := e.Open(w.Context(), web, candidates(west))
		require.NoError(w, err)
		begin := time.Now()
		require.NoError(w, ww.stop())
		require.InDelta(w, 3, time.Since(begin).Seconds(), 0.1)
		_, err = conn.Read(make([]byte, 1))
		require.Error(w, err)
		require.NotErrorIs(w, err, io.EOF)
	})
}

func TestRunReturnsWhenTheSocketFails(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.start(east)
		e.host.Kill()
		time.Sleep(time.Millisecond)
		require.ErrorContains(w, e.stop(), "10.0.0.1:7946")
	})
}
