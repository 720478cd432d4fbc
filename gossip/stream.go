package gossip

import (
	"errors"
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Bounds of streams. A peer needs one at a time; each costs memberlist a goroutine, and its content in memory. That is
// the state of a ring: maxPeers members, at some 700 bytes each. (memberlist's own bound is 20 MiB.)
const (
	maxStreams        = 64
	maxStreamsPerPeer = 4
	maxStreamBytes    = 4 << 20
)

var errStreamTooLong = errors.New("gossip: stream is longer than the state of a ring can be")

// stream is a connection lent to memberlist: it knows its peer's name, is bounded, and tells when memberlist is done.
// memberlist closes every stream that it was given, and waits for none of the goroutines that do.
type stream struct {
	net.Conn
	peer nodeAddr
	left int // bytes that may still be read; only the reading goroutine touches it

	closing sync.Once
	onClose func(*stream)
	done    chan struct{}
}

func newStream(conn net.Conn, peer nodeAddr, onClose func(*stream)) *stream {
	return &stream{Conn: conn, peer: peer, left: maxStreamBytes, onClose: onClose, done: make(chan struct{})}
}

// Read reads until the stream has brought all that it may.
func (s *stream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, errStreamTooLong
	}
	n, err := s.Conn.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}

// RemoteAddr names the peer.
func (s *stream) RemoteAddr() net.Addr { return s.peer }

// Close closes the connection, once.
func (s *stream) Close() error {
	err := net.ErrClosed
	s.closing.Do(func() {
		err = s.Conn.Close()
		s.onClose(s)
		close(s.done)
	})
	return err
}

// accept hands a stream to memberlist and returns when that is done with it.
func (t *transport) accept(from registry.Gateway, conn net.Conn) {
	s := newStream(conn, nodeAddr(from), t.reclaim)
	defer s.Close()
	if opener := t.introduce(from); opener == nil || !t.lend(s, opener) {
		t.refused.Add(1)
		return
	}
	select {
	case t.streams <- s:
		<-s.done
	case <-t.down:
	}
}

// lend remembers a stream, so that stopping can close it. Those that a peer opened are counted, and bounded.
func (t *transport) lend(s *stream, opener *route) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.life.Err() != nil {
		return false
	}
	if opener != nil {
		if opener.streams == maxStreamsPerPeer || len(t.open) >= maxStreams {
			return false
		}
		opener.streams++
	}
	t.open[s] = opener
	return true
}

func (t *transport) reclaim(s *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if opener := t.open[s]; opener != nil {
		opener.streams--
	}
	delete(t.open, s)
}

// hangUp closes every stream. New ones have been refused since life ended.
func (t *transport) hangUp() {
	t.mu.Lock()
	streams := slices.Collect(maps.Keys(t.open))
	t.mu.Unlock()
	for _, s := range streams {
		_ = s.Close()
	}
}
