package tunnel_test

import (
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/tunnel"
)

// moody is a socket whose kernel complains about other peers' packets now and then.
type moody struct {
	net.PacketConn
	reads, writes atomic.Int64
}

func (m *moody) ReadFrom(b []byte) (int, net.Addr, error) {
	if m.reads.Add(1)%5 == 0 {
		return 0, nil, &net.OpError{Op: "read", Net: "udp", Err: os.NewSyscallError("recvfrom", syscall.ECONNREFUSED)}
	}
	return m.PacketConn.ReadFrom(b)
}

func (m *moody) WriteTo(b []byte, to net.Addr) (int, error) {
	if m.writes.Add(1)%20 == 0 {
		return 0, &net.OpError{Op: "write", Net: "udp", Err: os.NewSyscallError("sendto", syscall.EPERM)}
	}
	return m.PacketConn.WriteTo(b, to)
}

func TestErrorsOfSinglePacketsAreLosses(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(5 * time.Millisecond))
		complaining := func(cfg *tunnel.Config) {
			conn, err := w.network.Host(host(east)).ListenPacket(addr(east))
			require.NoError(w, err)
			cfg.Conn = &moody{PacketConn: conn}
		}
		e, ww := w.start(east, complaining), w.start(west, serving(w, west, says("west")))
		meet(e, ww)
		e.until(west, tunnel.Up, 2*time.Second)
		for range 100 {
			answer, _, err := e.request(west)
			require.NoError(w, err)
			require.Equal(w, "west", answer)
		}
		time.Sleep(time.Minute)
		require.Equal(w, []string{"up connected"}, e.changes(west))
	})
}
