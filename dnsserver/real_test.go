package dnsserver

import (
	"context"
	"net"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// TestRealSockets asks over the kernel's UDP and TCP, with a server bound to all addresses: the reply has to come from
// the one that was asked, which no simulated network shows, and clients take it from nobody else.
func TestRealSockets(t *testing.T) {
	packets, err := net.ListenPacket("udp4", "0.0.0.0:0")
	require.NoError(t, err)
	streams, err := net.Listen("tcp4", "0.0.0.0:0")
	require.NoError(t, err)
	server := newTestServer(t, newFakeDirectory("export east web.shop federated gateway http:80/TCP", "vip web.shop 127.80.0.1"))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, packets, streams) }()

	for _, asked := range []string{"127.0.0.1", "127.0.0.2", "127.80.3.7"} {
		for network, bound := range map[string]net.Addr{"udp": packets.LocalAddr(), "tcp": streams.Addr()} {
			_, port, err := net.SplitHostPort(bound.String())
			require.NoError(t, err)
			client := &dns.Client{Net: network}
			reply, _, err := client.ExchangeContext(t.Context(), ask("web.shop.federated. A"), net.JoinHostPort(asked, port))
			require.NoError(t, err, "%s %s", network, asked)
			require.Len(t, reply.Answer, 1)
		}
	}
	cancel()
	require.NoError(t, <-ended)
	_, err = packets.WriteTo(nil, packets.LocalAddr())
	require.ErrorIs(t, err, net.ErrClosed)
}
