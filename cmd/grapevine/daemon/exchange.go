package daemon

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// exchangeTimeout bounds one question and its answer. It leaves room for a full registry over a slow link; a peer that is
// gone is noticed sooner, when its connection ends.
const exchangeTimeout = 10 * time.Second

// exchange carries the registry's frames over the links: one control stream per question, which holds the frame, a half-
// close, and the reply.
type exchange struct {
	endpoint *tunnel.Endpoint
	handle   func(from registry.Gateway, frame []byte) (reply []byte)
}

// Request asks the gateway to and returns its reply.
func (x *exchange) Request(ctx context.Context, to registry.Gateway, frame []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	stream, err := x.endpoint.OpenStream(ctx, to, tunnel.KindRegistry)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, func() { stream.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := send(stream, frame); err != nil {
		return nil, fmt.Errorf("registry frame to %s: %w", to, err)
	}
	reply, err := receive(stream)
	if err != nil {
		return nil, fmt.Errorf("registry reply of %s: %w", to, err)
	}
	return reply, nil
}

// Serve answers one stream of a peer.
func (x *exchange) Serve(from registry.Gateway, stream net.Conn) {
	defer stream.Close()
	stream.SetDeadline(time.Now().Add(exchangeTimeout))
	frame, err := receive(stream)
	if err != nil {
		return // the asker is gone, and asks again
	}
	send(stream, x.handle(from, frame)) // as above
}

func send(stream net.Conn, frame []byte) error {
	if _, err := stream.Write(frame); err != nil {
		return err
	}
	return stream.(interface{ CloseWrite() error }).CloseWrite()
}

func receive(stream net.Conn) ([]byte, error) {
	frame, err := io.ReadAll(io.LimitReader(stream, registry.MaxFrame+1))
	if err == nil && len(frame) > registry.MaxFrame {
		return nil, fmt.Errorf("more than %d bytes", registry.MaxFrame)
	}
	return frame, err
}
