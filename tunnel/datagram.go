package tunnel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
)

// A datagram of a UDP flow travels as a QUIC datagram on the connection of the flow's stream. One that is too large for that
// travels on the stream itself, behind header and reply.
//
//	datagram  0  *  id of the stream, a QUIC varint (RFC 9000 §16)
//	          *  *  the application's datagram, which may be empty
//	message   0  2  length of the rest
//	          2  *  the application's datagram
const (
	datagramMost = 65507 // what UDP over IPv4 can carry
	quicMost     = 1500  // no QUIC packet is larger, so what is needn't be tried

	// A message that was begun has to come to its end, since its room is taken.
	messagePatience = 10 * time.Second
)

// parseDatagram reads what a data connection received.
func parseDatagram(b []byte) (of quic.StreamID, datagram []byte, ok bool) {
	id, n, err := quicvarint.Parse(b)
	if err != nil || len(b)-n > datagramMost {
		return 0, nil, false
	}
	return quic.StreamID(id), b[n:], true
}

func appendMessage(to, datagram []byte) []byte {
	return append(binary.BigEndian.AppendUint16(to, uint16(len(datagram))), datagram...)
}

// readMessage returns the next datagram of a flow's stream, or io.EOF at its end. It calls begun when it knows the length.
func readMessage(r io.Reader, begun func()) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	begun()
	datagram := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(r, datagram); err != nil {
		return nil, fmt.Errorf("datagram: %w", noEOF(err))
	}
	return datagram, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// flows are those of one data connection, by the ids of their streams.
type flows struct {
	mu   sync.Mutex
	byID map[quic.StreamID]*flow
}

func (f *flows) add(id quic.StreamID, added *flow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byID == nil {
		f.byID = make(map[quic.StreamID]*flow)
	}
	f.byID[id] = added
}

func (f *flows) remove(id quic.StreamID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.byID, id)
}

func (f *flows) get(id quic.StreamID) *flow {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.byID[id]
}

// sendDatagrams empties the outbox. It may block in quic-go, and nobody waits for it.
func (d *dataConn) sendDatagrams(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.outbox.ready:
		}
		for {
			l, _, ok := d.outbox.take(time.Now())
			if !ok {
				break
			}
			err := d.conn.SendDatagram(l.packet)
			if _, large := errors.AsType[*quic.DatagramTooLargeError](err); large {
				l.of.sendMessage(l.packet[len(l.of.prefix):])
			}
		}
	}
}

// receiveDatagrams hands out what comes. A flow that is over may have datagrams under way; they are nobody's.
func (e *Endpoint) receiveDatagrams(ctx context.Context, d *dataConn) {
	for {
		received, err := d.conn.ReceiveDatagram(ctx)
		if err != nil {
			return
		}
		id, datagram, ok := parseDatagram(received)
		var of *flow
		if ok {
			of = d.flows.get(id)
		}
		if of == nil {
			e.counters.stray.Add(1)
			continue
		}
		of.deliver(datagram)
	}
}
