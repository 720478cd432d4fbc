package tunnel

import "sync"

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
