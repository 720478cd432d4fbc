package chaos

import (
	"container/heap"
	"sync"
	"time"
)

// agenda does things at their time; what is due at the same time is done in the order in which it was put down. It has
// one timer and no goroutine of its own, so that an abandoned network is only garbage.
type agenda struct {
	mu      *sync.Mutex // its owner's; held while something is done
	timer   *time.Timer
	armed   time.Time // when the timer fires; zero: it doesn't
	entries entries
	count   uint64
	working bool // somewhere up the stack, an entry is being done
	stopped bool
}

type entry struct {
	at    time.Time
	count uint64
	do    func()
}

// addLocked puts down what is to be done at some time; what is due by now has been done when it returns, unless an entry
// that is being done adds another. Entries mustn't wait for anything.
func (a *agenda) addLocked(at time.Time, do func()) {
	if a.stopped {
		return
	}
	a.count++
	heap.Push(&a.entries, &entry{at: at, count: a.count, do: do})
	if !a.working {
		a.workLocked()
	}
}

// workLocked does what is due and sets the timer to what is next.
func (a *agenda) workLocked() {
	a.working = true
	for len(a.entries) > 0 && !a.entries[0].at.After(time.Now()) {
		heap.Pop(&a.entries).(*entry).do()
	}
	a.working = false
	a.armLocked()
}

func (a *agenda) armLocked() {
	if len(a.entries) == 0 {
		return
	}
	next := a.entries[0].at
	if !a.armed.IsZero() && !next.Before(a.armed) {
		return
	}
	a.armed = next
	if a.timer == nil {
		a.timer = time.AfterFunc(time.Until(next), a.run)
		return
	}
	a.timer.Reset(time.Until(next))
}

func (a *agenda) run() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.armed = time.Time{}
	a.workLocked()
}

// stopLocked forgets all that is to be done, for good.
func (a *agenda) stopLocked() {
	a.stopped = true
	a.entries = nil
	if a.timer != nil {
		a.timer.Stop()
	}
}

// entries is a heap, earliest first.
type entries []*entry

func (e entries) Len() int      { return len(e) }
func (e entries) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e entries) Less(i, j int) bool {
	if !e[i].at.Equal(e[j].at) {
		return e[i].at.Before(e[j].at)
	}
	return e[i].count < e[j].count
}
func (e *entries) Push(x any) { *e = append(*e, x.(*entry)) }
func (e *entries) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	return x
}
