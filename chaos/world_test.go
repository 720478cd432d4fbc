package chaos_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// inVirtualTime gives a test a network of its own in a bubble. The bubble fails where anything is left running.
func inVirtualTime(t *testing.T, test func(t *testing.T, n *chaos.Network)) {
	synctest.Test(t, func(t *testing.T) {
		n := chaos.NewNetwork(1)
		defer n.Close()
		test(t, n)
	})
}

// ip returns 10.0.0.i.
func ip(i byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, i}) }

// at returns 10.0.0.i:port.
func at(i byte, port uint16) netip.AddrPort { return netip.AddrPortFrom(ip(i), port) }

func udp(addr netip.AddrPort) net.Addr { return net.UDPAddrFromAddrPort(addr) }

// mailbox is a packet socket with words for what tests do.
type mailbox struct {
	net.PacketConn
	t *testing.T
}

// open opens a packet socket on port 1000 of 10.0.0.i.
func open(t *testing.T, n *chaos.Network, i byte) mailbox {
	conn, err := n.Host(ip(i)).ListenPacket(at(i, 1000))
	require.NoError(t, err)
	return mailbox{conn, t}
}

func (m mailbox) send(to byte, texts ...string) {
	m.t.Helper()
	for _, text := range texts {
		n, err := m.WriteTo([]byte(text), udp(at(to, 1000)))
		require.NoError(m.t, err)
		require.Equal(m.t, len(text), n)
	}
}

// receive returns what arrives within the time.
func (m mailbox) receive(within time.Duration) (texts []string) {
	m.t.Helper()
	require.NoError(m.t, m.SetReadDeadline(time.Now().Add(within)))
	buffer := make([]byte, 65536)
	for {
		n, _, err := m.ReadFrom(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return texts
		}
		require.NoError(m.t, err)
		texts = append(texts, string(buffer[:n]))
	}
}

// arrivals returns when each datagram arrives within the time, counted from now.
func (m mailbox) arrivals(within time.Duration) (after []time.Duration) {
	m.t.Helper()
	start := time.Now()
	require.NoError(m.t, m.SetReadDeadline(start.Add(within)))
	for {
		if _, _, err := m.ReadFrom(make([]byte, 1)); err != nil {
			require.ErrorIs(m.t, err, os.ErrDeadlineExceeded)
			return after
		}
		after = append(after, time.Since(start))
	}
}
