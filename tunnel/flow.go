package tunnel

import (
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
)

// What waits for a flow's stream because it is too large for a datagram: of one flow, and of all flows of a connection.
const (
	messagesMost     = 8
	messageBytesMost = 4 << 20
)

// flow is a UDP flow over a link, as a net.Conn that keeps datagrams apart: each Write is one, each Read returns one, and
// what of it doesn't fit is lost. Write never waits: what can't go soon is dropped, as datagrams are. It lives as long as its
// stream, and the end of one side is the end of both.
type flow struct {
	endpoint *Endpoint
	carrier  *dataConn
	stream   *stream
	prefix   []byte // the id, as each datagram begins
	inbox    *inbox

	mu       sync.Mutex
	messages [][]byte // too large for a datagram
	writing  bool     // somebody takes them to the stream
}

// newFlow makes the flow of a stream, before anything can come for it.
func (e *Endpoint) newFlow(d *dataConn, s *stream) *flow {
	id := s.StreamID()
	f := &flow{endpoint: e, carrier: d, stream: s, prefix: quicvarint.Append(nil, uint64(id)), inbox: newInbox()}
	d.flows.add(id, f)
	over := s.over
	s.over = func() {
		d.flows.remove(id)
		over()
	}
	return f
}

// listen takes what comes on the stream, until the flow ends.
func (f *flow) listen() {
	for {
		datagram, err := readMessage(f.stream, func() { f.stream.SetReadDeadline(time.Now().Add(messagePatience)) })
		if err != nil {
			f.inbox.end(endOfFlow(err))
			return
		}
		f.stream.SetReadDeadline(time.Time{})
		f.deliver(datagram)
	}
}

// endOfFlow is what a reader hears.
func endOfFlow(err error) error {
	if reset, ok := errors.AsType[*quic.StreamError](err); ok && reset.Remote && reset.ErrorCode == codeUnheard {
		return DialFailed
	}
	return err
}

func (f *flow) deliver(datagram []byte) {
	if f.inbox.put(datagram) {
		f.endpoint.counters.datagramsDropped.Add(1)
	}
}

// Read returns the next datagram. At the end of the flow it returns io.EOF, or [DialFailed] where no endpoint listened and
// nothing was ever answered.
func (f *flow) Read(b []byte) (int, error) {
	datagram, err := f.inbox.take()
	return copy(b, datagram), err
}

// read is Read into a buffer that is taken only when there is something to read.
func (f *flow) read() (*[bufferSize]byte, int, error) {
	datagram, err := f.inbox.take()
	if err != nil {
		return nil, 0, err
	}
	buffer := buffers.Get().(*[bufferSize]byte)
	return buffer, copy(buffer[:], datagram), nil
}

// Write sends one datagram.
func (f *flow) Write(b []byte) (int, error) {
	if err := f.inbox.ended(); err != nil {
		return 0, net.ErrClosed
	}
	if len(b) > datagramMost {
		return 0, syscall.EMSGSIZE
	}
	if len(b) > quicMost {
		f.sendMessage(slices.Clone(b))
	} else {
		f.carrier.outbox.put(letter{packet: slices.Concat(f.prefix, b), at: time.Now(), of: f})
	}
	return len(b), nil
}

// sendMessage sends a datagram on the stream, some time.
func (f *flow) sendMessage(datagram []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.messages) == messagesMost || f.carrier.messageBytes.Load() > messageBytesMost {
		f.endpoint.counters.datagramsDropped.Add(1)
		return
	}
	f.messages = append(f.messages, datagram)
	f.carrier.messageBytes.Add(int64(len(datagram)))
	if !f.writing {
		f.writing = f.endpoint.tasks.start(f.writeMessages)
	}
}

// writeMessages writes what waits. The flow's end ends it too: then each Write fails at once.
func (f *flow) writeMessages() {
	for {
		f.mu.Lock()
		if len(f.messages) == 0 {
			f.writing = false
			f.mu.Unlock()
			return
		}
		datagram := f.messages[0]
		f.messages = f.messages[1:]
		f.mu.Unlock()
		f.stream.Write(appendMessage(nil, datagram))
		f.carrier.messageBytes.Add(-int64(len(datagram)))
	}
}

// Close ends the flow. The peer reads io.EOF.
func (f *flow) Close() error {
	f.inbox.end(net.ErrClosed)
	return f.stream.Close()
}

// Reset ends the flow at once; the peer reads an error.
func (f *flow) Reset() { f.abort(codeReset) }

func (f *flow) abort(code quic.StreamErrorCode) {
	f.inbox.end(net.ErrClosed)
	f.stream.abort(code)
}

// LocalAddr returns the address of this gateway's socket.
func (f *flow) LocalAddr() net.Addr { return f.stream.LocalAddr() }

// RemoteAddr returns the address of the peer's socket.
func (f *flow) RemoteAddr() net.Addr { return f.stream.RemoteAddr() }

// SetDeadline sets that of Read; Write needs none.
func (f *flow) SetDeadline(t time.Time) error { return f.SetReadDeadline(t) }

// SetReadDeadline sets when Read gives up.
func (f *flow) SetReadDeadline(t time.Time) error {
	f.inbox.setDeadline(t)
	return nil
}

// SetWriteDeadline does nothing: Write never waits.
func (f *flow) SetWriteDeadline(time.Time) error { return nil }
