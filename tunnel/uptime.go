package tunnel

import (
	"sync"
	"time"
)

// stallSlack is how late the pulse may come before the lateness counts as a stall of our own.
const stallSlack = 20 * time.Millisecond

// uptime is a clock that stands still while this process doesn't run: stopped, swapped out, or without a CPU. Beats that
// arrived meanwhile lie in the socket's buffer, so the silence of that time is ours and not the peers'. The pulse of the
// endpoint drives it: it says when it will come back, and time doesn't pass beyond that until it does.
type uptime struct {
	mu      sync.Mutex
	start   time.Time
	stalled time.Duration // in all
	next    time.Time     // when the pulse comes back
}

func newUptime(now time.Time) *uptime {
	return &uptime{start: now, next: now}
}

// tick is the pulse: it comes now, and will come again after the given time.
func (u *uptime) tick(now time.Time, again time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if late := now.Sub(u.next); late > stallSlack {
		u.stalled += late - stallSlack
	}
	u.next = now.Add(again)
}

// at returns what the clock shows when the wall shows now.
func (u *uptime) at(now time.Time) time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	if frozen := u.next.Add(stallSlack); now.After(frozen) {
		now = frozen
	}
	return now.Sub(u.start) - u.stalled
}
