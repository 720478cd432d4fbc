package gossip

import (
	"slices"
	"sync"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// maxNews bounds what waits to be told: of older news only each member's last is kept.
const maxNews = 4 * maxPeers

// view is this gateway's own picture of the ring. memberlist reports changes under its lock, where asking it anything
// deadlocks, and what it lends is live; so each report is copied in here, and told onwards from a goroutine of ours.
// No method calls anything but its own lock.
type view struct {
	mu     sync.Mutex
	known  map[registry.Gateway]*sight
	news   []Member
	wake   chan struct{} // holds one token while there is something to tell, or to wait for
	closed bool          // the ring has stopped; memberlist's last timers may still report
}

// sight is what is known of one member.
type sight struct {
	Member
	doomed   time.Time // when memberlist gave it up, or its link vouched for it since; zero when that is settled
	spared   bool      // its link vouched for it, and that was said
	farewell bool      // this instance said that it goes
}

func newView() *view {
	return &view{known: make(map[registry.Gateway]*sight), wake: make(chan struct{}, 1)}
}

// joined is what memberlist's join and update mean: g is there and says m of itself.
func (v *view) joined(g registry.Gateway, m meta, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.known[g]
	if s == nil {
		if len(v.known) >= maxPeers {
			v.forgetOneLocked()
		}
		s = &sight{Member: Member{Gateway: g}}
		v.known[g] = s
	}
	s.doomed, s.spared = time.Time{}, false
	same := s.State == Alive && s.Instance == m.Instance && slices.Equal(s.Advertise, m.Advertise)
	s.farewell = s.farewell && s.Instance == m.Instance
	s.Instance, s.Advertise = m.Instance, m.Advertise
	if !same {
		v.turnLocked(s, Alive, now)
	}
}

// gone is what memberlist's leave means, which sounds alike for a crash and for a farewell.
func (v *view) gone(g registry.Gateway, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.known[g]
	switch {
	case s == nil || !s.State.present():
	case s.farewell:
		v.turnLocked(s, Left, now)
	default:
		s.doomed = now
		if s.State == Suspect {
			v.pokeLocked()
		} else {
			v.turnLocked(s, Suspect, now)
		}
	}
}

// farewell says that g is going, or that it has gone, of its own will.
func (v *view) farewell(g registry.Gateway, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.known[g]
	if s == nil {
		return
	}
	s.farewell = true
	if s.State == Dead || !s.doomed.IsZero() {
		v.turnLocked(s, Left, now)
	}
}

// suspected says that our own probes of g went unanswered.
func (v *view) suspected(g registry.Gateway, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s := v.known[g]; s != nil && s.State == Alive {
		v.turnLocked(s, Suspect, now)
	}
}

// vouched says that the ring spoke of g as alive.
func (v *view) vouched(g registry.Gateway, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s := v.known[g]; s != nil && s.State == Suspect && s.doomed.IsZero() {
		v.turnLocked(s, Alive, now)
	}
}

// turnLocked makes it state, and news; what stays as it was is news where something else about the member changed.
func (v *view) turnLocked(s *sight, state State, now time.Time) {
	if v.closed {
		return
	}
	if s.State != state {
		s.State, s.Since = state, now
	}
	if state != Suspect {
		s.doomed, s.spared = time.Time{}, false
	}
	if len(v.news) >= maxNews {
		v.news = lastOfEach(v.news)
	}
	v.news = append(v.news, s.Member)
	v.pokeLocked()
}

func (v *view) pokeLocked() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// forgetOneLocked makes room: the one that has been gone for longest is no longer remembered.
func (v *view) forgetOneLocked() {
	var oldest *sight
	for _, s := range v.known {
		if !s.State.present() && (oldest == nil || s.Since.Before(oldest.Since)) {
			oldest = s
		}
	}
	if oldest != nil {
		delete(v.known, oldest.Gateway)
	}
}

// lastOfEach keeps each member's last piece of news, in order.
func lastOfEach(news []Member) []Member {
	last := make(map[registry.Gateway]int, len(news))
	for i, m := range news {
		last[m.Gateway] = i
	}
	kept := make([]Member, 0, len(last))
	for i, m := range news {
		if last[m.Gateway] == i {
			kept = append(kept, m)
		}
	}
	return kept
}

// take returns what has not been told yet, oldest first.
func (v *view) take() []Member {
	v.mu.Lock()
	defer v.mu.Unlock()
	news := v.news
	v.news = nil
	return news
}

// list returns every member ever seen in this life, sorted.
func (v *view) list() []Member {
	v.mu.Lock()
	defer v.mu.Unlock()
	members := make([]Member, 0, len(v.known))
	for _, s := range v.known {
		m := s.Member
		m.Advertise = slices.Clone(m.Advertise)
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b Member) int { return a.Gateway.Compare(b.Gateway) })
	return members
}

// verdicts returns what memberlist thinks of each member: whom it gave up is dead there at once, whatever is told.
func (v *view) verdicts() map[registry.Gateway]State {
	v.mu.Lock()
	defer v.mu.Unlock()
	verdicts := make(map[registry.Gateway]State, len(v.known))
	for g, s := range v.known {
		verdicts[g] = s.State
		if !s.doomed.IsZero() {
			verdicts[g] = Dead
		}
	}
	return verdicts
}

// state returns what is believed of g; it is empty for a stranger.
func (v *view) state(g registry.Gateway) State {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s := v.known[g]; s != nil {
		return s.State
	}
	return ""
}

// close keeps the picture as it is.
func (v *view) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
}
