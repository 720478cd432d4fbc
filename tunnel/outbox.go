package tunnel

import (
	"sync"
	"sync/atomic"
	"time"
)

// The outbox of a control connection. Sending a datagram blocks once quic-go holds 32 of them, and to a vanished peer it
// blocks until the idle timeout; the ring must never wait that long. What is older than outboxAge is of no use to it.
const (
	outboxSize = 128
	outboxAge  = 2 * time.Second
)

// outbox is a queue that never blocks who puts something in: a full one drops its oldest.
type outbox struct {
	ready   chan struct{}  // one slot: there may be something to take
	dropped *atomic.Uint64 // counts what is never sent, for all outboxes

	mu      sync.Mutex
	queue   [outboxSize]letter
	first   int
	count   int
	beatDue bool
}

type letter struct {
	packet []byte
	at     time.Time
}

func newOutbox(dropped *atomic.Uint64) *outbox {
	return &outbox{ready: make(chan struct{}, 1), dropped: dropped}
}

// put queues a packet, which the caller no longer touches.
func (o *outbox) put(packet []byte, now time.Time) {
	o.mu.Lock()
	if o.count == outboxSize {
		o.queue[o.first] = letter{}
		o.first = (o.first + 1) % outboxSize
		o.count--
		o.dropped.Add(1)
	}
	o.queue[(o.first+o.count)%outboxSize] = letter{packet, now}
	o.count++
	o.mu.Unlock()
	o.wake()
}

// beat asks for a beat before everything else. It is written when it is taken, and asking twice is asking once.
func (o *outbox) beat() {
	o.mu.Lock()
	o.beatDue = true
	o.mu.Unlock()
	o.wake()
}

func (o *outbox) wake() {
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// take returns the next packet, or that a beat is due, or that there is nothing.
func (o *outbox) take(now time.Time) (packet []byte, beat, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.beatDue {
		o.beatDue = false
		return nil, true, true
	}
	for o.count > 0 {
		l := o.queue[o.first]
		o.queue[o.first] = letter{}
		o.first = (o.first + 1) % outboxSize
		o.count--
		if now.Sub(l.at) <= outboxAge {
			return l.packet, false, true
		}
		o.dropped.Add(1)
	}
	return nil, false, false
}
