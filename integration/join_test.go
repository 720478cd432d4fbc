package integration

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

var threeClusters = []registry.Cluster{"east", "north", "west"}

func TestThreeClustersJoinPublishAndResolve(t *testing.T) {
	newMesh(t, threeClusters, 2, func(m *mesh) {
		took := m.eventually(10*time.Second, "one mesh", m.all(), whole(6, 3))
		m.t.Logf("whole after %s", took)
		for _, g := range m.all() {
			vip := m.lookup(g, "web.shop.federated")
			served := make(map[string]int)
			for range 30 {
				served[m.get(g, vip)]++
			}
			require.Len(t, served, 3, "spread: every cluster serves: %v", served)
			require.Equal(t, "west", m.get(g, m.lookup(g, "west.web.shop.federated")), "the mirrored service is one cluster's")
		}
	})
}

// lookup asks the gateway's name server, over its socket, for the address of a name.
func (m *mesh) lookup(g *gateway, name string) netip.Addr {
	m.t.Helper()
	reply := m.query(g, name, dns.TypeA)
	require.Equal(m.t, dns.RcodeSuccess, reply.Rcode, reply.String())
	require.Len(m.t, reply.Answer, 1, reply.String())
	addr, ok := netip.AddrFromSlice(reply.Answer[0].(*dns.A).A.To4())
	require.True(m.t, ok)
	return addr
}

// query asks the gateway's name server over UDP, from beside it.
func (m *mesh) query(g *gateway, name string, qtype uint16) *dns.Msg {
	m.t.Helper()
	socket, err := g.host.ListenPacket(netip.MustParseAddrPort("127.0.0.1:0"))
	require.NoError(m.t, err)
	defer socket.Close()
	question, err := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype).Pack()
	require.NoError(m.t, err)
	require.NoError(m.t, socket.SetDeadline(time.Now().Add(time.Second)))
	_, err = socket.WriteTo(question, net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:8053")))
	require.NoError(m.t, err)
	buffer := make([]byte, 1500)
	n, _, err := socket.ReadFrom(buffer)
	require.NoError(m.t, err)
	reply := new(dns.Msg)
	require.NoError(m.t, reply.Unpack(buffer[:n]))
	return reply
}

// get asks the service at a VIP for its cluster's name, as an app beside the gateway does.
func (m *mesh) get(g *gateway, vip netip.Addr) string {
	m.t.Helper()
	name, err := g.try(vip)
	require.NoError(m.t, err)
	return name
}

func (g *gateway) try(vip netip.Addr) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := g.host.Dial(ctx, netip.AddrPortFrom(vip, 8080))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	name, err := io.ReadAll(conn)
	return string(name), err
}
