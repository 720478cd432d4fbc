package tunnel_test

import (
	"context"
	"fmt"
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
	namesVIP      = netip.MustParseAddrPort("127.80.0.1:53")
	otherNamesVIP = netip.MustParseAddrPort("127.80.0.2:53")
)

// frontedNames runs fronts on a gateway's host, with kube.dns at its VIP, routed to the given gateways.
func frontedNames(g *gateway, set func(*tunnel.FrontsConfig), route ...registry.Gateway) (f *tunnel.Fronts, stop func() error) {
	g.w.Helper()
	cfg := tunnel.FrontsConfig{
		Listen: g.host.Listen, ListenPacket: g.host.ListenPacket, Open: g.Open,
		Route: func(tunnel.Target) []registry.Candidate { return candidates(route...) },
	}
	if set != nil {
		set(&cfg)
	}
	f, err := tunnel.NewFronts(cfg)
	require.NoError(g.w, err)
	ctx, cancel := context.WithCancel(g.w.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	g.w.Cleanup(func() { stop() })
	require.NoError(g.w, setFronts(f, frontsOf(names, namesVIP)))
	synctest.Wait()
	return f, stop
}

// client opens an application's socket towards a VIP.
func (g *gateway) client(to netip.AddrPort) net.Conn {
	g.w.Helper()
	conn, err := g.host.DialPacket(g.w.Context(), to)
	require.NoError(g.w, err)
	g.w.Cleanup(func() { conn.Close() })
	return conn
}

// ask sends a datagram and returns what is answered.
func ask(conn net.Conn, text string) string {
	conn.Write([]byte(text))
	return heard(conn, time.Second)
}

const nothing = "i/o timeout" // in the end of what heard returns

func TestPacketFrontCarriesClients(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(5 * time.Millisecond))
		targets := make(chan tunnel.Target, 1000)
		e, ww := w.start(east), w.start(west, answering(w, west, ""), func(cfg *tunnel.Config) {
			cfg.Backends = spying{cfg.Backends, targets}
		})
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		f, _ := frontedNames(e, nil, west)
		first := e.client(namesVIP) // which hears nobody but the VIP
		require.Equal(w, "hello", ask(first, "hello"))
		target := <-targets
		require.Equal(w, first.LocalAddr().String(), target.Caller.String())
		require.Equal(w, names.Name, target.Name)
		require.Equal(w, registry.UDP, target.Protocol)

		var group sync.WaitGroup
		for i := range 200 {
			conn := e.client(namesVIP)
			group.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Microsecond) // in one instant they would overrun quic-go's queue of 128
				for j := range 10 {
					if text := fmt.Sprint(i, " ", j); ask(conn, text) != text {
						w.Errorf("%s: not answered", text)
					}
				}
				if large := string(make([]byte, 9000)); i < 20 && ask(conn, large) != large {
					w.Errorf("%d: the large one isn't answered", i)
				}
			})
		}
		group.Wait()
		require.Equal(w, 201, f.FlowStats().Flows)
		require.EqualValues(w, 201, f.FlowStats().Opened)
		require.Zero(w, f.FlowStats().Dropped)
		require.Equal(w, 201, ww.Stats().Flows)
	})
}

func TestFlowsOfClientsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		answering string
		say       int
		lives     time.Duration
	}{
		"an exchange":          {"", 1, 3 * time.Second},
		"two questions":        {"", 2, 3 * time.Second},
		"a conversation":       {"", 3, 60 * time.Second},
		"nothing was answered": {"silent", 5, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				e, ww := w.start(east), w.start(west, answering(w, west, c.answering))
				meet(e, ww)
				e.until(west, tunnel.Up, time.Second)
				f, _ := frontedNames(e, nil, west)
				conn := e.client(namesVIP)
				for range c.say {
					conn.Write([]byte("x"))
				}
				time.Sleep(c.lives - time.Millisecond)
				require.Equal(w, 1, f.FlowStats().Flows)
				require.Equal(w, 1, ww.Stats().Flows)
				time.Sleep(10 * time.Millisecond)
				require.Zero(w, f.FlowStats().Flows)
				require.Zero(w, ww.Stats().Flows)
				require.EqualValues(w, 1, f.FlowStats().Expired)
				require.Zero(w, ww.Stats().FlowsExpired)
				require.Zero(w, e.link(west).Streams)
				for range c.say - 1 {
					heard(conn, time.Second)
				}
				conn.Write([]byte("again"))
				time.Sleep(time.Second)
				require.EqualValues(w, 2, f.FlowStats().Opened, "the client goes on when it likes")
			})
		})
	}
}

// A conversation is kept by what is said and by what is answered.
func TestFlowLivesAsLongAsItIsUsed(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.start(east, answering(w, east, ""))
		f, _ := frontedNames(e, nil, east)
		conn := e.client(namesVIP)
		for range 10 {
			require.Equal(w, "x", ask(conn, "x"))
		}
		for range 10 {
			time.Sleep(59 * time.Second)
			require.Equal(w, "x", ask(conn, "x"))
		}
		require.EqualValues(w, 1, f.FlowStats().Opened)
	})
}

// What is said before there is a flow waits, and what is too much of it is lost, the oldest first.
func TestDatagramsWaitForTheirFlow(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(100 * time.Millisecond))
		e, ww := w.start(east), w.start(west, answering(w, west, ""))
		meet(e, ww)
		e.until(west, tunnel.Up, 2*time.Second)
		time.Sleep(time.Second)
		f, _ := frontedNames(e, nil, west)
		conn := e.client(namesVIP)
		for i := range 20 {
			fmt.Fprint(conn, i)
		}
		var answers []string
		for answer := heard(conn, time.Second); answer != "" && len(answer) < 3; answer = heard(conn, time.Second) {
			answers = append(answers, answer)
		}
		require.Equal(w, []string{"12", "13", "14", "15", "16", "17", "18", "19"}, answers)
		require.EqualValues(w, 12, f.FlowStats().Dropped)
	})
}

// The cluster that a client's flow goes to dies. What the client says is answered again as soon as the link is down, by
// another cluster, though its socket is the same.
func TestFlowsMoveAwayFromTheDead(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(5 * time.Millisecond))
		e, ww, n := w.start(east), w.start(west, answering(w, west, "west ")), w.start(north, answering(w, north, "north "))
		meet(e, ww, n)
		e.until(west, tunnel.Up, time.Second)
		e.until(north, tunnel.Up, time.Second)
		f, _ := frontedNames(e, nil, west, north)
		var clients []net.Conn
		for range 20 {
			clients = append(clients, e.client(namesVIP))
			require.Equal(w, "west x", ask(clients[len(clients)-1], "x"))
		}
		for range 200 { // the link is in use for a while
			require.Equal(w, "west x", ask(clients[0], "x"))
			time.Sleep(50 * time.Millisecond)
		}

		killed := time.Now()
		ww.host.Kill()
		lost := make([]int, len(clients))
		var group sync.WaitGroup
		for i, conn := range clients {
			group.Go(func() {
				for {
					conn.Write([]byte("x"))
					if heard(conn, 20*time.Millisecond) == "north x" {
						return
					}
					lost[i]++
				}
			})
		}
		group.Wait()
		took := time.Since(killed)
		w.Log("all were answered again after", took)
		require.Less(w, took, 700*time.Millisecond)
		require.Equal(w, tunnel.Down, e.link(west).State)
		for i := range clients {
			if i > 0 { // its flow had expired, and what it says opens another one elsewhere
				require.LessOrEqual(w, lost[i], 3)
			}
		}
		require.Less(w, f.FlowStats().Opened, uint64(80))
	})
}

// Nobody listens at the endpoints of one cluster, ourselves included; the first datagram is answered all the same.
func TestFlowGoesOnWhereNobodyListens(t *testing.T) {
	dead := netip.MustParseAddrPort("127.0.0.1:9999")
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(5 * time.Millisecond))
		e, ww, n := w.start(east, servingAt(dead)), w.start(west, servingAt(dead)), w.start(north, answering(w, north, "north "))
		meet(e, ww, n)
		e.until(west, tunnel.Up, time.Second)
		e.until(north, tunnel.Up, time.Second)
		f, _ := frontedNames(e, nil, east, west, north)
		begin := time.Now()
		conn := e.client(namesVIP)
		require.Equal(w, "north x", ask(conn, "x"))
		require.Less(w, time.Since(begin), 60*time.Millisecond)
		require.EqualValues(w, 3, f.FlowStats().Opened)
		require.Equal(w, 1, f.FlowStats().Flows)
	})
	inWorld(t, func(w *world) {
		e := w.start(east, servingAt(dead))
		f, _ := frontedNames(e, nil, east)
		conn := e.client(namesVIP)
		require.Contains(w, ask(conn, "x"), nothing)
		require.EqualValues(w, 1, f.FlowStats().Failed)
		require.EqualValues(w, 1, f.FlowStats().Dropped)
		require.Zero(w, f.FlowStats().Flows)
	})
}

func TestPacketFrontIsBounded(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.start(east, answering(w, east, ""))
		f, _ := frontedNames(e, func(cfg *tunnel.FrontsConfig) { cfg.Flows = 5 }, east)
		for range 5 {
			require.Equal(w, "x", ask(e.client(namesVIP), "x"))
		}
		sixth := e.client(namesVIP)
		sixth.Write([]byte("x"))
		synctest.Wait()
		require.EqualValues(w, 1, f.FlowStats().Refused)
		time.Sleep(3*time.Second + time.Millisecond)
		require.Equal(w, "x", ask(sixth, "x"))
	})
}

// A cluster takes no more flows, so the next one gets them.
func TestOverloadedFlowsGoElsewhere(t *testing.T) {
	inWorld(t, func(w *world) {
		limits := func(cfg *tunnel.Config) { cfg.Limits.Flows = 2 }
		e, ww, n := w.start(east), w.start(west, limits, answering(w, west, "west ")), w.start(north, answering(w, north, "north "))
		meet(e, ww, n)
		e.until(west, tunnel.Up, time.Second)
		e.until(north, tunnel.Up, time.Second)
		frontedNames(e, nil, west, north)
		got := map[string]int{}
		for range 5 {
			got[ask(e.client(namesVIP), "x")]++
		}
		require.Equal(w, map[string]int{"west x": 2, "north x": 3}, got)
	})
}

func TestPacketFrontsAreReplaced(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.start(east, answering(w, east, ""))
		f, _ := frontedNames(e, nil, east)
		conn := e.client(namesVIP)
		for range 3 {
			require.Equal(w, "x", ask(conn, "x"))
		}
		both := frontsOf(names, otherNamesVIP)
		stream := web
		both = append(both, frontsOf(stream, otherNamesVIP)...)
		require.NoError(w, setFronts(f, both), "a port of each protocol may have the same number")
		require.Equal(w, "still", ask(conn, "still"), "what is open goes on")
		late := e.client(namesVIP)
		require.Contains(w, ask(late, "late"), nothing, "what is new doesn't")
		require.Equal(w, "x", ask(e.client(otherNamesVIP), "x"))
		e.dial(otherNamesVIP)

		require.NoError(w, setFronts(f, frontsOf(names, namesVIP, otherNamesVIP)))
		require.Equal(w, "late", ask(late, "late"), "and it comes back though it never quite left")
		require.NoError(w, setFronts(f, nil))
		time.Sleep(time.Minute)
		require.Zero(w, f.FlowStats().Flows)
		_, err := e.host.ListenPacket(namesVIP)
		require.NoError(w, err, "the last flow closed the socket")
		err = setFronts(f, frontsOf(names, namesVIP, otherNamesVIP))
		require.ErrorContains(w, err, "127.80.0.1:53 for dns-0.dns.kube: ")
		require.Equal(w, "x", ask(e.client(otherNamesVIP), "x"))
	})
}

func TestFrontsSayWhatTheyCannotCarry(t *testing.T) {
	f, err := tunnel.NewFronts(tunnel.FrontsConfig{
		Open: func(context.Context, tunnel.Target, []registry.Candidate) (c net.Conn, g registry.Gateway, err error) {
			return
		},
		Route:  func(tunnel.Target) []registry.Candidate { return nil },
		Listen: func(netip.AddrPort) (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") },
	})
	require.NoError(t, err)
	sctp, other := web, names
	sctp.Protocol = registry.SCTP
	other.Protocol = registry.TCP
	require.ErrorContains(t, setFronts(f, frontsOf(sctp, vip)), "127.80.0.1:80 for web.shop: SCTP is not carried")
	require.ErrorContains(t, setFronts(f, append(frontsOf(web, vip), frontsOf(other, vip)...)), "it is for web.shop already")
	require.NoError(t, setFronts(f, append(frontsOf(web, vip), frontsOf(web, vip)...)), "saying it twice is saying it once")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, f.Run(ctx))
}

func TestPacketFrontsEndWithinTheirGrace(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.start(east, answering(w, east, ""))
		grace := func(cfg *tunnel.FrontsConfig) { cfg.Grace = 10 * time.Second }
		_, stop := frontedNames(e, grace, east)
		conn := e.client(namesVIP)
		for range 3 {
			require.Equal(w, "x", ask(conn, "x"))
		}
		time.AfterFunc(5*time.Second, func() {
			if answer := ask(conn, "still"); answer != "still" {
				w.Errorf("%q", answer)
			}
		})
		begin := time.Now()
		require.NoError(w, stop())
		require.Equal(w, 10*time.Second, time.Since(begin))
	})
	inWorld(t, func(w *world) {
		e := w.start(east, answering(w, east, ""))
		grace := func(cfg *tunnel.FrontsConfig) { cfg.Grace = 10 * time.Second }
		_, stop := frontedNames(e, grace, east)
		require.Equal(w, "x", ask(e.client(namesVIP), "x"))
		begin := time.Now()
		require.NoError(w, stop())
		require.Equal(w, 3*time.Second, time.Since(begin), "an exchange keeps nobody")
	})
}

// A gateway that drains lets its flows go on, and gets no new ones. When it leaves, what is left goes elsewhere.
func TestFlowsOfADrainingGateway(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(5 * time.Millisecond))
		e, n := w.start(east), w.start(north, answering(w, north, "north "))
		ww := w.start(west, answering(w, west, "west "), func(cfg *tunnel.Config) { cfg.Grace = 5 * time.Second })
		meet(e, ww, n)
		e.until(west, tunnel.Up, time.Second)
		e.until(north, tunnel.Up, time.Second)
		frontedNames(e, nil, west, north)
		old := e.client(namesVIP)
		for range 3 {
			require.Equal(w, "west x", ask(old, "x"))
		}
		require.NoError(w, ww.Drain(w.Context(), true))
		require.Equal(w, "north x", ask(e.client(namesVIP), "x"))
		require.Equal(w, "west x", ask(old, "x"))

		ended := make(chan error)
		go func() { ended <- ww.stop() }()
		time.Sleep(4 * time.Second)
		require.Equal(w, "west x", ask(old, "x"))
		require.NoError(w, <-ended)
		time.Sleep(10 * time.Millisecond)
		require.Equal(w, "north x", ask(old, "x"), "not one is lost after the farewell")
	})
}
