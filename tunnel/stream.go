package tunnel

import (
	"net"
	"sync"

	"github.com/quic-go/quic-go"
)

// stream is a QUIC stream as a net.Conn with half-close and reset.
type stream struct {
	*quic.Stream
	local, remote net.Addr
	writing       chan struct{} // one slot, held while writing: quic-go forbids Close beside Write
	over          func()        // called once, when it is closed or reset
	once          sync.Once
}

func newStream(conn *quic.Conn, s *quic.Stream, over func()) *stream {
	return &stream{
		Stream: s, local: conn.LocalAddr(), remote: conn.RemoteAddr(),
		writing: make(chan struct{}, 1), over: over,
	}
}

// LocalAddr returns the address of this gateway's socket.
func (s *stream) LocalAddr() net.Addr { return s.local }

// RemoteAddr returns the address of the peer's socket.
func (s *stream) RemoteAddr() net.Addr { return s.remote }

// Write writes all of b.
func (s *stream) Write(b []byte) (int, error) {
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	return s.Stream.Write(b)
}

// CloseWrite says that no more will be written; the peer reads io.EOF after what was.
func (s *stream) CloseWrite() error {
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	return s.Stream.Close()
}

// Close ends both directions. What was written still arrives, what comes is thrown away: without the latter a stream
// counts against the peer's limit for ever.
func (s *stream) Close() error {
	if !s.end() {
		return nil
	}
	s.CancelRead(0)
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
		return s.Stream.Close()
	default:
		s.CancelWrite(codeReset) // ends the Write that is under way
		return nil
	}
}

// Reset ends both directions at once; the peer reads an error.
func (s *stream) Reset() { s.abort(codeReset) }

func (s *stream) abort(code quic.StreamErrorCode) {
	s.CancelRead(code)
	s.CancelWrite(code)
	s.end()
}

// end tells whether the stream was still open.
func (s *stream) end() (was bool) {
	s.once.Do(func() {
		was = true
		if s.over != nil {
			s.over()
		}
	})
	return was
}
