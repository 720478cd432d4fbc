package tunnel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/grapevine-mesh/grapevine/registry"
)

// The protocols of a connection (ALPN). Control and data never share one, so that bulk data never delays gossip.
const (
	alpnControl = "grapevine-control/1"
	alpnData    = "grapevine-data/1"
)

// Why a connection was closed, as its peer reads it.
const (
	codeFarewell  quic.ApplicationErrorCode = 1 // the gateway goes away on purpose
	codeDuplicate quic.ApplicationErrorCode = 2 // another connection to the same peer is used
	codeIdentity  quic.ApplicationErrorCode = 3 // the certificate is no longer valid
	codeDown      quic.ApplicationErrorCode = 4 // the link is down
	codeProtocol  quic.ApplicationErrorCode = 5 // what came was not expected
	codeTwin      quic.ApplicationErrorCode = 6 // a gateway of the same name that started later is connected
)

// Why a stream was reset.
const (
	codeReset     quic.StreamErrorCode = 1 // the application's connection was
	codeAbandoned quic.StreamErrorCode = 2 // another candidate answered first
	codeBusy      quic.StreamErrorCode = 3 // over a limit
	codeUnheard   quic.StreamErrorCode = 4 // no endpoint listens for the flow's datagrams, and none answered
)

const (
	// A connection that hears nothing for so long is over. Control connections have the shortest time that QUIC peers
	// accept: with 30 s, a link was back only 10 s after an outage, because retransmissions back off.
	controlIdle = 5 * time.Second
	dataIdle    = 30 * time.Second

	handshakeTimeout = 3 * time.Second // also for a hello and its answer: 12 round trips at 250 ms
)

// quicConfig is for connections that we dial or, since the smaller idle timeout holds, accept.
func (e *Endpoint) quicConfig(idle time.Duration) *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout: handshakeTimeout,
		MaxIdleTimeout:       idle,
		KeepAlivePeriod:      idle / 3,
		EnableDatagrams:      true,
		// More than the limit, so that what is over it hears a refusal rather than nothing.
		MaxIncomingStreams:    int64(e.cfg.Limits.Streams + 256),
		MaxIncomingUniStreams: 256,
		// What a peer can make us hold. Wider windows carried no more on any path that was measured.
		MaxStreamReceiveWindow:     4 << 20,
		MaxConnectionReceiveWindow: 8 << 20,
	}
}

// clientTLS is made for every dialling, since certificates and CAs change while running. The peer has to be the given
// gateway, unless that is zero.
func (e *Endpoint) clientTLS(own *credentials, alpn string, peer registry.Gateway) *tls.Config {
	config := e.tlsConfig(own, nil)
	config.NextProtos = []string{alpn}
	verify := config.VerifyConnection
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if err := verify(state); err != nil {
			return err
		}
		is, err := gatewayOf(state.PeerCertificates[0], e.cfg.Identity.mesh)
		if err == nil && is != peer && !peer.IsZero() {
			err = fmt.Errorf("%s answers there, and not %s", is, peer)
		}
		return err
	}
	return config
}

func (e *Endpoint) serverTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			config := e.tlsConfig(e.cfg.Identity.current.Load(), hello.Conn.RemoteAddr())
			config.NextProtos = []string{alpnControl, alpnData}
			config.ClientAuth = tls.RequireAnyClientCert
			return config, nil
		},
	}
}

// tlsConfig leaves the verification of names to us: a peer is what its SPIFFE ID says, wherever it is dialled. There are
// no session tickets: on resumption nothing would be verified again.
func (e *Endpoint) tlsConfig(own *credentials, from net.Addr) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{{Certificate: own.der, PrivateKey: own.key, Leaf: own.chain[0]}},
		InsecureSkipVerify:     true, // by crypto/tls; VerifyConnection does it
		SessionTicketsDisabled: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			_, err := e.cfg.Identity.verify(state.PeerCertificates, time.Now())
			if err != nil && from != nil {
				e.strangers.Do(func() { e.cfg.Log.Warn().Stringer("from", from).Err(err).Msg("connection refused") })
			}
			return err
		},
	}
}

// peerOf returns who is at the other end of an established connection.
func (e *Endpoint) peerOf(conn *quic.Conn) (g registry.Gateway, chain [][]byte, err error) {
	certificates := conn.ConnectionState().TLS.PeerCertificates
	if len(certificates) == 0 {
		return g, nil, errNoCertificate
	}
	for _, certificate := range certificates {
		chain = append(chain, certificate.Raw)
	}
	g, err = gatewayOf(certificates[0], e.cfg.Identity.mesh)
	return g, chain, err
}

// reasonOf says in a word or two why a connection ended.
func reasonOf(err error) string {
	if closed, ok := errors.AsType[*quic.ApplicationError](err); ok {
		switch closed.ErrorCode {
		case codeFarewell:
			return ReasonFarewell
		case codeDuplicate:
			return "duplicate"
		case codeIdentity:
			return "certificate"
		case codeDown:
			return "down"
		}
	}
	if refused, ok := errors.AsType[*quic.TransportError](err); ok && refused.ErrorCode.IsCryptoError() {
		if refused.Remote {
			return "certificate refused by the peer"
		}
		return "certificate of the peer refused"
	}
	if _, ok := errors.AsType[*quic.StatelessResetError](err); ok {
		return "restarted"
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return "timeout"
	}
	return "closed"
}
