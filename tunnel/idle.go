package tunnel

import (
	"sync"
	"time"
)

// How long a flow lives that nobody uses. Its end costs a client nothing but an endpoint that may be another, so what has no
// state at the endpoint need not be kept: an exchange such as DNS's leaves one flow for each question, and what isn't answered,
// one for each attempt.
const (
	exchangeIdle   = 3 * time.Second  // a question or two (A and AAAA), each answered
	unansweredIdle = 10 * time.Second // nothing came back yet, or ever will: logs, metrics
	flowIdle       = 60 * time.Second // a conversation. Twice the keep-alive that NATs make usual

	exchangeMost = 2 // questions

	// The gateway beside the client ends a flow. One that forgets to is taken for gone.
	forgottenFlow = 2 * flowIdle
)

// patienceWithFlow is how long a flow may be idle, by what was said and answered on it.
func patienceWithFlow(said, answered int) time.Duration {
	switch {
	case answered == 0:
		return unansweredIdle
	case said <= exchangeMost && answered >= said:
		return exchangeIdle
	}
	return flowIdle
}

// idle ends what nobody used for as long as its limit says at that time.
type idle struct {
	limit func() time.Duration
	end   func()

	mu    sync.Mutex
	used  time.Time
	timer *time.Timer // nil: stopped
}

// watchIdle looks for the first time after as long as given.
func watchIdle(first time.Duration, limit func() time.Duration, end func()) *idle {
	i := &idle{limit: limit, end: end, used: time.Now()}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.timer = time.AfterFunc(first, i.look)
	return i
}

func (i *idle) look() {
	limit := i.limit()
	i.mu.Lock()
	if i.timer == nil {
		i.mu.Unlock()
		return
	}
	if rest := limit - time.Since(i.used); rest > 0 {
		i.timer.Reset(rest)
		i.mu.Unlock()
		return
	}
	i.mu.Unlock()
	i.end()
}

func (i *idle) touch() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.used = time.Now()
}

// stop lets the end not come any more, unless it is under way.
func (i *idle) stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.timer != nil {
		i.timer.Stop()
		i.timer = nil
	}
}
