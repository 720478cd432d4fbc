package gossip

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/grapevine-mesh/grapevine/registry"
)

// The rejoin loop never ends and never gives anybody up. Left to itself, memberlist doesn't heal a split: each side takes
// the other for dead, stops talking to it, and forgets it; a split of 25 s lasted for as long as anybody watched.
const (
	rejoinPause = 2 * time.Second  // between rounds, more or less a quarter
	calmPause   = 30 * time.Second // between rounds while nobody is missed
	rejoinWidth = 5                // how many of the missed are tried at once: one success brings all that it knows
)

// round is what to do now.
type round struct {
	seeds bool               // try those seeds that aren't accounted for
	join  []registry.Gateway // try these members
}

// plan decides a round. Somebody who died or was never met in this life is missed; somebody who left is only asked after
// now and then.
func plan(state map[registry.Gateway]State, known []acquaintance, seedsWell bool, calm bool, shuffle func(n int, swap func(i, j int))) round {
	var missed, departed []registry.Gateway
	alone := true
	for _, a := range known {
		switch state[a.Gateway] {
		case Alive, Suspect:
			alone = false
		case Left:
			departed = append(departed, a.Gateway)
		case Dead:
			missed = append(missed, a.Gateway)
		default: // known from an earlier life, or vouched for since
			if a.Left {
				departed = append(departed, a.Gateway)
			} else {
				missed = append(missed, a.Gateway)
			}
		}
	}
	if alone || calm {
		missed = append(missed, departed...)
	}
	shuffle(len(missed), func(i, j int) { missed[i], missed[j] = missed[j], missed[i] })
	return round{
		seeds: !seedsWell || alone || calm,
		join:  missed[:min(len(missed), rejoinWidth)],
	}
}

// rejoin runs rounds until ctx ends. No round waits for the attempts of the one before; whoever is still being tried is
// left out.
func (r *Ring) rejoin(ctx context.Context, list *memberlist.Memberlist, t *transport) {
	tries := tries{busy: make(map[any]bool)}
	defer tries.running.Wait()
	join := func(g registry.Gateway) {
		if r.view.state(g) == Alive {
			return
		}
		t.introduce(g)
		if _, err := list.Join([]string{joinAddr(g)}); err != nil && ctx.Err() == nil {
			r.cfg.Log.Debug().Err(err).Stringer("gateway", g).Msg("not reached")
		}
	}
	var calmed time.Time
	for {
		now := time.Now()
		r.renew(list)
		calm := now.Sub(calmed) >= calmPause
		if calm {
			calmed = now
		}
		next := plan(r.view.verdicts(), r.peers.list(), r.seedsWell(), calm, rand.Shuffle)
		if next.seeds {
			for _, s := range r.seeds {
				tries.start(s, func() { r.trySeed(ctx, s, join) })
			}
		}
		for _, g := range next.join {
			tries.start(g, func() { join(g) })
		}
		select {
		case <-ctx.Done():
			return
		case <-r.hurry:
		case <-time.After(rejoinPause*3/4 + rand.N(rejoinPause/2)):
		}
	}
}

// tries are the attempts that are running.
type tries struct {
	running sync.WaitGroup
	mu      sync.Mutex
	busy    map[any]bool // seeds and gateways
}

func (t *tries) start(whom any, try func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[whom] {
		return
	}
	t.busy[whom] = true
	t.running.Go(func() {
		defer func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			delete(t.busy, whom)
		}()
		try()
	})
}
