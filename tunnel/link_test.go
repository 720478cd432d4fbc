package tunnel_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

func delayed(oneWay time.Duration) chaos.Weather {
	return chaos.Uniform(chaos.Conditions{Delay: oneWay})
}

// hostile is a bad WAN: 250 ms RTT with jitter, and 5 % of the packets lost.
var hostile = chaos.Uniform(chaos.Conditions{Delay: 115 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.05})

func TestCrossingDialsEndAsOneConnection(t *testing.T) {
	for name, weather := range map[string]chaos.Weather{"LAN": chaos.Calm, "30 ms": delayed(15 * time.Millisecond), "WAN": hostile} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.network.SetWeather(weather)
				e, ww := w.start(east), w.start(west)
				meet(e, ww) // in the same instant: both dial
				e.until(west, tunnel.Up, 10*time.Second)
				ww.until(east, tunnel.Up, 10*time.Second)
				time.Sleep(15 * time.Second)
				for _, g := range []*gateway{e, ww} {
					other := map[*gateway]registry.Gateway{e: west, ww: east}[g]
					control, data := g.Connections(other)
					require.Equal(w, 1, control, "control connections of %s", g.id)
					require.LessOrEqual(w, data, 2, "data connections of %s", g.id)
					require.Equal(w, []string{"up connected"}, g.changes(other), "of %s", g.id)
				}
			})
		})
	}
}

func TestRestartOnTheSameAddress(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(5 * time.Millisecond))
		e, ww := w.start(east), w.start(west)
		e.learn(ww)
		e.until(west, tunnel.Up, time.Second)
		time.Sleep(20 * time.Second) // until beats are rare

		ww.host.Kill()
		ww.stop()
		w.start(west) // it doesn't know east: it is east's dead connection that has to be noticed
		begin := time.Now()
		for e.link(west).Instance != 3 {
			require.Less(w, time.Since(begin), 1500*time.Millisecond, "%+v", e.changes(west))
			time.Sleep(time.Millisecond)
		}
		require.Equal(w, []string{"up connected", "down restarted", "up connected"}, e.changes(west))
	})
}

// Its reset key is lost with the disk, so it is the new instance's own dialling that tells.
func TestRestartWithoutItsResetKey(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(5 * time.Millisecond))
		e, ww := w.start(east), w.start(west)
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		time.Sleep(20 * time.Second)
		e.forgetChanges()
		ww.host.Kill()
		ww.stop()
		again := w.start(west, func(cfg *tunnel.Config) { cfg.ResetKey = [32]byte{99} })
		again.learn(e)
		again.until(east, tunnel.Up, 100*time.Millisecond)
		time.Sleep(100 * time.Millisecond)
		require.Equal(w, []string{"down restarted", "up connected"}, e.changes(west))
		require.EqualValues(w, 3, e.link(west).Instance)
		control, data := e.Connections(west)
		require.Equal(w, 1, control)
		require.Equal(w, 1, data)
	})
}

func TestPeerThatCannotBeDialledIsReachedOverItsOwnConnections(t *testing.T) {
	inWorld(t, func(w *world) {
		e, ww := w.start(east, serving(w, east, says("east"))), w.start(west, serving(w, west, says("west")))
		ww.learn(e) // west is behind a NAT, say: nobody was told where it is
		ww.until(east, tunnel.Up, time.Second)
		e.until(west, tunnel.Up, time.Second)
		answer, by, err := e.request(west)
		require.NoError(w, err)
		require.Equal(w, "west", answer)
		require.Equal(w, west, by)
		answer, _, err = ww.request(east)
		require.NoError(w, err)
		require.Equal(w, "east", answer)
	})
}

func TestReconnectionAfterPartition(t *testing.T) {
	for _, outage := range []time.Duration{2 * time.Second, 25 * time.Second, time.Hour} {
		t.Run(outage.String(), func(t *testing.T) {
			inWorld(t, func(w *world) {
				calm := delayed(15 * time.Millisecond)
				w.network.SetWeather(calm)
				e, ww := w.start(east), w.start(west)
				meet(e, ww)
				e.until(west, tunnel.Up, time.Second)
				time.Sleep(15 * time.Second)
				w.network.SetWeather(chaos.Over(calm, chaos.Cut(host(east), host(west))))
				e.until(west, tunnel.Down, 10*time.Second)
				time.Sleep(outage)
				w.network.SetWeather(calm)
				took := max(e.until(west, tunnel.Up, healing), ww.until(east, tunnel.Up, healing))
				w.Log("healed after", took)
				time.Sleep(10 * time.Second)
				control, _ := e.Connections(west)
				require.Equal(w, 1, control)
			})
		})
	}
}

// After a long partition the first gateway that is found again is news to all others, so they don't wait out their
// back-off.
func TestPartitionHealsEverywhereSoon(t *testing.T) {
	inWorld(t, func(w *world) {
		calm := delayed(15 * time.Millisecond)
		w.network.SetWeather(calm)
		all := []*gateway{w.start(east), w.start(east1), w.start(west), w.start(west1), w.start(north)}
		meet(all...)
		time.Sleep(10 * time.Second)
		one, other := []netip.Addr{host(east), host(east1)}, []netip.Addr{host(west), host(west1), host(north)}
		w.network.SetWeather(chaos.Over(calm, chaos.Partition(one, other)))
		time.Sleep(3 * time.Minute)
		w.network.SetWeather(calm)
		begin := time.Now()
		e, e1 := all[0], all[1]
		up := func(g *gateway) (n int) {
			for _, o := range all[2:] {
				if g.link(o.id).State == tunnel.Up {
					n++
				}
			}
			return n
		}
		var first time.Time
		for up(e)+up(e1) < 6 {
			if first.IsZero() && up(e)+up(e1) > 0 {
				first = time.Now()
			}
			require.Less(w, time.Since(begin), healing)
			time.Sleep(time.Millisecond)
		}
		w.Log("the first after", first.Sub(begin), "all after", time.Since(begin))
		require.Less(w, time.Since(first), 1800*time.Millisecond)
	})
}

func TestAddressesAreReplaced(t *testing.T) {
	inWorld(t, func(w *world) {
		e, ww := w.start(east), w.start(west)
		e.Learn(west, []netip.AddrPort{netip.MustParseAddrPort("10.0.0.99:7946")}) // nobody is there
		time.Sleep(time.Minute)
		require.Equal(w, tunnel.Down, e.link(west).State)
		require.Equal(w, "cannot dial: timeout", e.link(west).Reason)
		e.Learn(west, []netip.AddrPort{netip.MustParseAddrPort("10.0.0.99:7946"), addr(west)})
		e.until(west, tunnel.Up, 100*time.Millisecond)
		w.start(north)
		e.Learn(north, []netip.AddrPort{netip.MustParseAddrPort("10.0.0.99:7946")})
		time.Sleep(time.Second)
		e.Learn(north, []netip.AddrPort{addr(north)})
		e.until(north, tunnel.Up, 100*time.Millisecond) // though the first dialling hasn't ended
		e.Forget(north)
		e.Forget(west)
		time.Sleep(time.Second)
		require.Equal(w, tunnel.Up, e.link(west).State, "forgotten means not dialled, and not cut")
		ww.stop()
		time.Sleep(time.Second)
		require.Len(w, e.Links(), 1, "and then there is nothing to remember")
	})
}

func TestConnectLearnsWhoIsThere(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(10 * time.Millisecond))
		e, ww := w.start(east), w.start(west)
		ctx := w.Context()
		g, err := e.Connect(ctx, addr(west))
		require.NoError(w, err)
		require.Equal(w, west, g)
		require.Equal(w, tunnel.Up, e.link(west).State)
		require.Equal(w, tunnel.Up, ww.link(east).State)

		begin := time.Now()
		g, err = e.Connect(ctx, addr(west))
		require.NoError(w, err)
		require.Equal(w, west, g)
		require.Zero(w, time.Since(begin), "it is connected already")

		_, err = e.Connect(ctx, addr(east))
		require.ErrorIs(w, err, tunnel.ErrSelf)

		short, cancel := context.WithTimeout(ctx, 15*time.Millisecond)
		defer cancel()
		n := w.start(north)
		_, err = e.Connect(short, addr(north))
		require.ErrorIs(w, err, context.DeadlineExceeded)
		time.Sleep(100 * time.Millisecond)
		require.Equal(w, tunnel.Up, n.link(east).State, "the dialling went on")
	})
}

func TestTwinIsRecognised(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.start(east)
		twin := w.prepare(east, func(cfg *tunnel.Config) {
			conn, err := w.network.Host(netip.MustParseAddr("10.0.0.77")).ListenPacket(netip.MustParseAddrPort("10.0.0.77:7946"))
			require.NoError(w, err)
			cfg.Conn = conn
		})
		twin.run()
		_, err := e.Connect(w.Context(), netip.MustParseAddrPort("10.0.0.77:7946"))
		require.ErrorIs(w, err, tunnel.ErrTwin)
	})
}
