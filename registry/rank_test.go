package registry

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRank(t *testing.T) {
	ms := time.Millisecond
	choice := func(cluster Cluster, rtt time.Duration) Choice {
		return Choice{Candidate: Candidate{Cluster: cluster}, RTT: rtt, Weight: 1}
	}
	own := func(c Choice) Choice { c.Own = true; return c }
	suspect := func(c Choice) Choice { c.Suspect = true; return c }
	prio := func(p int32, c Choice) Choice { c.Priority = p; return c }
	weight := func(w uint64, c Choice) Choice { c.Weight = w; return c }
	near, far, new, here := choice("near", 2*ms), choice("far", 200*ms), choice("new", 0), own(choice("here", 0))
	sibling := own(choice("here", 3*ms)) // our cluster, through another gateway

	for _, c := range []struct {
		what     string
		affinity Affinity
		choices  []Choice
		drawn    uint64 // what pick returns, below n
		want     string
	}{
		{"nothing", Local, nil, 0, ""},
		{"local: our own, then by RTT", Local, []Choice{far, near, here}, 0, "here near far"},
		{"local: our own, though another is nearer", Local, []Choice{near, sibling}, 0, "here near"},
		{"nearest: by RTT alone", Nearest, []Choice{far, sibling, near}, 0, "near here far"},
		{"nearest: our own gateway is where we are", Nearest, []Choice{near, here}, 0, "here near"},
		{"what isn't measured may be far", Nearest, []Choice{new, far, near}, 0, "near far new"},
		{"equal RTTs: by name, so that it doesn't flap", Nearest, []Choice{choice("b", ms), choice("a", ms)}, 0, "a b"},
		{"suspect after all that are up", Local, []Choice{suspect(here), near, far}, 0, "near far here"},
		{"suspect ones keep their order", Local, []Choice{suspect(far), suspect(near)}, 0, "near far"},
		{"priority before affinity", Local, []Choice{prio(1, here), prio(0, far), prio(-1, near)}, 0, "near far here"},
		{"suspect counts more than priority", Local, []Choice{suspect(prio(0, near)), prio(9, far)}, 0, "far near"},
		{"within a priority by affinity", Local, []Choice{prio(1, far), prio(1, here), prio(0, near)}, 0, "near here far"},
		{"spread: the first that is drawn", Spread, []Choice{weight(1, far), weight(1, near), weight(1, here)}, 0, "far near here"},
		{"spread: wherever our own is", Spread, []Choice{weight(1, far), weight(1, near), weight(1, here)}, 1, "near here far"},
		{"spread: heavy ones take more of the draws", Spread, []Choice{weight(1, far), weight(5, near), weight(1, here)}, 5, "near here far"},
		{"spread: no weight, no draw", Spread, []Choice{weight(0, near), weight(1, far), weight(0, here)}, 0, "far near here"},
		{"spread: nobody has a weight", Spread, []Choice{weight(0, near), weight(0, far)}, 0, "near far"},
		{"spread: priority first all the same", Spread, []Choice{prio(1, near), far, prio(1, here)}, 1, "far here near"},
		{"spread: suspect last all the same", Spread, []Choice{suspect(near), far, here}, 0, "far here near"},
		{"anything else: by RTT", "", []Choice{far, near}, 0, "near far"},
	} {
		Rank(c.affinity, c.choices, func(n uint64) uint64 { return min(c.drawn, n-1) })
		var got []string
		for _, choice := range c.choices {
			got = append(got, string(choice.Cluster))
		}
		require.Equal(t, c.want, strings.Join(got, " "), c.what)
	}
}

func TestRankKeepsEveryChoice(t *testing.T) {
	choices := rapid.Custom(func(t *rapid.T) Choice {
		return Choice{
			Candidate: Candidate{Cluster: Cluster(labels.Draw(t, "cluster"))}, Own: rapid.Bool().Draw(t, "own"),
			Suspect: rapid.Bool().Draw(t, "suspect"), Priority: rapid.Int32Range(-1, 1).Draw(t, "priority"),
			Weight: rapid.Uint64Range(0, 5).Draw(t, "weight"), RTT: time.Duration(rapid.IntRange(0, 9).Draw(t, "rtt")),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.SliceOfN(choices, 0, 8).Draw(t, "choices")
		after := append([]Choice(nil), before...)
		Rank(rapid.SampledFrom([]Affinity{Local, Nearest, Spread}).Draw(t, "affinity"), after, func(n uint64) uint64 {
			return rapid.Uint64Range(0, n-1).Draw(t, "pick")
		})
		require.ElementsMatch(t, before, after)
	})
}

func TestSpreadFollowsTheWeights(t *testing.T) {
	first := map[Cluster]int{}
	for drawn := range uint64(600) { // every draw there is
		choices := []Choice{
			{Candidate: Candidate{Cluster: "one"}, Weight: 1}, {Candidate: Candidate{Cluster: "two"}, Weight: 2}, {Candidate: Candidate{Cluster: "three"}, Weight: 3},
		}
		Rank(Spread, choices, func(n uint64) uint64 { return drawn % n })
		first[choices[0].Cluster]++
	}
	require.Equal(t, map[Cluster]int{"one": 100, "two": 200, "three": 300}, first)
}
