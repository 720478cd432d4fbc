package gossip

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

// TestViewTurns goes through what memberlist, its log, the links and time can say of a member.
func TestViewTurns(t *testing.T) {
	west := gateway("west/w-0")
	now := time.Unix(1000, 0)
	joined := func(instance uint64) func(*view) {
		return func(v *view) { v.joined(west, meta{Instance: instance}, now) }
	}
	gone := func(v *view) { v.gone(west, now) }
	farewell := func(v *view) { v.farewell(west, now) }
	suspected := func(v *view) { v.suspected(west, now) }
	vouched := func(v *view) { v.vouched(west, now) }
	spared := func(v *view) {
		for _, g := range v.condemned(now) {
			v.spare(g, now)
		}
		v.settle(now)
	}
	waits := func(d time.Duration) func(*view) { return func(*view) { now = now.Add(d) } }
	after := func(d time.Duration) func(*view) {
		return func(v *view) { now = now.Add(d); v.settle(now) }
	}
	for name, c := range map[string]struct {
		steps []func(*view)
		told  []State
	}{
		"joins":                              {[]func(*view){joined(1)}, []State{Alive}},
		"joins twice":                        {[]func(*view){joined(1), joined(1)}, []State{Alive}},
		"restarts unnoticed":                 {[]func(*view){joined(1), joined(2)}, []State{Alive, Alive}},
		"is suspected and vouched for":       {[]func(*view){joined(1), suspected, vouched}, []State{Alive, Suspect, Alive}},
		"is suspected, and nothing comes":    {[]func(*view){joined(1), suspected, after(3 * time.Second), after(time.Second)}, []State{Alive, Suspect, Alive}},
		"dies":                               {[]func(*view){joined(1), gone, after(deathGrace)}, []State{Alive, Suspect, Dead}},
		"dies suspected":                     {[]func(*view){joined(1), suspected, gone, after(deathGrace)}, []State{Alive, Suspect, Dead}},
		"is dead for a moment":               {[]func(*view){joined(1), gone, after(deathGrace / 2), joined(1), after(time.Minute)}, []State{Alive, Suspect, Alive}},
		"is given up, an old packet vouches": {[]func(*view){joined(1), gone, vouched, after(deathGrace)}, []State{Alive, Suspect, Dead}},
		"dies and comes back":                {[]func(*view){joined(1), gone, after(deathGrace), joined(2)}, []State{Alive, Suspect, Dead, Alive}},
		"says farewell and goes":             {[]func(*view){joined(1), farewell, gone}, []State{Alive, Left}},
		"goes, and the farewell comes after": {[]func(*view){joined(1), gone, farewell, after(time.Minute)}, []State{Alive, Suspect, Left}},
		"dies, the farewell comes late":      {[]func(*view){joined(1), gone, after(deathGrace), farewell}, []State{Alive, Suspect, Dead, Left}},
		"left, came back and died":           {[]func(*view){joined(1), farewell, gone, joined(2), gone, after(deathGrace)}, []State{Alive, Left, Alive, Suspect, Dead}},
		"is given up, and its link is up":    {[]func(*view){joined(1), gone, waits(deathGrace), spared, waits(deathGrace), spared}, []State{Alive, Suspect}},
		"is spared, and then its link fails": {[]func(*view){joined(1), gone, waits(deathGrace), spared, after(deathGrace)}, []State{Alive, Suspect, Dead}},
		"is a stranger":                      {[]func(*view){gone, farewell, suspected, vouched, after(time.Hour)}, nil},
		"comes after the end":                {[]func(*view){(*view).close, joined(1)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			v := newView()
			for _, step := range c.steps {
				step(v)
			}
			var told []State
			for _, m := range v.take() {
				told = append(told, m.State)
			}
			require.Equal(t, c.told, told)
		})
	}
}

// TestViewIsBounded: news that nobody takes, and names without end, don't fill the memory; the last word is never lost.
func TestViewIsBounded(t *testing.T) {
	v, now := newView(), time.Unix(1000, 0)
	for i := range 3 * maxNews {
		v.joined(gateway("west/w-0"), meta{Instance: uint64(i)}, now)
		v.joined(gateway("west/w-1"), meta{Instance: uint64(i)}, now)
	}
	news := v.take()
	require.LessOrEqual(t, len(news), maxNews)
	require.EqualValues(t, 3*maxNews-1, news[len(news)-1].Instance)

	for i := range maxPeers + 100 {
		g := registry.Gateway{Cluster: "north", Name: fmt.Sprint("n-", i)}
		v.joined(g, meta{}, now)
		v.farewell(g, now)
		v.gone(g, now)
	}
	require.Len(t, v.list(), maxPeers)
	require.Equal(t, Alive, v.state(gateway("west/w-0")), "those that are there stay")
}
