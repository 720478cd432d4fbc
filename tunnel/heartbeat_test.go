package tunnel_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// inUse starts two gateways whose link is used all the time, and warm.
func inUse(w *world, weather chaos.Weather) (e, ww *gateway) {
	w.network.SetWeather(weather)
	e, ww = w.start(east), w.start(west, serving(w, west, echo))
	meet(e, ww)
	e.until(west, tunnel.Up, 10*time.Second)
	for {
		if conn, _, err := e.Open(w.Context(), web, candidates(west)); err == nil {
			w.Cleanup(func() { conn.Close() })
			break
		}
	}
	time.Sleep(20 * time.Second)
	e.forgetChanges()
	ww.forgetChanges()
	return e, ww
}

func TestKilledPeerIsSuspectThenDown(t *testing.T) {
	for name, c := range map[string]struct {
		weather       chaos.Weather
		suspect, down time.Duration
	}{
		// Three beats and the margin, and not some time later, when our own next beat is due.
		"1 ms":   {delayed(500 * time.Microsecond), 170 * time.Millisecond, 600 * time.Millisecond},
		"250 ms": {hostile, 800 * time.Millisecond, 2500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				e, ww := inUse(w, c.weather)
				ww.host.Kill()
				suspect := e.until(west, tunnel.Suspect, c.suspect)
				down := suspect + e.until(west, tunnel.Down, c.down)
				w.Log("suspect after", suspect, "down after", down)
				require.GreaterOrEqual(w, down, 450*time.Millisecond, "a busy machine stalls for 300 ms")
				require.LessOrEqual(w, down, c.down)
				require.Equal(w, []string{"suspect heartbeat", "down heartbeat"}, e.changes(west))
			})
		})
	}
}

// The first beat comes with the connection, so that a peer which dies at once is missed.
func TestPeerThatDiesAtOnceIsMissed(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(500 * time.Microsecond))
		e, ww := w.start(east), w.start(west)
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		time.Sleep(20 * time.Millisecond)
		ww.host.Kill()
		require.LessOrEqual(w, e.until(west, tunnel.Down, 3*time.Second), 2*time.Second)
	})
}

func TestStoppedPeerComesBack(t *testing.T) {
	inWorld(t, func(w *world) {
		e, ww := inUse(w, delayed(time.Millisecond))
		ww.host.Freeze()
		e.until(west, tunnel.Down, time.Second)
		time.Sleep(time.Second)
		ww.host.Thaw()
		require.Less(w, e.until(west, tunnel.Up, time.Second), 500*time.Millisecond)
		ww.until(east, tunnel.Up, time.Second)
	})
}

func TestEachDirectionCutIsNoticedByBoth(t *testing.T) {
	calm := delayed(10 * time.Millisecond)
	for name, cut := range map[string]chaos.Weather{
		"towards": chaos.CutOneWay(host(east), host(west)),
		"from":    chaos.CutOneWay(host(west), host(east)),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				e, ww := inUse(w, calm)
				w.network.SetWeather(chaos.Over(calm, cut))
				suspect := max(e.until(west, tunnel.Suspect, time.Second), ww.until(east, tunnel.Suspect, time.Second))
				down := suspect + max(e.until(west, tunnel.Down, time.Second), ww.until(east, tunnel.Down, time.Second))
				w.Log("suspect after", suspect, "down after", down)
				require.Less(w, suspect, 250*time.Millisecond)
				require.Less(w, down, 700*time.Millisecond)
				time.Sleep(20 * time.Second)
				require.Equal(w, tunnel.Down, e.link(west).State)
				require.Equal(w, tunnel.Down, ww.link(east).State)
				w.network.SetWeather(calm)
				e.until(west, tunnel.Up, healing)
				ww.until(east, tunnel.Up, healing)
			})
		})
	}
}

// Without loss nothing is ever suspected. With loss a suspicion is allowed for once in many hours (the detector's own test
// counts them, with a fixed seed), and two in these minutes are one too many.
func TestHealthyLinkIsNotSuspected(t *testing.T) {
	for name, c := range map[string]struct {
		weather chaos.Weather
		most    int
	}{
		"250 ms and 5 % loss":  {hostile, 1},
		"30 ms and 20 % loss":  {chaos.Uniform(chaos.Conditions{Delay: 15 * time.Millisecond, Jitter: 3 * time.Millisecond, Loss: 0.2}), 1},
		"1 ms and no loss":     {delayed(500 * time.Microsecond), 0},
		"reordered, duplicate": {chaos.Uniform(chaos.Conditions{Delay: 20 * time.Millisecond, Jitter: 40 * time.Millisecond, Reorder: 0.2, Duplicate: 0.2}), 0},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				e, ww := inUse(w, c.weather)
				time.Sleep(4 * time.Minute)
				for _, changes := range [][]string{e.changes(west), ww.changes(east)} {
					require.NotContains(w, changes, "down heartbeat")
					require.LessOrEqual(w, len(changes), 2*c.most, "%v", changes)
				}
			})
		})
	}
}

// A link that isn't used any more beats more slowly, and says so before it does. On a bad WAN the saying gets lost too.
func TestLinkFallsIdleUnnoticed(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(hostile)
		e, ww := w.start(east), w.start(west)
		meet(e, ww)
		e.until(west, tunnel.Up, 10*time.Second)
		for range 10 {
			e.request(west) // refused, but a use all the same
			time.Sleep(20 * time.Second)
		}
		require.NotContains(w, e.changes(west), "down heartbeat")
		require.NotContains(w, ww.changes(east), "down heartbeat")
		require.LessOrEqual(w, len(e.changes(west)), 3, "%v", e.changes(west))
	})
}

func TestIdleLinkIsJudgedQuicklyOnceItIsUsed(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(200 * time.Millisecond))
		// A last beat that promises the next one for much later may be under way, or not.
		for phase := range 5 {
			e, ww := w.start(east), w.start(west)
			meet(e, ww)
			e.until(west, tunnel.Up, 2*time.Second)
			time.Sleep(time.Minute + time.Duration(phase)*200*time.Millisecond)
			ww.host.Kill()
			begin := time.Now()
			_, _, err := e.request(west)
			require.Error(w, err)
			require.Less(w, time.Since(begin), 1500*time.Millisecond)
			require.Equal(w, tunnel.Down, e.link(west).State)
			e.stop()
			e.host.Kill()
		}
	})
}

func TestIdleLinkIsQuiet(t *testing.T) {
	inWorld(t, func(w *world) {
		e, ww := w.start(east), w.start(west)
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		time.Sleep(time.Minute)
		before := w.network.Counts().Sent
		time.Sleep(time.Minute)
		perSecond := (w.network.Counts().Sent - before) / 60
		w.Log(perSecond, "packets per second, both directions")
		require.LessOrEqual(w, perSecond, uint64(6))
	})
}

func TestPingMeasuresTheRoundTrip(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(40 * time.Millisecond))
		e, ww := w.start(east), w.start(west)
		meet(e, ww)
		e.until(west, tunnel.Up, 10*time.Second)
		for range 20 {
			rtt, err := e.Ping(w.Context(), west)
			require.NoError(w, err)
			require.InDelta(w, 80, rtt.Seconds()*1000, 1)
		}
		require.InDelta(w, 80, e.link(west).RTT.Seconds()*1000, 1)
		w.network.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 40 * time.Millisecond, Loss: 0.3}))
		time.Sleep(time.Minute)
		begin := time.Now()
		for range 20 {
			_, err := e.Ping(w.Context(), west)
			require.NoError(w, err)
		}
		require.Less(w, time.Since(begin), 8*time.Second, "it asks again rather than wait for a beat of each second")
		ww.stop()
		_, err := e.Ping(w.Context(), west)
		require.ErrorIs(w, err, tunnel.ErrNoLink)
	})
}
