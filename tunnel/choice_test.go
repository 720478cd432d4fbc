package tunnel

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

// drawn is a plan as text: "west: w-0 w-1?; north: n-0", where ? is suspect.
func drawn(text string, random func(int) int) *plan {
	var clusters []cluster
	for part := range strings.SplitSeq(text, ";") {
		name, ways, _ := strings.Cut(strings.TrimSpace(part), ":")
		c := cluster{name: registry.Cluster(name)}
		for i, way := range strings.Fields(ways) {
			id, suspect := strings.CutSuffix(way, "?")
			c.ways = append(c.ways, wayTo(c.name, id, suspect, i))
		}
		clusters = append(clusters, c)
	}
	return newPlan(clusters, random)
}

func wayTo(c registry.Cluster, name string, suspect bool, streams int) way {
	return way{gateway: registry.Gateway{Cluster: c, Name: name}, suspect: suspect, streams: streams}
}

func first(int) int { return 0 }

func TestPlan(t *testing.T) {
	silent := error(nil)
	for _, c := range []struct {
		name, ways, order string
		becomes           map[string]error // of a try; silence otherwise
	}{
		{"silence goes on to another cluster first", "west: w-0 w-1; north: n-0 n-1; east: e-0", "w-0 n-0 e-0 w-1 n-1", nil},
		{"a dead gateway's cluster is tried again at once", "west: w-0 w-1; north: n-0", "w-0 w-1 n-0",
			map[string]error{"w-0": ErrNoLink}},
		{"draining is one gateway's", "west: w-0 w-1; north: n-0", "w-0 w-1 n-0", map[string]error{"w-0": Draining}},
		{"no endpoint is a cluster's", "west: w-0 w-1; north: n-0", "w-0 n-0", map[string]error{"w-0": NoEndpoint}},
		{"so is not exported", "west: w-0 w-1; north: n-0", "w-0 n-0", map[string]error{"w-0": NotExported}},
		{"suspect gateways come last in their cluster", "west: w-0? w-1; north: n-0", "w-1 n-0 w-0", nil},
		{"suspect clusters come last", "west: w-0? w-1?; north: n-0", "n-0 w-0 w-1", nil},
		{"all suspect is better than nothing", "west: w-0?; north: n-0?", "w-0 n-0", nil},
		{"a cluster that can't be reached is left out", "west:; north: n-0", "n-0", nil},
		{"nobody", "west:", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := drawn(c.ways, first)
			var order []string
			for w, ok := p.next(); ok; w, ok = p.next() {
				order = append(order, w.gateway.Name)
				if err := c.becomes[w.gateway.Name]; err != silent {
					p.failed(w.gateway, err)
				}
			}
			require.Equal(t, c.order, strings.Join(order, " "))
		})
	}
}

func TestPowerOfTwoChoices(t *testing.T) {
	// w-0 carries no stream, w-1 one, w-2 two: of two that are drawn the cheaper goes first.
	draws := [][2]int{{0, 2}, {1, 2}, {2, 1}, {2, 2}}
	for i, want := range []string{"w-0", "w-1", "w-1", "w-2"} {
		n := 0
		w, _ := drawn("west: w-0 w-1 w-2", func(int) int { n++; return draws[i][n-1] }).next()
		require.Equal(t, want, w.gateway.Name, "drawn %v", draws[i])
	}
	far, near := way{rtt: 100 * time.Millisecond}, way{rtt: time.Millisecond, streams: 10}
	require.Greater(t, far.cost(), near.cost())
}

func TestPatience(t *testing.T) {
	var p patience
	require.Equal(t, leastPatience, p.lasts(0, false))
	require.Equal(t, 210*time.Millisecond, p.lasts(100*time.Millisecond, false))
	require.Equal(t, leastPatience, p.lasts(100*time.Millisecond, true))
	require.Equal(t, mostPatience, p.lasts(10*time.Second, false))
	for range 100 {
		p.took(200 * time.Millisecond)
	}
	require.InDelta(t, 200, p.lasts(0, false).Milliseconds(), 5, "endpoints there are slow, not dead")
	for range 100 {
		p.took(time.Millisecond)
	}
	require.Equal(t, leastPatience, p.lasts(0, false))
}

func TestBackoff(t *testing.T) {
	var b backoff
	previous := time.Duration(0)
	for range 100 {
		wait := b.next(0)
		require.GreaterOrEqual(t, wait, previous)
		require.LessOrEqual(t, wait, backoffMost)
		previous = wait
	}
	require.Equal(t, backoffMost, previous)
	require.Equal(t, backoffMost/2, b.next(1))
	b.reset()
	require.Equal(t, backoffFirst, b.next(0))
}

func TestPedigree(t *testing.T) {
	east, west := registry.Gateway{Cluster: "east", Name: "e"}, registry.Gateway{Cluster: "west", Name: "w"}
	ranked := []pedigree{ // each is better than all below
		{instance: 2, dialledBy: west, number: 1},
		{instance: 1, dialledBy: east, number: 7},
		{instance: 1, dialledBy: east, number: 6},
		{instance: 1, dialledBy: west, number: 9},
	}
	for i, a := range ranked {
		for j, b := range ranked {
			require.Equal(t, i < j, a.better(b), "%d and %d", i, j)
		}
	}
}

func TestOutboxDropsTheOldest(t *testing.T) {
	var dropped atomic.Uint64
	o := newOutbox(outboxSize, &dropped)
	now := time.Now()
	for i := range outboxSize + 10 {
		o.put(letter{packet: []byte{byte(i)}, at: now})
	}
	require.EqualValues(t, 10, dropped.Load())
	o.beat()
	_, isBeat, ok := o.take(now)
	require.True(t, ok && isBeat, "a beat waits for nothing")
	l, isBeat, ok := o.take(now)
	require.True(t, ok && !isBeat)
	require.Equal(t, []byte{10}, l.packet)
	o.put(letter{packet: []byte{255}, at: now.Add(outboxAge)})
	l, _, ok = o.take(now.Add(outboxAge + time.Millisecond))
	require.True(t, ok)
	require.Equal(t, []byte{255}, l.packet, "the others are too old")
	require.EqualValues(t, 10+outboxSize-1, dropped.Load())
	_, _, ok = o.take(now)
	require.False(t, ok)
}
