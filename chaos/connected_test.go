package chaos_test

import (
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// connect connects a packet socket of 10.0.0.1 to port 1000 of 10.0.0.i.
func connect(t *testing.T, n *chaos.Network, i byte) net.Conn {
	t.Helper()
	conn, err := n.Host(ip(1)).DialPacket(t.Context(), at(i, 1000))
	require.NoError(t, err)
	return conn
}

func TestConnectedSocketHearsItsPeerAlone(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		b, stranger := open(t, n, 2), open(t, n, 3)
		conn := connect(t, n, 2)
		require.Equal(t, "10.0.0.2:1000", conn.RemoteAddr().String())
		_, err := conn.Write([]byte("hello"))
		require.NoError(t, err)
		buffer := make([]byte, 100)
		size, from, err := b.ReadFrom(buffer)
		require.NoError(t, err)
		require.Equal(t, "hello", string(buffer[:size]))
		require.Equal(t, conn.LocalAddr(), from)

		_, err = stranger.WriteTo([]byte("no"), from)
		require.NoError(t, err)
		_, err = b.WriteTo([]byte("yes"), from)
		require.NoError(t, err)
		size, err = conn.Read(buffer)
		require.NoError(t, err)
		require.Equal(t, "yes", string(buffer[:size]))
		require.NoError(t, conn.Close())
		_, err = conn.Write([]byte("x"))
		require.ErrorIs(t, err, net.ErrClosed)
	})
}

func TestConnectedSocketIsToldThatNobodyListens(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 10 * time.Millisecond}))
		n.Host(ip(2))
		conn := connect(t, n, 2)
		begin := time.Now()
		_, err := conn.Write([]byte("anybody?"))
		require.NoError(t, err)
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.Equal(t, 20*time.Millisecond, time.Since(begin), "a round trip")

		_, err = conn.Write([]byte("again"))
		require.NoError(t, err, "once is enough")
		time.Sleep(time.Second)
		_, err = conn.Write([]byte("and again"))
		require.ErrorIs(t, err, syscall.ECONNREFUSED, "whoever comes first is told")

		n.Host(ip(2)).Crash()
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Second)))
		conn.Write([]byte("still there?"))
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded, "without power nothing answers")
		_, err = n.Host(ip(2)).DialPacket(t.Context(), at(1, 1000))
		require.ErrorIs(t, err, syscall.ENETDOWN)
	})
}
