package chaos

import (
	"sync"
	"time"
)

// deadline ends the waits on a condition at a time that may be moved while they wait.
type deadline struct {
	at    time.Time // zero: none
	timer *time.Timer
	fired bool
}

// setLocked moves the deadline; the zero time is none. When it is moved, and when it passes, all who wait look again. The
// condition's lock is held.
func (d *deadline) setLocked(at time.Time, waiters *sync.Cond) {
	d.stopLocked()
	*d = deadline{at: at}
	if !at.IsZero() && !d.passedLocked() {
		var timer *time.Timer
		timer = time.AfterFunc(time.Until(at), func() {
			waiters.L.Lock()
			defer waiters.L.Unlock()
			if d.timer == timer { // otherwise it was moved just now
				d.fired = true
				waiters.Broadcast()
			}
		})
		d.timer = timer
	}
	waiters.Broadcast()
}

// passedLocked believes the clock, and the timer too: it may fire a little before a wall clock says so.
func (d *deadline) passedLocked() bool {
	return d.fired || !d.at.IsZero() && !time.Now().Before(d.at)
}

func (d *deadline) stopLocked() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
