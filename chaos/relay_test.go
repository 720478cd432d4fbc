package chaos_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// runRelay runs a relay until the returned function is called, which waits for its end.
func runRelay(t *testing.T, r *chaos.Relay) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(t, <-ended)
	}
}

// loopback opens a real UDP socket.
func loopback(t *testing.T) net.PacketConn {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	return conn
}

// TestRelayRoundRealQUIC runs quic-go over real sockets, through a relay that is then made worse step by step.
func TestRelayRoundRealQUIC(t *testing.T) {
	defer goleak.VerifyNone(t)
	t.Run("quic", func(t *testing.T) {
		config := mutualTLS(t)
		server := serveEcho(t, loopback(t), config)
		front := loopback(t)
		relay, err := chaos.NewRelay(chaos.RelayConfig{Conn: front, Target: server.listener.Addr().(*net.UDPAddr).AddrPort()})
		require.NoError(t, err)
		stop := runRelay(t, relay)
		slow := chaos.Conditions{Delay: 20 * time.Millisecond}
		relay.SetConditions(slow, slow)

		start := time.Now()
		client := dialEcho(t, loopback(t), front.LocalAddr(), config)
		require.GreaterOrEqual(t, time.Since(start), 40*time.Millisecond, "the handshake's round trip")
		seen := <-server.clients
		before := seen.RemoteAddr().String()
		requireEcho(t, client, 50_000)

		slow.Loss, slow.Reorder, slow.Duplicate, slow.Corrupt = 0.05, 0.1, 0.1, 0.01
		relay.SetConditions(slow, slow)
		requireEcho(t, client, 50_000)
		relay.Rebind()
		requireEcho(t, client, 50_000)
		require.NotEqual(t, before, seen.RemoteAddr().String())

		relay.SetConditions(chaos.Conditions{}, chaos.Conditions{Cut: true})
		require.NoError(t, client.SendDatagram([]byte("no answer")))
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_, err = client.ReceiveDatagram(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		there, back := relay.Counts()
		require.Positive(t, there.Delivered)
		require.Positive(t, there.Lost)
		require.Positive(t, back.Cut)
		stop()
	})
}

// relayed returns a client's and a server's socket on 10.0.0.1 and 10.0.0.2 with a relay on 10.0.0.9 between them.
func relayed(t *testing.T, n *chaos.Network, idle time.Duration) (client, server mailbox, relay *chaos.Relay) {
	host := n.Host(ip(9))
	front, err := host.ListenPacket(at(9, 1000))
	require.NoError(t, err)
	relay, err = chaos.NewRelay(chaos.RelayConfig{
		Conn:   front,
		Target: at(2, 1000),
		Dial:   func() (net.PacketConn, error) { return host.ListenPacket(netip.AddrPortFrom(ip(9), 0)) },
		Idle:   idle,
	})
	require.NoError(t, err)
	return open(t, n, 1), open(t, n, 2), relay
}

func TestRelayForgetsIdleClients(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		client, server, relay := relayed(t, n, 30*time.Second)
		stop := runRelay(t, relay)
		address := func() string {
			require.NoError(t, server.SetReadDeadline(time.Now().Add(time.Second)))
			_, from, err := server.ReadFrom(make([]byte, 10))
			require.NoError(t, err)
			return from.String()
		}
		client.send(9, "a")
		first := address()
		time.Sleep(29 * time.Second)
		client.send(9, "b")
		require.Equal(t, first, address())
		time.Sleep(29 * time.Second)
		answer := func(to string) {
			_, err := server.WriteTo([]byte("answer"), udp(netip.MustParseAddrPort(to)))
			require.NoError(t, err)
		}
		answer(first)
		require.Equal(t, []string{"answer"}, client.receive(time.Second), "an answer counts as use")
		time.Sleep(28 * time.Second)
		client.send(9, "c")
		require.Equal(t, first, address())
		time.Sleep(31 * time.Second)
		answer(first)
		require.Empty(t, client.receive(time.Second), "nobody listens at the old address")
		client.send(9, "d")
		require.NotEqual(t, first, address())
		stop()
	})
}

func TestRelayHearsOnlyItsTarget(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		client, server, relay := relayed(t, n, 0)
		stop := runRelay(t, relay)
		client.send(9, "hello")
		_, from, err := server.ReadFrom(make([]byte, 10))
		require.NoError(t, err)
		_, err = open(t, n, 3).WriteTo([]byte("stranger"), from)
		require.NoError(t, err)
		require.Empty(t, client.receive(time.Second))
		stop()
	})
}

func TestRelayCutTakesWhatIsUnderWay(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		client, server, relay := relayed(t, n, 0)
		stop := runRelay(t, relay)
		relay.SetConditions(chaos.Conditions{Delay: time.Second}, chaos.Conditions{})
		client.send(9, "under way")
		synctest.Wait()
		relay.SetConditions(chaos.Conditions{Cut: true}, chaos.Conditions{})
		require.Empty(t, server.receive(2*time.Second))
		there, _ := relay.Counts()
		require.Equal(t, chaos.Counts{Sent: 1, SentBytes: 9, Cut: 1}, there)
		stop()
	})
}

func TestRelayEnds(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		client, server, relay := relayed(t, n, 0)
		relay.SetConditions(chaos.Conditions{Delay: time.Second}, chaos.Conditions{})
		stop := runRelay(t, relay)
		client.send(9, "under way")
		synctest.Wait()
		stop()
		require.Empty(t, server.receive(time.Minute))

		_, err := chaos.NewRelay(chaos.RelayConfig{})
		require.Error(t, err)
		front := open(t, n, 8)
		relay, err = chaos.NewRelay(chaos.RelayConfig{Conn: front, Target: at(2, 1000)})
		require.NoError(t, err)
		n.Host(ip(8)).Crash()
		require.ErrorIs(t, relay.Run(t.Context()), net.ErrClosed, "without its socket it can't go on")
	})
}
