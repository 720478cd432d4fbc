package tunnel

import "sync"

// news tells everybody who waits that a gateway has come back after a long time. A partition that heals gives many
// gateways back at once, and whoever finds the first of them need not wait out the back-off with the others.
type news struct {
	mu sync.Mutex
	ch chan struct{}
}

// wait returns a channel that is closed with the next news.
func (n *news) wait() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch == nil {
		n.ch = make(chan struct{})
	}
	return n.ch
}

// tell wakes all who wait.
func (n *news) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch != nil {
		close(n.ch)
		n.ch = nil
	}
}
