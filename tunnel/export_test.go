package tunnel

import (
	"errors"
	"net"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Connections returns how many control and data connections there are to a gateway.
func (e *Endpoint) Connections(g registry.Gateway) (control, data int) {
	p := e.peer(g)
	if p == nil {
		return 0, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns), len(p.data)
}

// Loads returns how many streams each data connection to a gateway carries.
func (e *Endpoint) Loads(g registry.Gateway) (loads []int) {
	p := e.peer(g)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.data {
		loads = append(loads, int(d.streams.Load()))
	}
	return loads
}

// CloseData closes all data connections to a gateway, as one does that replaces them.
func (e *Endpoint) CloseData(g registry.Gateway) {
	p := e.peer(g)
	p.mu.Lock()
	defer p.unlock()
	for _, d := range p.data {
		p.doomed = append(p.doomed, doom{d.conn, codeDuplicate, "replaced"})
	}
}

// StaleStreams returns how many streams the data connections carry that are being replaced.
func (e *Endpoint) StaleStreams(g registry.Gateway) (n int) {
	p := e.peer(g)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.data {
		if d.freshness.stale() {
			n += int(d.streams.Load())
		}
	}
	return n
}

func (e *Endpoint) rawStream(g registry.Gateway) (*quic.Stream, error) {
	p := e.peer(g)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.data[0].conn.OpenStream()
}

// OpenSilentStream opens a data stream as a bad peer would, and says one byte on it.
func (e *Endpoint) OpenSilentStream(g registry.Gateway) error {
	s, err := e.rawStream(g)
	if err != nil {
		return err
	}
	_, err = s.Write([]byte{headerVersion})
	return err
}

// SendGarbage opens a data stream with a header that isn't one, and returns the refusal.
func (e *Endpoint) SendGarbage(g registry.Gateway, garbage []byte) (Refusal, error) {
	s, err := e.rawStream(g)
	if err != nil {
		return "", err
	}
	defer s.CancelRead(0)
	defer s.Close()
	if _, err := s.Write(garbage); err != nil {
		return "", err
	}
	s.SetReadDeadline(time.Now().Add(time.Second))
	refusal, is := errors.AsType[Refusal](readReply(s))
	if !is {
		return "", errors.New("not refused")
	}
	return refusal, nil
}

// SendDatagram sends something on a data connection that isn't of any flow.
func (e *Endpoint) SendDatagram(g registry.Gateway, datagram []byte) error {
	p := e.peer(g)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.data[0].conn.SendDatagram(datagram)
}

// WriteRaw writes to the stream of a flow.
func WriteRaw(conn net.Conn, b []byte) error {
	_, err := conn.(*flow).stream.Write(b)
	return err
}

// Flows returns how many flows the data connections to a gateway know.
func (e *Endpoint) Flows(g registry.Gateway) (n int) {
	p := e.peer(g)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.data {
		d.flows.mu.Lock()
		n += len(d.flows.byID)
		d.flows.mu.Unlock()
	}
	return n
}
