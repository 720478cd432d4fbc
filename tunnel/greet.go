package tunnel

import (
	"context"

	"github.com/quic-go/quic-go"
)

// greet says hello on a connection that we dialled, and attaches it when the answer has come.
func (e *Endpoint) greet(ctx context.Context, conn *quic.Conn, own *credentials) (*control, error) {
	c, err := e.newControl(conn, own)
	if err != nil {
		return nil, err
	}
	s, err := conn.OpenStream()
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		s.SetDeadline(deadline)
	}
	stop := context.AfterFunc(ctx, func() { s.CancelRead(0) })
	defer stop()
	number := e.dialled.Add(1)
	if _, err := s.Write(hello{e.cfg.Instance, number}.append([]byte{byte(kindHello)})); err != nil {
		return nil, err
	}
	answer, err := readHello(s)
	if err != nil {
		return nil, err
	}
	s.CancelRead(0)
	s.Close()
	if c.gateway == e.cfg.Self {
		if answer.instance == e.cfg.Instance {
			return nil, ErrSelf
		}
		return nil, ErrTwin
	}
	c.pedigree = pedigree{instance: answer.instance, dialledBy: e.cfg.Self, number: number}
	return c, e.attach(c)
}

// welcome answers the hello on a connection that we accepted, having attached it: when the dialler reads the answer, it
// may use the link.
func (e *Endpoint) welcome(ctx context.Context, conn *quic.Conn) (*control, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	c, err := e.newControl(conn, nil)
	if err != nil {
		return nil, err
	}
	s, err := conn.AcceptStream(ctx)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	s.SetDeadline(deadline)
	var kind [1]byte
	if _, err := s.Read(kind[:]); err != nil {
		return nil, err
	}
	said, err := readHello(s)
	if err != nil || Kind(kind[0]) != kindHello {
		return nil, errHello
	}
	c.pedigree = pedigree{instance: said.instance, dialledBy: c.gateway, number: said.number}
	if c.gateway != e.cfg.Self {
		if err := e.attach(c); err != nil {
			return nil, err
		}
	}
	if _, err := s.Write(hello{instance: e.cfg.Instance}.append(nil)); err != nil {
		e.cfg.Log.Debug().Stringer("gateway", c.gateway).Err(err).Msg("hello not answered")
	}
	s.CancelRead(0)
	s.Close()
	if c.gateway == e.cfg.Self {
		<-conn.Context().Done() // the dialler closes when it has read who we are
		return nil, ErrSelf
	}
	return c, nil
}
