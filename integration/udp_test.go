package integration

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/file"
)

// serveClock starts all gateways anew with two more services in every cluster but those given, both over UDP: each server
// answers with its cluster's name. The clock's port is there over TCP too.
func (m *mesh) serveClock(without ...registry.Cluster) {
	services := append(m.services, file.Service{
		Name: "clock", Namespace: "shop", Affinity: "nearest", Endpoints: []string{"127.0.0.1:9123"},
		Ports: []registry.Port{{Name: "ntp", Port: 8123, Protocol: registry.UDP}, {Name: "http", Port: 8123}},
	}, file.Service{
		Name: "log", Namespace: "shop", Export: "both", Affinity: "nearest", Endpoints: []string{"127.0.0.1:9514"},
		Ports: []registry.Port{{Port: 8514, Protocol: registry.UDP}},
	})
	some := m.services
	defer func() { m.services = services }()
	for _, g := range m.all() {
		m.stop(g)
		if m.services = services; slices.Contains(without, g.self.Cluster) {
			m.services = some
		}
		m.start(g)
		for _, port := range []uint16{9123, 9514} {
			socket, err := g.host.ListenPacket(netip.AddrPortFrom(localhost, port))
			require.NoError(m.t, err)
			go answerName(socket, string(g.self.Cluster)) // ends with the network
		}
		web, err := g.host.Listen(netip.AddrPortFrom(localhost, 9123))
		require.NoError(m.t, err)
		go serveName(web, string(g.self.Cluster))
	}
}

var localhost = netip.MustParseAddr("127.0.0.1")

func answerName(socket net.PacketConn, name string) {
	buffer := make([]byte, 1500)
	for {
		n, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		socket.WriteTo(fmt.Appendf(nil, "%s %s", name, buffer[:n]), from)
	}
}

// client opens an application's UDP socket towards a VIP.
func (g *gateway) client(m *mesh, to netip.Addr, port uint16) net.Conn {
	m.t.Helper()
	conn, err := g.host.DialPacket(m.t.Context(), netip.AddrPortFrom(to, port))
	require.NoError(m.t, err)
	return conn
}

// ask sends a datagram and returns what is answered within the time.
func ask(conn net.Conn, text string, within time.Duration) (string, error) {
	if _, err := conn.Write([]byte(text)); err != nil {
		return "", err
	}
	conn.SetReadDeadline(time.Now().Add(within))
	buffer := make([]byte, 1500)
	n, err := conn.Read(buffer)
	return string(buffer[:n]), err
}

// A client in a cluster without the service speaks to the nearest one. That dies, and the same socket is answered by the other
// one as soon as the link is down; a client that comes meanwhile doesn't notice.
func TestUDPServiceSurvivesAClustersDeath(t *testing.T) {
	newMesh(t, threeClusters, 2, func(m *mesh) {
		m.serveClock("east")
		far := m.of("north")
		m.network.SetWeather(func(from, to netip.Addr) chaos.Conditions {
			for _, g := range far {
				if g.addr == from || g.addr == to {
					return chaos.Conditions{Delay: 20 * time.Millisecond}
				}
			}
			return chaos.Conditions{Delay: 2 * time.Millisecond}
		})
		m.eventually(20*time.Second, "one mesh", m.all(), whole(6, 3))
		m.eventually(10*time.Second, "clock", m.all(), serving("clock", 2))
		time.Sleep(8 * time.Second) // the detectors learn that hardly a beat gets lost
		east := m.of("east")[0]
		vip := m.lookup(east, "clock.shop.federated")
		require.Contains(m.t, []string{"west", "north"}, m.getAt(east, vip, 8123), "TCP on the same port")
		conn := east.client(m, vip, 8123)
		for i := range 10 {
			answer, err := ask(conn, fmt.Sprint(i), time.Second)
			require.NoError(m.t, err)
			require.Equal(m.t, fmt.Sprint("west ", i), answer)
			time.Sleep(time.Second)
		}

		killed := time.Now()
		m.kill(m.of("west")...)
		begun := time.Now()
		fresh, err := ask(east.client(m, vip, 8123), "new", time.Second)
		require.NoError(m.t, err)
		require.Equal(m.t, "north new", fresh)
		require.Less(m.t, time.Since(begun), unnoticed)
		lost := 0
		for {
			answer, err := ask(conn, "still there?", 50*time.Millisecond)
			if err == nil {
				require.Equal(m.t, "north still there?", answer)
				break
			}
			lost++
			require.Less(m.t, time.Since(killed), 5*time.Second)
		}
		m.t.Logf("answered again after %s, %d datagrams lost", time.Since(killed), lost)
		require.Less(m.t, time.Since(killed), time.Second)

		// The mirrored name of the other cluster is answered by that one alone.
		mirrored := m.lookup(east, "north.log.shop.federated")
		answer, err := ask(east.client(m, mirrored, 8514), "x", time.Second)
		require.NoError(m.t, err)
		require.Equal(m.t, "north x", answer)
	})
}

// A gateway that was asked to stop costs a UDP client not one datagram.
func TestUDPClientsOutliveRestarts(t *testing.T) {
	newMesh(t, threeClusters, 2, func(m *mesh) {
		m.serveClock("east")
		m.eventually(20*time.Second, "one mesh", m.all(), whole(6, 3))
		m.eventually(10*time.Second, "clock", m.all(), serving("clock", 2))
		east := m.of("east")[0]
		conn := east.client(m, m.lookup(east, "clock.shop.federated"), 8123)
		stop, ended := make(chan struct{}), make(chan error, 1)
		go func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					ended <- nil
					return
				case <-time.After(20 * time.Millisecond):
				}
				if _, err := ask(conn, fmt.Sprint(i), time.Second); err != nil {
					ended <- fmt.Errorf("datagram %d: %w", i, err)
					return
				}
			}
		}()
		for _, g := range m.of("west") {
			g.run.cancel()
			require.NoError(m.t, <-g.run.ended)
			g.run = nil
			g.web.Close()
			time.Sleep(2 * time.Second)
			m.start(g)
			m.eventually(10*time.Second, "one mesh again", m.all(), whole(6, 3))
		}
		close(stop)
		require.NoError(m.t, <-ended)
	})
}

// Gateways of one cluster attend to each other: what leads to a dead one has to be cleared, though nothing is carried to it.
func TestDeadSiblingIsNoticedAtOnce(t *testing.T) {
	newMesh(t, threeClusters, 2, func(m *mesh) {
		m.eventually(10*time.Second, "one mesh", m.all(), whole(6, 3))
		time.Sleep(time.Minute) // nothing is carried
		east := m.of("east")
		killed := time.Now()
		m.kill(east[0])
		m.eventually(5*time.Second, "down", east[1:], func(d *daemon.Daemon) error {
			return linkIs(d, east[0].self.String(), "down")
		})
		m.t.Logf("down after %s", time.Since(killed))
		require.LessOrEqual(m.t, time.Since(killed), 700*time.Millisecond)
	})
}

// getAt asks the TCP service at a VIP and port for its cluster's name.
func (m *mesh) getAt(g *gateway, vip netip.Addr, port uint16) string {
	m.t.Helper()
	conn, err := g.host.Dial(m.t.Context(), netip.AddrPortFrom(vip, port))
	require.NoError(m.t, err)
	defer conn.Close()
	buffer := make([]byte, 100)
	n, err := conn.Read(buffer)
	require.NoError(m.t, err)
	return string(buffer[:n])
}
