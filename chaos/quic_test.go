package chaos_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// mutualTLS returns a configuration for both sides: one self-signed certificate that each demands of the other.
func mutualTLS(t *testing.T) *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Now().Add(-time.Minute),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		DNSNames:              []string{"peer"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		RootCAs:      pool,
		ClientCAs:    pool,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ServerName:   "peer",
		NextProtos:   []string{"test"},
	}
}

// echo is a QUIC server that sends streams and datagrams back.
type echo struct {
	listener *quic.Listener
	clients  chan *quic.Conn
}

var quicConfig = &quic.Config{EnableDatagrams: true, MaxIdleTimeout: 5 * time.Second, KeepAlivePeriod: time.Second}

// serveEcho serves on a socket until the test's end, which waits for it.
func serveEcho(t *testing.T, conn net.PacketConn, config *tls.Config) *echo {
	transport := &quic.Transport{Conn: conn}
	listener, err := transport.Listen(config, quicConfig)
	require.NoError(t, err)
	e := &echo{listener: listener, clients: make(chan *quic.Conn, 100)}
	go e.accept()
	t.Cleanup(func() {
		_ = listener.Close()
		_ = transport.Close()
		_ = conn.Close()
	})
	return e
}

func (e *echo) accept() {
	for {
		conn, err := e.listener.Accept(context.Background())
		if err != nil {
			return
		}
		e.clients <- conn
		go func() {
			for {
				datagram, err := conn.ReceiveDatagram(context.Background())
				if err != nil {
					return
				}
				_ = conn.SendDatagram(datagram)
			}
		}()
		go func() {
			for {
				stream, err := conn.AcceptStream(context.Background())
				if err != nil {
					return
				}
				go func() {
					_, _ = io.Copy(stream, stream)
					_ = stream.Close()
				}()
			}
		}()
	}
}

// dialEcho connects, and ends the connection with the test.
func dialEcho(t *testing.T, conn net.PacketConn, to net.Addr, config *tls.Config) *quic.Conn {
	transport := &quic.Transport{Conn: conn}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client, err := transport.Dial(ctx, to, config, quicConfig)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = client.CloseWithError(0, "done")
		_ = transport.Close()
		_ = conn.Close()
	})
	return client
}

// requireEcho sends bytes over a stream of its own and gets them back.
func requireEcho(t *testing.T, client *quic.Conn, size int) {
	t.Helper()
	stream, err := client.OpenStreamSync(context.Background())
	require.NoError(t, err)
	require.NoError(t, stream.SetDeadline(time.Now().Add(time.Minute)))
	sent := make([]byte, size)
	_, _ = rand.Read(sent)
	go func() {
		_, _ = stream.Write(sent)
		_ = stream.Close()
	}()
	got, err := io.ReadAll(stream)
	require.NoError(t, err)
	require.Equal(t, sent, got)
}

// TestQUIC runs real quic-go with mutual TLS over the network.
func TestQUIC(t *testing.T) {
	for name, row := range map[string]struct {
		conditions chaos.Conditions
		handshake  time.Duration // exactly; 0: as it comes
	}{
		"calm":            {chaos.Conditions{}, 0},
		"30 ms each way":  {chaos.Conditions{Delay: 30 * time.Millisecond}, 60 * time.Millisecond},
		"10 % loss":       {chaos.Conditions{Delay: 15 * time.Millisecond, Loss: 0.1}, 0},
		"out of order":    {chaos.Conditions{Delay: 15 * time.Millisecond, Jitter: 5 * time.Millisecond, Reorder: 0.25, Duplicate: 0.05, Corrupt: 0.01}, 0},
		"1,280 byte path": {chaos.Conditions{Delay: 15 * time.Millisecond, MTU: 1280}, 30 * time.Millisecond},
		"10 Mbit/s":       {chaos.Conditions{Delay: 15 * time.Millisecond, Rate: 1_250_000}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
				n.SetWeather(chaos.Uniform(row.conditions))
				config := mutualTLS(t)
				server := serveEcho(t, open(t, n, 1).PacketConn, config)
				start := time.Now()
				client := dialEcho(t, open(t, n, 2).PacketConn, server.listener.Addr(), config)
				if row.handshake != 0 {
					require.Equal(t, row.handshake, time.Since(start), "one round trip")
				}
				require.Len(t, client.ConnectionState().TLS.PeerCertificates, 1)
				require.Len(t, (<-server.clients).ConnectionState().TLS.PeerCertificates, 1)
				requireEcho(t, client, 200_000)

				require.NoError(t, client.SendDatagram([]byte("beat")))
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				if got, err := client.ReceiveDatagram(ctx); row.conditions.Loss == 0 && row.conditions.Corrupt == 0 {
					require.NoError(t, err)
					require.Equal(t, "beat", string(got))
				}
			})
		})
	}
}

// TestQUICInAMTUBlackHole shrinks the path under a connection below what a handshake needs: it dies of its idle timeout.
func TestQUICInAMTUBlackHole(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		config := mutualTLS(t)
		server := serveEcho(t, open(t, n, 1).PacketConn, config)
		client := dialEcho(t, open(t, n, 2).PacketConn, server.listener.Addr(), config)
		requireEcho(t, client, 10_000)
		n.SetWeather(chaos.Uniform(chaos.Conditions{MTU: 1000}))
		stream, err := client.OpenStream()
		require.NoError(t, err)
		_, err = stream.Write(make([]byte, 5000))
		require.NoError(t, err)
		require.NoError(t, stream.SetReadDeadline(time.Now().Add(time.Minute)))
		_, err = io.ReadFull(stream, make([]byte, 5000))
		require.Error(t, err)
		require.Positive(t, n.Counts().TooBig)
	})
}

// TestQUICBehindANATThatRestarts puts a relay on a host of its own between the two, and takes the client's address away.
func TestQUICBehindANATThatRestarts(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 5 * time.Millisecond}))
		config := mutualTLS(t)
		server := serveEcho(t, open(t, n, 1).PacketConn, config)
		nat := n.Host(ip(9))
		inside, err := nat.ListenPacket(at(9, 7946))
		require.NoError(t, err)
		relay, err := chaos.NewRelay(chaos.RelayConfig{
			Conn:   inside,
			Target: at(1, 1000),
			Dial:   func() (net.PacketConn, error) { return nat.ListenPacket(netip.AddrPortFrom(ip(9), 0)) },
		})
		require.NoError(t, err)
		stopped := runRelay(t, relay)

		client := dialEcho(t, open(t, n, 2).PacketConn, udp(at(9, 7946)), config)
		seen := <-server.clients
		before := seen.RemoteAddr().String()
		requireEcho(t, client, 10_000)
		relay.Rebind()
		requireEcho(t, client, 10_000)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		require.NotEqual(t, before, seen.RemoteAddr().String(), "the server follows the client to its new address")
		require.NoError(t, client.Context().Err())
		stopped()
	})
}
