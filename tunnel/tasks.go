package tunnel

import (
	"context"
	"sync"
	"time"
)

// tasks are the goroutines that the endpoint waits for at its end. Unlike a bare WaitGroup it can be given new ones up
// to the moment when it is waited for, from anywhere.
type tasks struct {
	mu     sync.Mutex
	group  sync.WaitGroup
	closed bool
}

// start runs f on its own goroutine, unless the endpoint is over. It tells whether it does.
func (t *tasks) start(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.group.Go(f)
	return true
}

// wait takes no more and returns when all have returned.
func (t *tasks) wait() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.group.Wait()
}

// every runs do again and again, with a pause before each time, until ctx ends.
func every(ctx context.Context, pause time.Duration, do func(context.Context)) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			do(ctx)
		}
	}
}
