package tunnel

import (
	"os"
	"sync"
	"time"
)

// inboxSize is how many datagrams wait for a reader. There is one always, which never waits for anything but a socket.
const inboxSize = 64

// inbox is a queue of datagrams that never blocks who puts one in: a full one drops its oldest.
type inbox struct {
	ready chan struct{} // one slot: there may be something to take

	mu       sync.Mutex
	queue    [][]byte
	over     error // why nothing more will come
	deadline time.Time
}

func newInbox() *inbox { return &inbox{ready: make(chan struct{}, 1)} }

// put queues a datagram, which the caller no longer touches. It tells whether it had to drop one.
func (i *inbox) put(datagram []byte) (dropped bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.over != nil {
		return true
	}
	if dropped = len(i.queue) == inboxSize; dropped {
		i.queue = i.queue[1:]
	}
	i.queue = append(i.queue, datagram)
	i.wake()
	return dropped
}

// end says why nothing more will come. The first to say it is right.
func (i *inbox) end(why error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.over == nil {
		i.over = why
	}
	i.wake()
}

// ended returns why nothing more comes, or nil.
func (i *inbox) ended() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.over
}

func (i *inbox) setDeadline(t time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.deadline = t
	i.wake()
}

func (i *inbox) wake() {
	select {
	case i.ready <- struct{}{}:
	default:
	}
}

// take waits for the next datagram. What came before the end is still returned.
func (i *inbox) take() ([]byte, error) {
	for {
		datagram, until, err := i.poll()
		if datagram != nil || err != nil {
			return datagram, err
		}
		i.await(until)
	}
}

// poll returns the next datagram, which is never nil, or how long to wait for one.
func (i *inbox) poll() (datagram []byte, until time.Time, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case len(i.queue) > 0:
		datagram, i.queue[0] = i.queue[0], nil
		i.queue = i.queue[1:]
	case i.over != nil:
		err = i.over
	case !i.deadline.IsZero() && !time.Now().Before(i.deadline):
		err = os.ErrDeadlineExceeded
	default:
		return nil, i.deadline, nil
	}
	i.wake() // another reader may wait too
	return datagram, until, err
}

func (i *inbox) await(until time.Time) {
	if until.IsZero() {
		<-i.ready
		return
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-i.ready:
	case <-timer.C:
	}
}
