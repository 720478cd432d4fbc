package gossip

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

// TestPlan shows who is contacted when.
func TestPlan(t *testing.T) {
	is := func(name string, s State) Member { return Member{Gateway: gateway(name), State: s} }
	knows := func(names ...string) (known []acquaintance) {
		for _, name := range names {
			known = append(known, acquaintance{Gateway: gateway(name)})
		}
		return known
	}
	self := is("east/e-0", Alive)
	leaver := acquaintance{Gateway: gateway("north/n-9"), Left: true}
	for name, c := range map[string]struct {
		members   []Member
		known     []acquaintance
		seedsWell bool
		calm      bool
		seeds     bool
		join      []string
	}{
		"all is well":                    {[]Member{self, is("west/w-0", Alive)}, knows("west/w-0"), true, false, false, nil},
		"now and then, all the same":     {[]Member{self, is("west/w-0", Alive)}, knows("west/w-0"), true, true, true, nil},
		"a seed is missing":              {[]Member{self, is("west/w-0", Alive)}, knows("west/w-0"), false, false, true, nil},
		"one died":                       {[]Member{self, is("west/w-0", Alive), is("west/w-1", Dead)}, knows("west/w-0", "west/w-1"), true, false, false, []string{"west/w-1"}},
		"one isn't there from last time": {[]Member{self, is("west/w-0", Alive)}, knows("west/w-0", "west/w-1"), true, false, false, []string{"west/w-1"}},
		"one is suspect":                 {[]Member{self, is("west/w-0", Suspect)}, knows("west/w-0"), true, false, false, nil},
		"one left":                       {[]Member{self, is("west/w-0", Alive), is("west/w-1", Left)}, knows("west/w-0", "west/w-1"), true, false, false, nil},
		"one left, now and then":         {[]Member{self, is("west/w-0", Alive), is("west/w-1", Left)}, knows("west/w-0", "west/w-1"), true, true, true, []string{"west/w-1"}},
		"one left in an earlier life":    {[]Member{self, is("west/w-0", Alive)}, append(knows("west/w-0"), leaver), true, false, false, nil},
		"alone, the seeds are ourselves": {[]Member{self}, nil, true, false, true, nil},
		"alone, everybody left":          {[]Member{self, is("west/w-0", Left)}, append(knows("west/w-0"), leaver), true, false, true, []string{"north/n-9", "west/w-0"}},
		"many died: some at a time":      {[]Member{self, is("w/a", Alive)}, knows("w/a", "w/b", "w/c", "w/d", "w/e", "w/f", "w/g"), true, false, false, []string{"w/b", "w/c", "w/d", "w/e", "w/f"}},
	} {
		t.Run(name, func(t *testing.T) {
			state := make(map[registry.Gateway]State)
			for _, m := range c.members {
				state[m.Gateway] = m.State
			}
			got := plan(state, c.known, c.seedsWell, c.calm, func(int, func(i, j int)) {})
			require.Equal(t, c.seeds, got.seeds, "seeds")
			var join []registry.Gateway
			for _, name := range c.join {
				join = append(join, gateway(name))
			}
			require.ElementsMatch(t, join, got.join)
		})
	}
}
