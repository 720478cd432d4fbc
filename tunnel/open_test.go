package tunnel_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

func TestStreamIsCarriedWithHalfClose(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(10 * time.Millisecond))
		// The server answers only when its client has said everything.
		server := func(conn net.Conn) {
			defer conn.Close()
			said, _ := io.ReadAll(conn)
			conn.Write(bytes.ToUpper(said))
		}
		e, ww := w.start(east), w.start(west, serving(w, west, server))
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		time.Sleep(100 * time.Millisecond)

		begin := time.Now()
		conn, by, err := e.Open(w.Context(), web, candidates(west))
		require.NoError(w, err)
		require.Equal(w, west, by)
		require.Less(w, time.Since(begin), 30*time.Millisecond, "one round trip, and no handshake")
		text := bytes.Repeat([]byte("grapevine "), 100_000)
		go func() {
			conn.Write(text)
			conn.(interface{ CloseWrite() error }).CloseWrite()
		}()
		answer, err := io.ReadAll(conn)
		require.NoError(w, err)
		require.Equal(w, bytes.ToUpper(text), answer)
		conn.Close()
		time.Sleep(time.Second)
		require.Zero(w, e.link(west).Streams)
		require.Zero(w, ww.link(east).Streams)
	})
}

func TestResetIsCarried(t *testing.T) {
	inWorld(t, func(w *world) {
		serverSaw := make(chan error, 1)
		server := func(conn net.Conn) {
			_, err := io.Copy(io.Discard, conn)
			serverSaw <- err
			conn.Close()
		}
		e, ww := w.start(east), w.start(west, serving(w, west, server))
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		conn, _, err := e.Open(w.Context(), web, candidates(west))
		require.NoError(w, err)
		conn.Write([]byte("half a tran"))
		time.Sleep(time.Second)
		conn.(interface{ Reset() }).Reset()
		require.Error(w, <-serverSaw, "a broken transfer must not look like a whole one")
	})
}

func TestLocalCandidateIsDialledDirectly(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.start(east, serving(w, east, says("here")))
		answer, by, err := e.request(east)
		require.NoError(w, err)
		require.Equal(w, "here", answer)
		require.Equal(w, east, by)
	})
}

func TestRefusalTriesTheNext(t *testing.T) {
	refusing := func(refusal error) setup {
		return func(cfg *tunnel.Config) { cfg.Backends = refuser{refusal} }
	}
	nobody := func(cfg *tunnel.Config) {
		cfg.Backends = backends{web.Name.Service: {netip.MustParseAddrPort("127.0.0.1:9999")}}
	}
	cases := map[tunnel.Refusal]setup{
		tunnel.NotExported: refusing(tunnel.NotExported),
		tunnel.NotAllowed:  refusing(tunnel.NotAllowed),
		tunnel.NoEndpoint:  func(cfg *tunnel.Config) { cfg.Backends = backends{web.Name.Service: nil} },
		tunnel.DialFailed:  nobody,
		tunnel.Overloaded:  refusing(tunnel.Overloaded),
	}
	for refusal, refuse := range cases {
		t.Run(string(refusal), func(t *testing.T) {
			inWorld(t, func(w *world) {
				e, ww, n := w.start(east), w.start(west, refuse), w.start(north, serving(w, north, says("north")))
				meet(e, ww, n)
				e.until(west, tunnel.Up, time.Second)
				e.until(north, tunnel.Up, time.Second)
				answer, by, err := e.request(west, north)
				require.NoError(w, err)
				require.Equal(w, "north", answer)
				require.Equal(w, north, by)
				require.Equal(w, uint64(1), ww.Stats().Refused[refusal])
				require.Zero(w, e.Stats().Hedged)

				_, _, err = e.request(west)
				require.ErrorIs(w, err, tunnel.ErrNoRoute)
				require.Equal(w, refusal, refusalOf(err))
			})
		})
	}
}

type refuser struct{ err error }

func (r refuser) Backends(registry.Cluster, tunnel.Target) ([]netip.AddrPort, error) {
	return nil, r.err
}

func TestBackendsHearWhoCalls(t *testing.T) {
	inWorld(t, func(w *world) {
		heard := make(chan tunnel.Target, 1)
		callers := make(chan registry.Cluster, 1)
		spy := spy(func(caller registry.Cluster, target tunnel.Target) error {
			callers <- caller
			heard <- target
			return tunnel.NotAllowed
		})
		e, ww := w.start(east), w.start(west, func(cfg *tunnel.Config) { cfg.Backends = spy })
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		_, _, err := e.request(west)
		require.Equal(w, tunnel.NotAllowed, refusalOf(err))
		require.Equal(w, web, <-heard)
		require.Equal(w, registry.Cluster("east"), <-callers, "from the certificate, whatever the header says")
	})
}

type spy func(registry.Cluster, tunnel.Target) error

func (s spy) Backends(caller registry.Cluster, t tunnel.Target) ([]netip.AddrPort, error) {
	return nil, s(caller, t)
}

func TestNextEndpointIsTriedWhenOneRefuses(t *testing.T) {
	inWorld(t, func(w *world) {
		good := netip.MustParseAddrPort("127.0.0.1:9001")
		w.listen(west, good, says("second"))
		e, ww := w.start(east), w.start(west, func(cfg *tunnel.Config) {
			cfg.Backends = backends{web.Name.Service: {netip.MustParseAddrPort("127.0.0.1:9000"), good}}
		})
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		answer, _, err := e.request(west)
		require.NoError(w, err)
		require.Equal(w, "second", answer)
	})
}

// A whole cluster, two gateways of it, dies without a word; the caller's links are still up. Every request that begins
// from then on has to be answered soon by the other cluster, and the application's bytes go to that one alone.
func TestDeadClusterCostsOneHedgeDelay(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(time.Millisecond))
		var seen atomic.Int64 // bytes that reached any endpoint
		counting := func(name string) func(net.Conn) {
			return func(conn net.Conn) {
				defer conn.Close()
				n, _ := io.Copy(io.Discard, conn)
				seen.Add(n)
				io.WriteString(conn, name)
			}
		}
		e := w.start(east)
		w0, w1 := w.start(west, serving(w, west, counting("west"))), w.start(west1, serving(w, west1, counting("west")))
		n := w.start(north, serving(w, north, counting("north")))
		meet(e, w0, w1, n)
		for _, g := range []registry.Gateway{west, west1, north} {
			e.until(g, tunnel.Up, time.Second)
		}
		ask := func() time.Duration {
			begin := time.Now()
			conn, _, err := e.Open(w.Context(), web, candidates(west, west1, north))
			require.NoError(w, err)
			took := time.Since(begin)
			conn.Write([]byte("GET"))
			conn.(interface{ CloseWrite() error }).CloseWrite()
			_, err = io.ReadAll(conn)
			require.NoError(w, err)
			conn.Close()
			return took
		}
		for range 50 {
			require.Less(w, ask(), 5*time.Millisecond)
		}
		require.EqualValues(w, 150, seen.Load())
		require.Zero(w, e.Stats().Hedged)
		time.Sleep(5 * time.Second)

		w0.host.Kill()
		w1.host.Kill()
		var longest time.Duration
		var requests int64
		for begin := time.Now(); time.Since(begin) < 200*time.Millisecond; requests++ {
			longest = max(longest, ask())
			time.Sleep(5 * time.Millisecond)
		}
		w.Log(requests, "requests, longest", longest, "hedged", e.Stats().Hedged)
		require.Less(w, longest, 25*time.Millisecond)
		require.EqualValues(w, 150+3*requests, seen.Load(), "no byte was sent twice")
		require.Equal(w, tunnel.Suspect, e.link(west).State)
		require.Equal(w, tunnel.Suspect, e.link(west1).State)
		hedged := e.Stats().Hedged
		ask()
		require.Equal(w, hedged, e.Stats().Hedged, "suspect gateways are not asked while another is up")
	})
}

// Two of three clusters are dead, and the third answers: a hedge delay for each.
func TestDeadClustersCostAHedgeDelayEach(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(time.Millisecond))
		e := w.start(east)
		w0, w1, n := w.start(west), w.start(west1), w.start(north)
		e1 := w.start(east1, serving(w, east1, says("east")))
		meet(e, w0, w1, n, e1)
		for _, g := range []*gateway{w0, w1, n, e1} {
			e.until(g.id, tunnel.Up, time.Second)
		}
		time.Sleep(5 * time.Second)
		w0.host.Kill()
		w1.host.Kill()
		n.host.Kill()
		begin := time.Now()
		answer, by, err := e.request(west, west1, north, east1)
		require.NoError(w, err)
		require.Equal(w, "east", answer)
		require.Equal(w, east1, by)
		require.Less(w, time.Since(begin), 40*time.Millisecond)
		require.EqualValues(w, 2, e.Stats().Hedged)
	})
}

// The connection under a stream that is being opened ends, as one does that is replaced. Nothing was sent on it yet, so it
// is opened again on another.
func TestOpeningOutlivesItsConnection(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(5 * time.Millisecond))
		slow := func(cfg *tunnel.Config) {
			dial := cfg.DialBackend
			cfg.DialBackend = func(ctx context.Context, protocol registry.Protocol, addr netip.AddrPort) (net.Conn, error) {
				time.Sleep(100 * time.Millisecond)
				return dial(ctx, protocol, addr)
			}
		}
		e, ww := w.start(east), w.start(west, serving(w, west, says("west")), slow)
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		time.Sleep(10 * time.Second)
		time.AfterFunc(50*time.Millisecond, func() { ww.CloseData(east) })
		answer, _, err := e.request(west)
		require.NoError(w, err)
		require.Equal(w, "west", answer)
		require.Equal(w, []string{"up connected"}, e.changes(west))
	})
}

// A cluster whose endpoints take long to answer is slow and not dead. After a few requests that is known, and it is given
// the time.
func TestSlowIsNotDead(t *testing.T) {
	inWorld(t, func(w *world) {
		slow := func(cfg *tunnel.Config) {
			dial := cfg.DialBackend
			cfg.DialBackend = func(ctx context.Context, protocol registry.Protocol, addr netip.AddrPort) (net.Conn, error) {
				time.Sleep(100 * time.Millisecond)
				return dial(ctx, protocol, addr)
			}
		}
		w.network.SetWeather(delayed(time.Millisecond))
		e, ww := w.start(east), w.start(west, serving(w, west, says("west")), slow)
		n := w.start(north, serving(w, north, says("north")))
		meet(e, ww, n)
		e.until(west, tunnel.Up, time.Second)
		e.until(north, tunnel.Up, time.Second)
		_, by, err := e.request(west, north)
		require.NoError(w, err)
		require.Equal(w, north, by)
		time.Sleep(time.Second)
		for range 10 {
			_, by, err = e.request(west, north)
			require.NoError(w, err)
			require.Equal(w, west, by)
		}
		require.EqualValues(w, 1, e.Stats().Hedged)
	})
}

func TestSilentEndpointIsHedgedToo(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.start(east, func(cfg *tunnel.Config) {
			cfg.Backends = backends{web.Name.Service: {netip.MustParseAddrPort("10.0.0.200:80")}}
			cfg.DialBackend = func(ctx context.Context, _ registry.Protocol, _ netip.AddrPort) (net.Conn, error) {
				<-ctx.Done() // as an address that nobody has
				return nil, ctx.Err()
			}
		})
		ww := w.start(west, serving(w, west, says("west")))
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		begin := time.Now()
		answer, _, err := e.request(east, west)
		require.NoError(w, err)
		require.Equal(w, "west", answer)
		require.Less(w, time.Since(begin), 30*time.Millisecond)
	})
}

func TestOpenFailsAtOnceWhereNobodyIsLeft(t *testing.T) {
	inWorld(t, func(w *world) {
		e, ww := w.start(east), w.start(west)
		meet(e, ww)
		begin := time.Now()
		_, _, err := e.request()
		require.ErrorIs(w, err, tunnel.ErrNoRoute)
		_, _, err = e.request(north)
		require.ErrorIs(w, err, tunnel.ErrNoRoute)
		require.Zero(w, time.Since(begin))

		e.until(west, tunnel.Up, time.Second)
		time.Sleep(5 * time.Second)
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		ww.host.Freeze()
		defer ww.host.Thaw()
		begin = time.Now()
		_, _, err = e.Open(ctx, web, candidates(west))
		require.Error(w, err)
		require.Less(w, time.Since(begin), 600*time.Millisecond, "the link went down, and the stream with it")
	})
}

func TestStreamsOfADownLinkAreReset(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(time.Millisecond))
		backendSaw := make(chan error, 1)
		server := func(conn net.Conn) {
			_, err := io.Copy(io.Discard, conn)
			backendSaw <- err
			conn.Close()
		}
		e, ww := w.start(east), w.start(west, serving(w, west, server))
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		time.Sleep(20 * time.Second)
		conn, _, err := e.Open(w.Context(), web, candidates(west))
		require.NoError(w, err)
		e.host.Freeze()
		begin := time.Now()
		require.Error(w, <-backendSaw)
		require.Less(w, time.Since(begin), 700*time.Millisecond)
		e.host.Thaw()
		_, err = conn.Read(make([]byte, 1))
		require.Error(w, err)
		require.False(w, errors.Is(err, io.EOF), "an error, and not an end")
	})
}
