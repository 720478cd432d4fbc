package gossip

import (
	"sync"
	"time"
)

// Bounds of an outbox. A ring of the size that Grapevine is made for sends a peer some tens of packets a second, so
// that 128 is seconds of silence; and what is two seconds old answers a question that nobody asks any more.
const (
	outboxLength = 128
	outboxAge    = 2 * time.Second
)

// outbox holds the packets that wait for one peer. memberlist sends from its only receiving goroutine, from its
// gossip ticker and from its prober: one slow peer there would make every other peer look dead (a second of blocking
// tripled the time to detect a death). So put never waits; a goroutine carries the packets out while there are any.
type outbox struct {
	send  func(packet []byte)
	spawn func(func()) bool // runs a function on a goroutine that somebody waits for; false when it is too late
	drop  func()            // counts a packet that was given up

	mu      sync.Mutex
	queue   []parcel
	working bool
}

type parcel struct {
	packet []byte
	at     time.Time
}

// put takes the packet; the oldest one goes where there are too many.
func (o *outbox) put(packet []byte, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == outboxLength {
		o.queue = o.queue[1:]
		o.drop()
	}
	o.queue = append(o.queue, parcel{packet, now})
	if !o.working {
		o.working = o.spawn(o.carry)
	}
}

// carry sends until nothing is left.
func (o *outbox) carry() {
	for {
		p, ok := o.next()
		if !ok {
			return
		}
		if time.Since(p.at) > outboxAge {
			o.drop()
			continue
		}
		o.send(p.packet)
	}
}

func (o *outbox) next() (parcel, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		o.queue, o.working = nil, false
		return parcel{}, false
	}
	p := o.queue[0]
	o.queue = o.queue[1:]
	return p, true
}
