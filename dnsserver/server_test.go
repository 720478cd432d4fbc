package dnsserver

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

var (
	serverAddr = netip.MustParseAddrPort("10.0.0.1:53")
	clientAddr = netip.MustParseAddrPort("10.0.0.2:0")
)

// world is a running server on a simulated network, and the host that asks it.
type world struct {
	server *Server
	client *chaos.Host
	stop   func() // ends the server, and waits for that
}

// inWorld runs a test in virtual time. At its end the server has to stop, and nothing may be left of it.
func inWorld(t *testing.T, change func(*Server), test func(t *testing.T, w world)) {
	synctest.Test(t, func(t *testing.T) {
		network := chaos.NewNetwork(1)
		defer network.Close()
		network.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 5 * time.Millisecond}))
		host := network.Host(serverAddr.Addr())
		packets, err := host.ListenPacket(serverAddr)
		require.NoError(t, err)
		streams, err := host.Listen(serverAddr)
		require.NoError(t, err)
		server := newTestServer(t, newFakeDirectory("export east web.shop federated gateway http:80/TCP", "vip web.shop 127.80.0.1"))
		change(server)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- server.Run(ctx, packets, streams) }()
		stop := func() {
			cancel()
			require.NoError(t, <-ended)
		}
		test(t, world{server: server, client: network.Host(clientAddr.Addr()), stop: stop})
	})
}

func asItIs(*Server) {}

// dial opens a stream to the server.
func (w world) dial(t *testing.T) net.Conn {
	conn, err := w.client.Dial(t.Context(), serverAddr)
	require.NoError(t, err)
	return conn
}

// TestOverUDPAndTCP asks over both, with the library's own client on top of the simulated network.
func TestOverUDPAndTCP(t *testing.T) {
	inWorld(t, asItIs, func(t *testing.T, w world) {
		packets, err := w.client.ListenPacket(clientAddr)
		require.NoError(t, err)
		for _, question := range []string{"web.shop.federated. A", "nope.shop.federated. A", ". NS"} {
			query := ask(question)
			wire, err := query.Pack()
			require.NoError(t, err)
			_, err = packets.WriteTo(wire, net.UDPAddrFromAddrPort(serverAddr))
			require.NoError(t, err)
			buffer := make([]byte, 1500)
			n, from, err := packets.ReadFrom(buffer)
			require.NoError(t, err)
			require.Equal(t, serverAddr.String(), from.String())
			udp := new(dns.Msg)
			require.NoError(t, udp.Unpack(buffer[:n]))

			conn := &dns.Conn{Conn: w.dial(t)}
			require.NoError(t, conn.WriteMsg(query))
			tcp, err := conn.ReadMsg()
			require.NoError(t, err)
			require.Equal(t, udp.String(), tcp.String())
			require.NoError(t, conn.Close())
		}
		w.stop()
		require.EqualValues(t, 3, w.server.Stats().UDP)
		require.EqualValues(t, 3, w.server.Stats().TCP)
		require.Equal(t, map[string]uint64{"NOERROR": 2, "NXDOMAIN": 2, "REFUSED": 2}, w.server.Stats().Rcodes)
	})
}

// TestStopCutsConnections ends the server while clients are connected, some of which don't read.
func TestStopCutsConnections(t *testing.T) {
	inWorld(t, asItIs, func(t *testing.T, w world) {
		for range 10 {
			w.dial(t)
		}
		deaf := w.dial(t)
		wire, err := ask("web.shop.federated. A").Pack()
		require.NoError(t, err)
		go func() {
			for { // until the server no longer reads, for its replies aren't read
				if _, err := deaf.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)); err != nil {
					return
				}
			}
		}()
		time.Sleep(time.Second)
		start := time.Now()
		w.stop()
		require.Less(t, time.Since(start), time.Second)
	})
}

// TestRunFailsWithItsSocket closes a socket behind the server's back: all of it stops, and says why.
func TestRunFailsWithItsSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := chaos.NewNetwork(1)
		defer network.Close()
		host := network.Host(serverAddr.Addr())
		for _, which := range []string{"udp", "tcp"} {
			packets, err := host.ListenPacket(serverAddr)
			require.NoError(t, err)
			streams, err := host.Listen(serverAddr)
			require.NoError(t, err)
			ended := make(chan error, 1)
			server := newTestServer(t, newFakeDirectory())
			go func() { ended <- server.Run(t.Context(), packets, streams) }()
			synctest.Wait()
			if which == "udp" {
				require.NoError(t, packets.Close())
			} else {
				require.NoError(t, streams.Close())
			}
			select {
			case err := <-ended:
				require.ErrorIs(t, err, net.ErrClosed)
				require.ErrorContains(t, err, which)
			case <-time.After(time.Minute):
				require.FailNow(t, "still running", which)
			}
		}
	})
}

// TestFailingSockets gives a server sockets that fail for a while, as when descriptors run out: it keeps trying, without
// taking a core for it, and answers as before when they work again.
func TestFailingSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := chaos.NewNetwork(1)
		defer network.Close()
		host := network.Host(serverAddr.Addr())
		packets, err := host.ListenPacket(serverAddr)
		require.NoError(t, err)
		streams, err := host.Listen(serverAddr)
		require.NoError(t, err)
		const failures = 1000
		udp, tcp := &failingPackets{PacketConn: packets, left: failures}, &failingStreams{Listener: streams, left: failures}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- newTestServer(t, newFakeDirectory()).Run(ctx, udp, tcp) }()

		client := &dns.Conn{Conn: world{client: network.Host(clientAddr.Addr())}.dial(t)}
		start := time.Now()
		require.NoError(t, client.WriteMsg(ask("federated. SOA")))
		reply, err := client.ReadMsg()
		require.NoError(t, err)
		require.Len(t, reply.Answer, 1)
		require.GreaterOrEqual(t, time.Since(start), failures*failurePause, "one try at a time")
		cancel()
		require.NoError(t, <-ended)
		require.Zero(t, udp.left+tcp.left)
	})
}

type failingPackets struct {
	net.PacketConn
	left int
}

func (f *failingPackets) ReadFrom(b []byte) (int, net.Addr, error) {
	if f.left > 0 {
		f.left--
		return 0, nil, syscall.ENOBUFS
	}
	return f.PacketConn.ReadFrom(b)
}

type failingStreams struct {
	net.Listener
	left int
}

func (f *failingStreams) Accept() (net.Conn, error) {
	if f.left > 0 {
		f.left--
		return nil, syscall.EMFILE
	}
	return f.Listener.Accept()
}

// TestNewRefuses says what is wrong with a configuration.
func TestNewRefuses(t *testing.T) {
	good := Config{Zone: "federated", Self: "east", Directory: func() Directory { return nil }, VIPs: newFakeDirectory().VIPs}
	for want, change := range map[string]func(*Config){
		"zone \"\": want a domain name":    func(c *Config) { c.Zone = "" },
		"zone \"fed_erated\"":              func(c *Config) { c.Zone = "fed_erated" },
		"cluster \"East\": want a DNS lab": func(c *Config) { c.Self = "East" },
		"ttl -1s: want 0s to 1h":           func(c *Config) { c.TTL = -time.Second },
		"directory and VIPs are required":  func(c *Config) { c.VIPs = nil },
		"zone \"cluster_set\"":             func(c *Config) { c.Clusterset = "cluster_set" },
		"and \"federated\": one is in":     func(c *Config) { c.Clusterset = "federated" },
		"and \"mcs.federated\": one is":    func(c *Config) { c.Clusterset = "mcs.federated" },
		"and \"local\": one is in the":     func(c *Config) { c.Zone, c.Clusterset = "federated.local", "local" },
		"longer than 128 bytes": func(c *Config) {
			c.Zone = "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p"
		},
	} {
		config := good
		change(&config)
		_, err := New(config)
		require.ErrorContains(t, err, want)
	}
	deep := good
	deep.Zone = "Mesh.Example.COM."
	server, err := New(deep)
	require.NoError(t, err)
	require.Equal(t, "mesh.example.com.", server.zones[0].name)
}
