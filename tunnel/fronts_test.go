package tunnel_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

var (
	vip      = netip.MustParseAddrPort("127.80.0.1:80")
	otherVIP = netip.MustParseAddrPort("127.80.0.2:80")
)

// fronted runs fronts on a gateway's host, which route to the given gateways.
func fronted(g *gateway, grace time.Duration, route ...registry.Gateway) (f *tunnel.Fronts, stop func() error) {
	f, err := tunnel.NewFronts(tunnel.FrontsConfig{
		Listen: g.host.Listen, ListenPacket: g.host.ListenPacket, Open: g.Open, Grace: grace,
		Route: func(tunnel.Target) []registry.Candidate { return candidates(route...) },
	})
	require.NoError(g.w, err)
	ctx, cancel := context.WithCancel(g.w.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	g.w.Cleanup(func() { stop() })
	synctest.Wait()
	return f, stop
}

// frontsOf puts a target at some addresses.
func frontsOf(t tunnel.Target, at ...netip.AddrPort) (fronts []registry.Front) {
	for _, addr := range at {
		fronts = append(fronts, registry.Front{Name: t.Name, Port: registry.PortNumber{Port: t.Port, Protocol: t.Protocol}, Listen: addr})
	}
	return fronts
}

func (g *gateway) dial(to netip.AddrPort) net.Conn {
	g.w.Helper()
	conn, err := g.host.Dial(g.w.Context(), to)
	require.NoError(g.w, err)
	g.w.Cleanup(func() { conn.Close() })
	synctest.Wait() // it is accepted
	return conn
}

func TestFrontsCarryConnections(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(5 * time.Millisecond))
		targets := make(chan tunnel.Target, 1)
		e, ww := w.start(east), w.start(west, serving(w, west, echo), func(cfg *tunnel.Config) {
			serves := cfg.Backends
			cfg.Backends = spying{serves, targets}
		})
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		f, _ := fronted(e, 0, west)
		require.NoError(w, setFronts(f, frontsOf(web, vip)))

		conn := e.dial(vip)
		conn.Write([]byte("hello"))
		conn.(interface{ CloseWrite() error }).CloseWrite()
		answer, err := io.ReadAll(conn)
		require.NoError(w, err)
		require.Equal(w, "hello", string(answer))
		target := <-targets
		require.Equal(w, conn.LocalAddr().String(), target.Caller.String(), "the endpoint's gateway hears who calls")
		require.Equal(w, web.Name.Service, target.Name.Service)
	})
}

type spying struct {
	serves  tunnel.Backends
	targets chan tunnel.Target
}

func (s spying) Backends(caller registry.Cluster, t tunnel.Target) ([]netip.AddrPort, error) {
	s.targets <- t
	return s.serves.Backends(caller, t)
}

func TestFrontsAreReplaced(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.start(east, serving(w, east, echo))
		f, _ := fronted(e, 0, east)
		require.NoError(w, setFronts(f, frontsOf(web, vip)))
		conn := e.dial(vip)

		require.NoError(w, setFronts(f, frontsOf(web, otherVIP)))
		_, err := e.host.Dial(w.Context(), vip)
		require.Error(w, err)
		e.dial(otherVIP)
		conn.Write([]byte("still"))
		_, err = io.ReadFull(conn, make([]byte, 5))
		require.NoError(w, err, "what is open goes on")

		taken := netip.MustParseAddrPort("127.80.0.9:80")
		w.listen(east, taken, echo)
		err = setFronts(f, frontsOf(web, otherVIP, taken, vip))
		require.ErrorContains(w, err, "127.80.0.9:80 for web.shop")
		e.dial(vip)
		e.dial(otherVIP)
	})
}

func TestFrontsResetWhatTheyCannotCarry(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.start(east)
		f, _ := fronted(e, 0, west)
		require.NoError(w, setFronts(f, frontsOf(web, vip)))
		conn := e.dial(vip)
		begin := time.Now()
		_, err := conn.Read(make([]byte, 1))
		require.Error(w, err)
		require.NotErrorIs(w, err, io.EOF, "a reset, and not an empty answer")
		require.Zero(w, time.Since(begin))
	})
}

// When the cluster at the other end dies, the application hears of it in well under a second, and its next connection is
// carried elsewhere.
func TestFrontsResetWhatDies(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(5 * time.Millisecond))
		e, ww, n := w.start(east), w.start(west, serving(w, west, echo)), w.start(north, serving(w, north, says("north")))
		meet(e, ww, n)
		e.until(west, tunnel.Up, time.Second)
		e.until(north, tunnel.Up, time.Second)
		f, _ := fronted(e, 0, west, north)
		require.NoError(w, setFronts(f, frontsOf(web, vip)))
		conn := e.dial(vip)
		conn.Write([]byte("hello"))
		_, err := io.ReadFull(conn, make([]byte, 5))
		require.NoError(w, err)
		time.Sleep(10 * time.Second)

		ww.host.Kill()
		begin := time.Now()
		next := e.dial(vip)
		answer, err := io.ReadAll(next)
		require.NoError(w, err)
		require.Equal(w, "north", string(answer))
		require.Less(w, time.Since(begin), 100*time.Millisecond)
		_, err = conn.Read(make([]byte, 1))
		require.Error(w, err)
		require.NotErrorIs(w, err, io.EOF)
		require.Less(w, time.Since(begin), 700*time.Millisecond)
	})
}

func TestFrontsEndWithinTheirGrace(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.start(east, serving(w, east, echo))
		f, stop := fronted(e, 3*time.Second, east)
		require.NoError(w, setFronts(f, frontsOf(web, vip)))
		conn := e.dial(vip)
		conn.Write([]byte("x"))
		_, err := conn.Read(make([]byte, 1))
		require.NoError(w, err)
		begin := time.Now()
		require.NoError(w, stop())
		require.Equal(w, 3*time.Second, time.Since(begin))
		_, err = conn.Read(make([]byte, 1))
		require.Error(w, err)
		require.ErrorIs(w, setFronts(f, nil), net.ErrClosed)
	})
}

func setFronts(f *tunnel.Fronts, fronts []registry.Front) error {
	_, err := f.Set(fronts)
	return err
}
