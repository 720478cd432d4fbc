package daemon

import (
	"sync"
	"time"
)

// Event is one thing that happened, as /v1/events tells it.
type Event struct {
	ID      uint64    `json:"id"`
	Time    time.Time `json:"time"`
	Type    string    `json:"type"` // link, member, service or daemon
	Gateway string    `json:"gateway,omitempty"`
	Service string    `json:"service,omitempty"`
	State   string    `json:"state,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Detail  string    `json:"detail,omitempty"`
}

// keptEvents bounds what a late reader can still learn: hours of a calm mesh, minutes of a stormy one.
const keptEvents = 2048

// events remembers the last events and wakes those who read on. A reader that is slow misses the oldest; nobody waits
// for it.
type events struct {
	mu      sync.Mutex
	last    uint64
	kept    []Event // ascending IDs, without gaps
	changed chan struct{}
}

func newEvents() *events { return &events{changed: make(chan struct{})} }

// Add stamps e and tells the readers.
func (l *events) Add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	e.ID, e.Time = l.last, time.Now()
	if len(l.kept) == keptEvents {
		l.kept = append(l.kept[:0], l.kept[1:]...)
	}
	l.kept = append(l.kept, e)
	close(l.changed)
	l.changed = make(chan struct{})
}

// Since returns the kept events with an ID above id, and a channel that closes when there are more.
func (l *events) Since(id uint64) ([]Event, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var news []Event
	if id < l.last {
		first := l.last - uint64(len(l.kept)) // the ID before the oldest kept
		news = append(news, l.kept[max(id, first)-first:]...)
	}
	return news, l.changed
}
