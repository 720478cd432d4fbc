package tunnel

import (
	"sync"
	"sync/atomic"
	"time"
)

// The outbox of a connection. Sending a datagram blocks once quic-go holds 32 of them, and to a vanished peer it blocks
// until the idle timeout; neither the ring nor another flow must ever wait that long. What is older than outboxAge is of no
// use to anybody.
const (
	outboxSize     = 128
	flowOutboxSize = 1024 // many clients may speak in the same instant
	outboxAge      = 2 * time.Second
)

// outbox is a queue that never blocks who puts something in: a full one drops its oldest.
type outbox struct {
	ready   chan struct{}  // one slot: there may be something to take
	dropped *atomic.Uint64 // counts what is never sent, for all outboxes

	mu      sync.Mutex
	queue   []letter // a ring
	first   int
	count   int
	beatDue bool
}

type letter struct {
	packet []byte
	at     time.Time
	of     *flow // nil: the ring's
}

func newOutbox(size int, dropped *atomic.Uint64) *outbox {
	return &outbox{ready: make(chan struct{}, 1), dropped: dropped, queue: make([]letter, size)}
}

// put queues a letter, whose packet the caller no longer touches.
func (o *outbox) put(l letter) {
	o.mu.Lock()
	if o.count == len(o.queue) {
		o.popLocked()
		o.dropped.Add(1)
	}
	o.queue[(o.first+o.count)%len(o.queue)] = l
	o.count++
	o.mu.Unlock()
	o.wake()
}

func (o *outbox) popLocked() letter {
	l := o.queue[o.first]
	o.queue[o.first] = letter{}
	o.first = (o.first + 1) % len(o.queue)
	o.count--
	return l
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

// take returns the next letter, or that a beat is due, or that there is nothing.
func (o *outbox) take(now time.Time) (l letter, beat, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.beatDue {
		o.beatDue = false
		return letter{}, true, true
	}
	for o.count > 0 {
		l = o.popLocked()
		if now.Sub(l.at) <= outboxAge {
			return l, false, true
		}
		o.dropped.Add(1)
	}
	return letter{}, false, false
}
