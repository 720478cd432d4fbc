package chaos

import "net"

// maxHeld bounds what a frozen host keeps to send at its thaw.
const maxHeld = 1024

// Kill ends all sockets of the host as the death of its processes does: whoever has a stream to it gets a reset. Those on
// the host who still use the sockets get net.ErrClosed. New sockets can be opened at once.
func (h *Host) Kill() {
	h.network.mu.Lock()
	defer h.network.mu.Unlock()
	h.endLocked(true)
}

// Crash ends all sockets of the host as a power failure does: nobody is told, and nothing answers until ListenPacket or
// Listen powers it on again. Those on the host who still use the sockets get net.ErrClosed.
func (h *Host) Crash() {
	h.network.mu.Lock()
	defer h.network.mu.Unlock()
	h.down = true
	h.endLocked(false)
}

func (h *Host) endLocked(reset bool) {
	h.frozen, h.held = false, nil
	for _, s := range h.packets.bound {
		s.closeLocked()
	}
	for _, l := range h.listeners.bound {
		l.closeLocked()
	}
	for s := range h.streams {
		s.closed = true
		s.breakLocked(net.ErrClosed)
		if reset {
			s.resetLocked()
		}
	}
}

// Freeze stops the host as SIGSTOP stops a process: nobody on it reads or sends anything until Thaw. Meanwhile its sockets'
// queues fill, and then drop. Unlike SIGSTOP it doesn't stop the goroutines and their timers; what they write is kept,
// bounded, and sent at the thaw.
func (h *Host) Freeze() {
	h.network.mu.Lock()
	defer h.network.mu.Unlock()
	h.frozen = true
}

// Thaw ends a Freeze.
func (h *Host) Thaw() {
	h.network.mu.Lock()
	defer h.network.mu.Unlock()
	held := h.held
	h.frozen, h.held = false, nil
	for _, send := range held {
		send()
	}
	for _, s := range h.packets.bound {
		s.waiters.Broadcast()
	}
	for _, l := range h.listeners.bound {
		l.waiters.Broadcast()
	}
	for s := range h.streams {
		s.pumpLocked()
		s.waiters.Broadcast()
	}
}
