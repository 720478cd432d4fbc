package gossip

import (
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// deathGrace is for how long a death has to stand before it is told. Somebody who was cut off for 3 to 12 seconds comes
// back with the news that others died, and the ring believes it until they refute it: for 0.15 s where round trips are
// short, 0.35 s where they take 300 ms. In one return of three, somebody healthy was dead for that long.
const deathGrace = probeInterval

// condemned returns those whose death has stood for long enough to be told.
func (v *view) condemned(now time.Time) (all []registry.Gateway) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for g, s := range v.known {
		if !s.doomed.IsZero() && now.Sub(s.doomed) >= deathGrace {
			all = append(all, g)
		}
	}
	return all
}

// spare keeps a condemned member for another deathGrace, and tells whether this is the first time.
func (v *view) spare(g registry.Gateway, now time.Time) (first bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.known[g]
	if s == nil || s.doomed.IsZero() {
		return false
	}
	first = !s.spared
	s.doomed, s.spared = now, true
	return first
}

// settle does what only time decides, and returns when to call it again. A death that has stood is told. And a suspicion
// that has outlived what the ring gives a suspect was refuted, or it would be dead: memberlist tells neither that, nor
// that it never took the suspicion up.
func (v *view) settle(now time.Time) (next time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	next = time.Hour
	for _, s := range v.known {
		if s.State != Suspect {
			continue
		}
		verdict, due := Alive, s.Since.Add(suspicionTimeout(len(v.known))+probeInterval)
		if !s.doomed.IsZero() {
			verdict, due = Dead, s.doomed.Add(deathGrace)
		}
		if now.Before(due) {
			next = min(next, due.Sub(now))
		} else {
			v.turnLocked(s, verdict, now)
		}
	}
	return next
}
