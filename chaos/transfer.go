package chaos

import (
	"syscall"
	"time"
)

// transfer is one direction of a stream, kept by the end that sends. Bytes stay in the buffer until they have arrived, so
// that what got lost is sent again: a stream outlives a cut that is short enough, as TCP does.
//
//	written ──▶ buffer: │ under way (sent) │ waiting │ ──▶ the peer's received
//	                    ▲                            a lost segment takes all behind it back to waiting,
//	                    └ arrives first              until the next try
type transfer struct {
	buffer []byte
	sent   int       // bytes at the front of buffer that are under way
	last   time.Time // when the latest segment arrives

	open  progress // the handshake's third step: the accepting side gets the stream when it arrives
	end   bool     // nothing more will be written
	final progress // the word of that end

	round int  // of sending: what is under way of an earlier one doesn't count
	tries int  // rounds without an arrival
	pause bool // waits for the next round
}

// progress is how far a thing that is sent once has got.
type progress byte

const (
	waiting progress = iota
	underway
	arrived
)

// segment is what is sent at once.
type segment struct {
	open  *listener // in the dialling end's first: where it asks to be accepted
	data  []byte    // a part of the buffer, whose bytes never change
	final bool
}

// Linux's figures, where it has any.
const (
	sendBuffer  = 256 << 10
	window      = 256 << 10              // bytes that a peer takes without reading
	segmentSize = 16 << 10               // as with segmentation offload
	firstRetry  = 200 * time.Millisecond // TCP_RTO_MIN
	lastRetry   = 120 * time.Second      // TCP_RTO_MAX
	maxTries    = 16                     // the first and tcp_retries2: 924.6 s in all
)

// pumpLocked sends what may be sent now.
func (s *streamConn) pumpLocked() {
	t := &s.sending
	for s.peer != nil && s.err == nil && !t.pause && !s.host.frozen {
		room := window - t.sent - len(s.peer.received)
		size := max(0, min(len(t.buffer)-t.sent, segmentSize, room))
		seg := segment{data: t.buffer[t.sent:][:size]}
		if t.open == waiting {
			seg.open = s.door
		}
		seg.final = t.end && t.final == waiting && t.sent+size == len(t.buffer)
		if size == 0 && seg.open == nil && !seg.final {
			return
		}
		at, ok := s.host.network.passageLocked(s.host, s.local.Addr(), s.remote.Addr(), size)
		if !ok {
			s.pauseLocked()
			return
		}
		s.sendLocked(seg, at)
	}
}

func (s *streamConn) sendLocked(seg segment, at time.Time) {
	t := &s.sending
	t.sent += len(seg.data)
	if seg.open != nil {
		t.open = underway
	}
	if seg.final {
		t.final = underway
	}
	t.last = notBefore(at, t.last) // whatever the weather does, order is kept
	round := t.round
	s.host.network.agenda.addLocked(t.last, func() {
		if round == t.round {
			s.arriveLocked(seg)
		}
	})
}

// arriveLocked ends a segment's way.
func (s *streamConn) arriveLocked(seg segment) {
	t, peer := &s.sending, s.peer
	n := s.host.network
	switch {
	case !n.reachesLocked(s.host, s.local.Addr(), s.remote.Addr()), peer.host.down, seg.open != nil && seg.open.fullLocked():
		s.rewindLocked()
		return
	case peer.err != nil, peer.closed && len(seg.data) > 0, seg.open != nil && seg.open.closed:
		peer.resetLocked()
		return
	}
	t.tries = 0
	peer.received = append(peer.received, seg.data...)
	if s.err == nil {
		t.buffer = t.buffer[len(seg.data):]
		t.sent -= len(seg.data)
	}
	if seg.open != nil {
		t.open = arrived
		seg.open.acceptLocked(peer)
	}
	if seg.final {
		t.final = arrived
		peer.finished = true
	}
	peer.waiters.Broadcast()
	s.waiters.Broadcast()
	s.releaseLocked()
	peer.releaseLocked()
}

// rewindLocked takes all that is under way back, to be sent again later.
func (s *streamConn) rewindLocked() {
	t := &s.sending
	t.round++
	t.sent = 0
	if t.open == underway {
		t.open = waiting
	}
	if t.final == underway {
		t.final = waiting
	}
	s.pauseLocked()
}

// pauseLocked sends nothing new until the next try, twice as long each time; at last the stream breaks.
func (s *streamConn) pauseLocked() {
	t := &s.sending
	if t.tries == maxTries {
		s.breakLocked(syscall.ETIMEDOUT)
		return
	}
	t.pause = true
	wait := min(firstRetry<<t.tries, lastRetry)
	t.tries++
	s.host.network.agenda.addLocked(time.Now().Add(wait), func() {
		t.pause = false
		s.pumpLocked()
	})
}
