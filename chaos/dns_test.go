package chaos_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// connectedUDP makes the net.Conn that a DNS client wants out of a packet socket.
type connectedUDP struct {
	net.PacketConn
	to net.Addr
}

func (c connectedUDP) RemoteAddr() net.Addr { return c.to }

func (c connectedUDP) Write(b []byte) (int, error) { return c.WriteTo(b, c.to) }

func (c connectedUDP) Read(b []byte) (int, error) {
	n, _, err := c.ReadFrom(b)
	return n, err
}

// TestDNS runs miekg/dns over the network, with an answer so long that it only fits over TCP.
func TestDNS(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 10 * time.Millisecond}))
		server := n.Host(ip(1))
		packets, err := server.ListenPacket(at(1, 53))
		require.NoError(t, err)
		listener, err := server.Listen(at(1, 53))
		require.NoError(t, err)
		handler := dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
			answer := new(dns.Msg).SetReply(query)
			for i := range 200 {
				answer.Answer = append(answer.Answer, &dns.A{
					Hdr: dns.RR_Header{Name: query.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 5},
					A:   net.IPv4(10, 1, 0, byte(i)),
				})
			}
			if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
				answer.Truncate(dns.MinMsgSize)
			}
			_ = w.WriteMsg(answer)
		})
		ended := make(chan error, 2)
		overUDP, overTCP := &dns.Server{PacketConn: packets, Handler: handler}, &dns.Server{Listener: listener, Handler: handler}
		go func() { ended <- overUDP.ActivateAndServe() }()
		go func() { ended <- overTCP.ActivateAndServe() }()

		query := new(dns.Msg).SetQuestion("web.shop.federated.", dns.TypeA)
		socket, err := n.Host(ip(2)).ListenPacket(netip.MustParseAddrPort("0.0.0.0:0"))
		require.NoError(t, err)
		answer, took, err := new(dns.Client).ExchangeWithConn(query, &dns.Conn{Conn: connectedUDP{socket, udp(at(1, 53))}})
		require.NoError(t, err)
		require.True(t, answer.Truncated)
		require.Equal(t, 20*time.Millisecond, took)

		stream, err := n.Host(ip(2)).Dial(t.Context(), at(1, 53))
		require.NoError(t, err)
		for range 3 {
			answer, took, err = (&dns.Client{Net: "tcp"}).ExchangeWithConn(query, &dns.Conn{Conn: stream})
			require.NoError(t, err)
			require.Len(t, answer.Answer, 200)
			require.Equal(t, 20*time.Millisecond, took)
		}
		require.NoError(t, stream.Close())
		require.NoError(t, socket.Close())
		require.NoError(t, overUDP.Shutdown())
		require.NoError(t, overTCP.Shutdown())
		require.NoError(t, <-ended)
		require.NoError(t, <-ended)
	})
}
