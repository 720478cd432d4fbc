package chaos_test

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

func TestDatagramArrivesAtOnceOnACalmNetwork(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		a, b := open(t, n, 1), open(t, n, 2)
		start := time.Now()
		message := []byte("hello")
		_, err := a.WriteTo(message, b.LocalAddr())
		require.NoError(t, err)
		copy(message, "XXXXX") // the network has its own copy
		buffer := make([]byte, 3)
		size, from, err := b.ReadFrom(buffer)
		require.NoError(t, err)
		require.Equal(t, "hel", string(buffer[:size]), "the rest of a datagram that doesn't fit is lost")
		require.Equal(t, &net.UDPAddr{IP: net.IPv4(10, 0, 0, 1).To4(), Port: 1000}, from)
		require.Zero(t, time.Since(start))
	})
}

func TestAddresses(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		h := n.Host(ip(1), netip.MustParseAddr("fd00::1"))
		require.Same(t, h, n.Host(ip(1)), "the same address is the same host")
		listen := func(addr string) (net.PacketConn, error) { return h.ListenPacket(netip.MustParseAddrPort(addr)) }

		some, err := listen("10.0.0.1:53")
		require.NoError(t, err)
		for _, taken := range []string{"10.0.0.1:53", "0.0.0.0:53", "[::ffff:10.0.0.1]:53"} {
			_, err = listen(taken)
			require.ErrorIs(t, err, syscall.EADDRINUSE, taken)
		}
		for _, free := range []string{"127.0.0.1:53", "127.80.3.7:53", "[fd00::1]:53", "0.0.0.0:54"} {
			_, err = listen(free)
			require.NoError(t, err, free)
		}
		_, err = listen("10.0.0.1:54")
		require.ErrorIs(t, err, syscall.EADDRINUSE, "0.0.0.0:54 takes the port of every address")
		_, err = listen("10.0.0.2:53")
		require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)

		first, err := listen("10.0.0.1:0")
		require.NoError(t, err)
		second, err := listen("10.0.0.1:0")
		require.NoError(t, err)
		require.NotEqual(t, first.LocalAddr(), second.LocalAddr())

		require.NoError(t, some.Close())
		require.ErrorIs(t, some.Close(), net.ErrClosed)
		_, err = listen("10.0.0.1:53")
		require.NoError(t, err, "a closed socket's port is free")
		require.Panics(t, func() { n.Host(ip(2), ip(1)) }, "an address has one owner")
	})
}

func TestSocketForAllAddresses(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		server, err := n.Host(ip(1), ip(11), netip.MustParseAddr("fd00::1")).ListenPacket(netip.MustParseAddrPort("[::]:53"))
		require.NoError(t, err)
		client, err := n.Host(ip(2), netip.MustParseAddr("fd00::2")).ListenPacket(netip.MustParseAddrPort("[::]:0"))
		require.NoError(t, err)
		for to, wantFrom := range map[string]string{"10.0.0.1:53": "10.0.0.2", "10.0.0.11:53": "10.0.0.2", "[fd00::1]:53": "fd00::2"} {
			_, err = client.WriteTo([]byte("?"), udp(netip.MustParseAddrPort(to)))
			require.NoError(t, err)
			_, from, err := server.ReadFrom(make([]byte, 1))
			require.NoError(t, err)
			require.Equal(t, wantFrom, from.(*net.UDPAddr).AddrPort().Addr().String())
		}
	})
}

func TestLoopbackStaysInTheHost(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Uniform(chaos.Conditions{Cut: true}))
		vip := netip.MustParseAddrPort("127.80.0.1:53")
		here, err := n.Host(ip(1)).ListenPacket(vip)
		require.NoError(t, err)
		_, err = n.Host(ip(2)).ListenPacket(vip)
		require.NoError(t, err, "every host has a loopback of its own")
		client, err := n.Host(ip(1)).ListenPacket(netip.MustParseAddrPort("0.0.0.0:0"))
		require.NoError(t, err)
		_, err = client.WriteTo([]byte("?"), udp(vip))
		require.NoError(t, err)
		_, from, err := here.ReadFrom(make([]byte, 1))
		require.NoError(t, err)
		require.Equal(t, "127.0.0.1", from.(*net.UDPAddr).IP.String())
	})
}

func TestDeadlines(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		a := open(t, n, 1)
		buffer := make([]byte, 1)
		start := time.Now()
		require.NoError(t, a.SetDeadline(start.Add(time.Second)))
		_, _, err := a.ReadFrom(buffer)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
		_, err = a.WriteTo(buffer, udp(at(2, 1000)))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, a.SetDeadline(time.Time{}))
		_, err = a.WriteTo(buffer, udp(at(2, 1000)))
		require.NoError(t, err, "a deadline can be taken back")

		time.AfterFunc(time.Second, func() { _ = a.SetReadDeadline(time.Now()) })
		_, _, err = a.ReadFrom(buffer)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded, "a deadline ends a wait that began before it was set")

		require.NoError(t, a.SetReadDeadline(time.Now().Add(time.Second)))
		time.AfterFunc(time.Second/2, func() { _ = a.SetReadDeadline(time.Now().Add(time.Minute)) })
		_, _, err = a.ReadFrom(buffer)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, 2*time.Second+time.Minute+time.Second/2, time.Since(start), "a deadline that was moved doesn't count")
	})
}

func TestCloseEndsEveryWait(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		a := open(t, n, 1)
		failed := make(chan error)
		for range 3 {
			go func() {
				_, _, err := a.ReadFrom(make([]byte, 1))
				failed <- err
			}()
		}
		synctest.Wait()
		require.NoError(t, a.Close())
		for range 3 {
			require.ErrorIs(t, <-failed, net.ErrClosed)
		}
		_, err := a.WriteTo([]byte("?"), udp(at(2, 1000)))
		require.ErrorIs(t, err, net.ErrClosed)
		n.Close()
		_, err = n.Host(ip(1)).ListenPacket(at(1, 1000))
		require.ErrorIs(t, err, syscall.ENETDOWN)
	})
}

func TestFullQueueDropsAndCounts(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		a, b := open(t, n, 1), open(t, n, 2)
		require.NoError(t, b.PacketConn.(interface{ SetReadBuffer(int) error }).SetReadBuffer(2*1100))
		kilobyte := string(make([]byte, 1000))
		a.send(2, kilobyte, kilobyte, kilobyte)
		require.Len(t, b.receive(time.Second), 2)
		a.send(2, kilobyte)
		require.Len(t, b.receive(time.Second), 1, "room again once it was read")
		require.Equal(t, chaos.Counts{Sent: 4, SentBytes: 4000, Delivered: 3, Overrun: 1}, n.Host(ip(1)).Counts())

		_, err := a.WriteTo(make([]byte, 65508), b.LocalAddr())
		require.ErrorIs(t, err, syscall.EMSGSIZE)
	})
}

func TestNobodyThere(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		a := open(t, n, 1)
		n.Host(ip(2))
		a.send(2, "no socket")
		a.send(3, "no host")
		require.Equal(t, uint64(2), n.Counts().Unheard)
		_, err := a.WriteTo(nil, &net.UDPAddr{IP: net.IPv4(10, 0, 0, 2)})
		require.ErrorIs(t, err, syscall.EINVAL, "port 0")
	})
}
