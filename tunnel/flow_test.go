package tunnel_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

var names = tunnel.Target{
	Name: registry.VIPName{Service: registry.ServiceName{Namespace: "kube", Name: "dns"}, Hostname: "dns-0"}, Port: 53, Protocol: registry.UDP,
	Caller: netip.MustParseAddrPort("10.9.9.9:1234"),
}

// udpEndpoint is where the endpoint of kube.dns is on each host.
var udpEndpoint = netip.MustParseAddrPort("127.0.0.1:5353")

// answering gives a gateway one endpoint of kube.dns, which answers each datagram with its name and the same.
func answering(w *world, id registry.Gateway, name string) setup {
	w.answer(id, udpEndpoint, name)
	return servingAt(udpEndpoint)
}

// servingAt gives a gateway these endpoints of kube.dns, whatever is there.
func servingAt(endpoints ...netip.AddrPort) setup {
	return func(cfg *tunnel.Config) { cfg.Backends = backends{names.Name.Service: endpoints} }
}

// answer runs a UDP server until the end of the test, or of what it returns. Without a name it answers with what came alone;
// "silent" never answers.
func (w *world) answer(id registry.Gateway, at netip.AddrPort, name string) (socket net.PacketConn) {
	w.Helper()
	socket, err := w.network.Host(host(id)).ListenPacket(at)
	require.NoError(w, err)
	var group sync.WaitGroup
	group.Go(func() {
		buffer := make([]byte, 1<<16)
		for {
			n, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			if name != "silent" {
				socket.WriteTo(append([]byte(name), buffer[:n]...), from)
			}
		}
	})
	w.Cleanup(func() {
		socket.Close()
		group.Wait()
	})
	return socket
}

// openFlow opens a flow to kube.dns, until the end of the test.
func (g *gateway) openFlow(gateways ...registry.Gateway) net.Conn {
	g.w.Helper()
	conn, _, err := g.Open(g.w.Context(), names, candidates(gateways...))
	require.NoError(g.w, err)
	g.w.Cleanup(func() { conn.Close() })
	return conn
}

// heard returns the next datagram, or what ended the waiting for it.
func heard(conn net.Conn, within time.Duration) string {
	conn.SetReadDeadline(time.Now().Add(within))
	buffer := make([]byte, 1<<16)
	n, err := conn.Read(buffer)
	if err != nil {
		return err.Error()
	}
	return string(buffer[:n])
}

func TestFlowCarriesDatagrams(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(10 * time.Millisecond))
		targets := make(chan tunnel.Target, 1)
		e, ww := w.start(east), w.start(west, answering(w, west, ""), func(cfg *tunnel.Config) {
			cfg.Backends = spying{cfg.Backends, targets}
		})
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		begin := time.Now()
		conn := e.openFlow(west)
		require.Less(w, time.Since(begin), 60*time.Millisecond)
		require.Equal(w, names, <-targets)
		for _, size := range []int{1, 0, 1200, 1232, 1300, 1500, 9000, 65507} {
			sent := bytes.Repeat([]byte{'d'}, size)
			n, err := conn.Write(sent)
			require.NoError(w, err)
			require.Equal(w, size, n)
			require.Equal(w, string(sent), heard(conn, time.Second), "%d bytes", size)
		}
		time.Sleep(15 * time.Second) // the patience with a message is for each
		_, err := conn.Write(make([]byte, 65508))
		require.Error(w, err)
		conn.SetReadDeadline(time.Now().Add(time.Second))
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(w, err, os.ErrDeadlineExceeded)
		conn.Write([]byte("more than fits"))
		conn.SetReadDeadline(time.Time{})
		short := make([]byte, 4)
		_, err = conn.Read(short)
		require.NoError(w, err)
		require.Equal(w, "more", string(short))

		require.Equal(w, 1, ww.Stats().Flows)
		require.EqualValues(w, 1, ww.Stats().FlowsAccepted)
		require.EqualValues(w, 1, e.Stats().FlowsOpened)
		require.NoError(w, conn.Close())
		_, err = conn.Write([]byte("x"))
		require.ErrorIs(w, err, net.ErrClosed)
		_, err = conn.Read(short)
		require.ErrorIs(w, err, net.ErrClosed)
		time.Sleep(time.Second)
		require.Zero(w, ww.Stats().Flows)
		require.Zero(w, e.link(west).Streams)
		require.Zero(w, ww.link(east).Streams)
	})
}

// Small datagrams get lost, as datagrams are, and large ones don't, since they travel on the stream. Nothing hangs for it.
func TestFlowOverALossyPath(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 20 * time.Millisecond, Jitter: 10 * time.Millisecond, Loss: 0.05}))
		e, ww := w.start(east), w.start(west, answering(w, west, ""))
		meet(e, ww)
		e.until(west, tunnel.Up, 10*time.Second)
		conn := e.openFlow(west)
		go func() {
			for i := range 400 {
				if i%10 == 0 {
					conn.Write(bytes.Repeat([]byte{'L'}, 5000))
				} else {
					conn.Write([]byte("small"))
				}
				time.Sleep(30 * time.Millisecond)
			}
		}()
		got := map[string]int{}
		for {
			answer := heard(conn, 10*time.Second)
			if answer != "small" && len(answer) != 5000 {
				break
			}
			got[answer[:1]]++
		}
		w.Log(got)
		require.Equal(w, 40, got["L"])
		require.Greater(w, got["s"], 280, "most of 360")
		require.Less(w, got["s"], 355, "the network lost some")
	})
}

// Nobody waits for a peer that takes nothing: not the flow, and not the flows beside it.
func TestFlowNeverWaits(t *testing.T) {
	inWorld(t, func(w *world) {
		e, ww := w.start(east), w.start(west, answering(w, west, ""))
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		conn := e.openFlow(west)
		ww.host.Freeze()
		begin := time.Now()
		for range 2000 {
			_, err := conn.Write(make([]byte, 1000))
			require.NoError(w, err)
			_, err = conn.Write(make([]byte, 60000))
			require.NoError(w, err)
		}
		synctest.Wait()
		require.Zero(w, time.Since(begin))
		require.Greater(w, e.Stats().DatagramsDropped, uint64(2500))
		e.until(west, tunnel.Down, 3*time.Second)
		_, err := conn.Read(make([]byte, 1))
		require.Error(w, err)
		ww.host.Thaw()
	})
}

// A datagram that is no flow's, or no datagram at all, is counted and harms nobody.
func TestStrayDatagrams(t *testing.T) {
	inWorld(t, func(w *world) {
		e, ww := w.start(east), w.start(west, answering(w, west, ""))
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		conn := e.openFlow(west)
		for i, odd := range []string{"", "\x40", "\xff\xff\xff\xff\xff\xff\xff\xffx", "\x3f stray", "\x80\x00\x00"} {
			require.NoError(w, e.SendDatagram(west, []byte(odd)))
			time.Sleep(time.Second)
			require.EqualValues(w, i+1, ww.Stats().DatagramsStray, "%q", odd)
		}
		conn.Write([]byte("still"))
		require.Equal(w, "still", heard(conn, time.Second))
		require.Equal(w, []string{"up connected"}, e.changes(west))
	})
}

// The gateway beside the client ends a flow. Where it forgets to, the other one does.
func TestForgottenFlowEnds(t *testing.T) {
	inWorld(t, func(w *world) {
		e, ww := w.start(east), w.start(west, answering(w, west, ""))
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		conn := e.openFlow(west)
		time.Sleep(time.Minute)
		conn.Write([]byte("x"))
		require.Equal(w, "x", heard(conn, time.Second))
		conn.SetReadDeadline(time.Time{})
		begin := time.Now()
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(w, err, io.EOF)
		require.Equal(w, 2*time.Minute, time.Since(begin))
		synctest.Wait()
		require.EqualValues(w, 1, ww.Stats().FlowsExpired)
		require.Zero(w, ww.Stats().Flows)
	})
}

func TestMessageThatStopsHalfwayEndsItsFlow(t *testing.T) {
	inWorld(t, func(w *world) {
		e, ww := w.start(east), w.start(west, answering(w, west, ""))
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		conn := e.openFlow(west)
		require.NoError(w, tunnel.WriteRaw(conn, []byte{0, 100, 'x'}))
		time.Sleep(9 * time.Second)
		require.Equal(w, 1, ww.Stats().Flows)
		time.Sleep(2 * time.Second)
		require.Zero(w, ww.Stats().Flows)
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(w, err, io.EOF)
	})
}

func TestFlowsAreBoundedPerPeer(t *testing.T) {
	inWorld(t, func(w *world) {
		limits := func(cfg *tunnel.Config) { cfg.Limits.Flows = 5 }
		e, n, ww := w.start(east), w.start(north), w.start(west, limits, answering(w, west, ""))
		meet(e, n, ww)
		e.until(west, tunnel.Up, time.Second)
		n.until(west, tunnel.Up, time.Second)
		var open []net.Conn
		for range 5 {
			open = append(open, e.openFlow(west))
		}
		_, _, err := e.Open(w.Context(), names, candidates(west))
		require.Equal(w, tunnel.Overloaded, refusalOf(err))
		n.openFlow(west) // others don't notice
		open[0].Close()
		time.Sleep(time.Second)
		e.openFlow(west)
	})
}

// An endpoint that nobody listens at takes nothing. The kernel says so only when a datagram was sent, and as long as nothing
// was answered the next one hears the same.
func TestFlowTriesTheNextEndpoint(t *testing.T) {
	dead := netip.MustParseAddrPort("127.0.0.1:9999")
	inWorld(t, func(w *world) {
		e := w.start(east, servingAt(dead, udpEndpoint))
		w.answer(east, udpEndpoint, "")
		ww := w.start(west, servingAt(dead, netip.MustParseAddrPort("127.0.0.1:9998"), udpEndpoint))
		w.answer(west, udpEndpoint, "")
		n := w.start(north, servingAt(dead))
		meet(e, ww, n)
		for _, to := range []registry.Gateway{east, west} {
			if to != east {
				e.until(to, tunnel.Up, time.Second)
			}
			conn := e.openFlow(to)
			for _, text := range []string{"one", "two", "three"} {
				conn.Write([]byte(text))
			}
			require.Equal(w, []string{"one", "two", "three"}, []string{heard(conn, time.Second), heard(conn, time.Second), heard(conn, time.Second)}, "%s", to)
		}

		e.until(north, tunnel.Up, time.Second)
		conn := e.openFlow(north)
		require.Equal(w, "i/o timeout", heard(conn, time.Second), "nothing was sent")
		conn.SetReadDeadline(time.Time{})
		conn.Write([]byte("anybody?"))
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(w, err, tunnel.DialFailed, "there is no other endpoint")
	})
}

// An endpoint that goes away after it has answered ends the flow: another one knows nothing of what was said.
func TestFlowEndsWithItsEndpoint(t *testing.T) {
	inWorld(t, func(w *world) {
		second := netip.MustParseAddrPort("127.0.0.1:5354")
		e, ww := w.start(east), w.start(west, servingAt(udpEndpoint, second))
		server := w.answer(west, udpEndpoint, "")
		w.answer(west, second, "second ")
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		conn := e.openFlow(west)
		conn.Write([]byte("x"))
		require.Equal(w, "x", heard(conn, time.Second))
		server.Close()
		conn.Write([]byte("y"))
		conn.SetReadDeadline(time.Now().Add(time.Second))
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(w, err, io.EOF)
		require.NotErrorIs(w, err, tunnel.DialFailed)
	})
}

func TestFlowRefusals(t *testing.T) {
	cases := map[tunnel.Refusal]setup{
		tunnel.NotExported: func(*tunnel.Config) {},
		tunnel.NotAllowed:  func(cfg *tunnel.Config) { cfg.Backends = refuser{tunnel.NotAllowed} },
		tunnel.NoEndpoint:  servingAt(),
		tunnel.DialFailed: func(cfg *tunnel.Config) {
			cfg.Backends = backends{names.Name.Service: {netip.MustParseAddrPort("0.0.0.0:5353")}}
		},
	}
	for refusal, refuse := range cases {
		t.Run(string(refusal), func(t *testing.T) {
			inWorld(t, func(w *world) {
				e, ww, n := w.start(east), w.start(west, refuse), w.start(north, answering(w, north, "north "))
				meet(e, ww, n)
				e.until(west, tunnel.Up, time.Second)
				e.until(north, tunnel.Up, time.Second)
				conn := e.openFlow(west, north)
				conn.Write([]byte("x"))
				require.Equal(w, "north x", heard(conn, time.Second))
				require.EqualValues(w, 1, ww.Stats().Refused[refusal])
				_, _, err := e.Open(w.Context(), names, candidates(west))
				require.Equal(w, refusal, refusalOf(err))
			})
		})
	}
}

// Silence makes a flow go elsewhere as it does a stream, before anything is said on it.
func TestFlowIsHedged(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(time.Millisecond))
		e, ww, n := w.start(east), w.start(west, answering(w, west, "west ")), w.start(north, answering(w, north, "north "))
		meet(e, ww, n)
		e.until(west, tunnel.Up, time.Second)
		e.until(north, tunnel.Up, time.Second)
		time.Sleep(5 * time.Second)
		ww.host.Kill()
		begin := time.Now()
		conn := e.openFlow(west, north)
		require.Less(w, time.Since(begin), 25*time.Millisecond)
		conn.Write([]byte("x"))
		require.Equal(w, "north x", heard(conn, time.Second))
		require.EqualValues(w, 1, e.Stats().Hedged)
	})
}

// Many flows over few connections: each hears its own answers.
func TestFlowsDoNotMix(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(5 * time.Millisecond))
		e, ww := w.start(east), w.start(west, answering(w, west, ""))
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		var group sync.WaitGroup
		for i := range 100 {
			conn := e.openFlow(west)
			group.Go(func() {
				for j := range 20 {
					text := fmt.Sprint(i, " ", j)
					conn.Write([]byte(text))
					if answer := heard(conn, time.Second); answer != text {
						w.Errorf("%q was answered with %q", text, answer)
					}
				}
			})
		}
		group.Wait()
		require.Equal(w, 100, ww.Stats().Flows)
		_, data := e.Connections(west)
		require.Equal(w, 4, data)
	})
}

// However flows end, nothing of them is left, and a peer's room for streams isn't used up.
func TestEndedFlowsLeaveNothing(t *testing.T) {
	dead := netip.MustParseAddrPort("127.0.0.1:9999")
	for name, end := range map[string]func(w *world, conn net.Conn){
		"closed": func(_ *world, conn net.Conn) { conn.Close() },
		"reset":  func(_ *world, conn net.Conn) { conn.(interface{ Reset() }).Reset() },
		"nobody listens": func(w *world, conn net.Conn) {
			conn.Write([]byte("x"))
			_, err := conn.Read(make([]byte, 1))
			require.ErrorIs(w, err, tunnel.DialFailed)
			conn.Close()
		},
		"closed in the middle of a message": func(_ *world, conn net.Conn) {
			conn.Write(make([]byte, 60000))
			conn.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				few := func(cfg *tunnel.Config) { cfg.Limits.Streams, cfg.Limits.Flows = 16, 16 } // so quic-go takes 272
				e, ww := w.start(east), w.start(west, few, servingAt(dead))
				meet(e, ww)
				e.until(west, tunnel.Up, time.Second)
				for range 1200 {
					conn, _, err := e.Open(w.Context(), names, candidates(west))
					require.NoError(w, err)
					end(w, conn)
					time.Sleep(10 * time.Millisecond)
				}
				time.Sleep(time.Second)
				require.Zero(w, e.Flows(west))
				require.Zero(w, ww.Flows(east))
				require.Zero(w, ww.Stats().Flows)
				require.Zero(w, ww.link(east).Streams)
			})
		})
	}
}
