package tunnel_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// onLoopback runs an endpoint on a real socket until the end of the test.
func onLoopback(t *testing.T, a *tunnel.Authority, id registry.Gateway, backends tunnel.Backends) (*tunnel.Endpoint, netip.AddrPort) {
	t.Helper()
	certPEM, keyPEM, err := a.Issue(id, time.Now(), time.Hour)
	require.NoError(t, err)
	identity, err := tunnel.NewIdentity(a.CertPEM(), certPEM, keyPEM, mesh, id)
	require.NoError(t, err)
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	require.NoError(t, err)
	e, err := tunnel.New(tunnel.Config{Self: id, Identity: identity, Conn: socket, Instance: 1, Backends: backends})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
		socket.Close()
	})
	return e, socket.LocalAddr().(*net.UDPAddr).AddrPort()
}

// Real sockets: GSO, ECN and path MTU discovery, the kernel's errors, and TCP at both ends.
func TestOverRealSockets(t *testing.T) {
	a := newAuthority(t, mesh)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			group.Go(func() { echo(conn) })
		}
	})
	t.Cleanup(func() { server.Close(); group.Wait() })
	at := server.Addr().(*net.TCPAddr).AddrPort()

	e, _ := onLoopback(t, a, east, nil)
	_, westAddr := onLoopback(t, a, west, backends{web.Name.Service: {at}})
	// Nobody listens there: the kernel says so with an ICMP message, again and again.
	e.Learn(north, []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")})
	e.Learn(west, []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1"), westAddr})
	require.Eventually(t, func() bool { return stateOf(e, west) == tunnel.Up }, 5*time.Second, 5*time.Millisecond)

	f, err := tunnel.NewFronts(tunnel.FrontsConfig{
		Open:  e.Open,
		Route: func(tunnel.Target) []registry.Candidate { return candidates(west) },
	})
	require.NoError(t, err)
	front := freeTCP(t)
	require.NoError(t, setFronts(f, frontsOf(web, front)))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })

	sent := make([]byte, 8<<20)
	rand.Read(sent)
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			conn, err := net.Dial("tcp", front.String())
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			callers.Go(func() {
				conn.Write(sent)
				conn.(*net.TCPConn).CloseWrite()
			})
			received, err := io.ReadAll(conn)
			if err != nil || !bytes.Equal(sent, received) {
				t.Errorf("%d of %d bytes came back: %v", len(received), len(sent), err)
			}
		})
	}
	callers.Wait()
	rtt, err := e.Ping(t.Context(), west)
	require.NoError(t, err)
	require.Less(t, rtt, time.Second)
}

func stateOf(e *tunnel.Endpoint, g registry.Gateway) tunnel.LinkState {
	for _, l := range e.Links() {
		if l.Gateway == g {
			return l.State
		}
	}
	return ""
}

// freeTCP returns a port that was free a moment ago.
func freeTCP(t *testing.T) netip.AddrPort {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// Real UDP at both ends: what the kernel says of a port that nobody listens at, large datagrams, empty ones, and the address
// that answers come from.
func TestFlowsOverRealSockets(t *testing.T) {
	a := newAuthority(t, mesh)
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	var group sync.WaitGroup
	group.Go(func() {
		buffer := make([]byte, 1<<16)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			server.WriteTo(buffer[:n], from)
		}
	})
	t.Cleanup(func() { server.Close(); group.Wait() })
	at, dead := server.LocalAddr().(*net.UDPAddr).AddrPort(), freeUDP(t)

	e, _ := onLoopback(t, a, east, backends{names.Name.Service: {dead}})
	ww, westAddr := onLoopback(t, a, west, backends{names.Name.Service: {dead, at}})
	e.Learn(west, []netip.AddrPort{westAddr})
	require.Eventually(t, func() bool { return stateOf(e, west) == tunnel.Up }, 5*time.Second, 5*time.Millisecond)
	f, err := tunnel.NewFronts(tunnel.FrontsConfig{
		Open:  e.Open,
		Route: func(tunnel.Target) []registry.Candidate { return candidates(east, west) },
	})
	require.NoError(t, err)
	front := freeUDP(t)
	require.NoError(t, setFronts(f, frontsOf(names, front)))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })

	var clients sync.WaitGroup
	sizes := []int{5, 0, 1200, 1232, 1400, 1600, 9000, 1, 60000}
	for i := range 8 {
		clients.Go(func() {
			conn, err := net.Dial("udp", front.String()) // which hears nobody else
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			buffer := make([]byte, 1<<16)
			for _, size := range sizes[:8+(8-i)/8] { // a socket's buffer holds three of the largest
				sent := make([]byte, size)
				rand.Read(sent)
				conn.Write(sent)
				conn.SetReadDeadline(time.Now().Add(5 * time.Second))
				n, err := conn.Read(buffer)
				if err != nil || !bytes.Equal(sent, buffer[:n]) {
					t.Errorf("%d of %d bytes came back: %v", n, size, err)
				}
			}
		})
	}
	clients.Wait()
	require.EqualValues(t, 16, f.FlowStats().Opened, "nobody listened here, so each went on")
	require.EqualValues(t, 8, ww.Stats().FlowsAccepted)

	// The server goes, and its flows with it.
	conn, err := net.Dial("udp", front.String())
	require.NoError(t, err)
	defer conn.Close()
	before := ww.Stats().Flows
	require.Equal(t, "x", ask(conn, "x"))
	server.Close()
	conn.Write([]byte("y"))
	require.Eventually(t, func() bool { return ww.Stats().Flows <= before }, 5*time.Second, 5*time.Millisecond)
}

func freeUDP(t *testing.T) netip.AddrPort {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer socket.Close()
	return socket.LocalAddr().(*net.UDPAddr).AddrPort()
}
