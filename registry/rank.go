package registry

import (
	"cmp"
	"slices"
	"time"
)

// Candidate is one cluster that a request can be sent to, with the gateways that are ways into it. Which of them is
// taken is the tunnel's choice, by what it measures. A cluster comes twice where some of its ways are suspect: those stand
// once more behind everybody else's.
type Candidate struct {
	Cluster  Cluster
	Gateways []Gateway // at least one; only healthy ones, or only suspect ones
}

// Choice is what the ranking knows of a candidate.
type Choice struct {
	Candidate
	Own      bool // the caller's cluster
	Suspect  bool // its links may be down
	Priority int32
	Weight   uint64        // for Spread
	RTT      time.Duration // 0: not measured
}

// Rank orders choices, best first: those that are up before those that are suspect; then by priority; then by affinity:
//
//	local    the caller's own cluster, then by RTT
//	nearest  by RTT, whichever it is
//	spread   at random, where a cluster comes first in proportion to its weight
//
// pick(n) is a random number below n. Spread draws the clusters rather than comparing them, because comparing two by
// their latency, as is good among the gateways of one cluster, would starve the far ones.
func Rank(affinity Affinity, choices []Choice, pick func(n uint64) uint64) {
	if affinity == Spread {
		shuffle(choices, pick)
	}
	slices.SortStableFunc(choices, func(a, b Choice) int {
		if c := cmp.Or(compareBool(a.Suspect, b.Suspect), cmp.Compare(a.Priority, b.Priority)); c != 0 || affinity == Spread {
			return c
		}
		if c := compareBool(b.Own, a.Own); c != 0 && affinity == Local {
			return c
		}
		return cmp.Or(compareRTT(a, b), cmp.Compare(a.Cluster, b.Cluster))
	})
}

// shuffle draws one after the other by weight. Whoever has no weight comes last.
func shuffle(choices []Choice, pick func(n uint64) uint64) {
	var total uint64
	for i := range choices {
		total += choices[i].Weight
	}
	for i := range choices {
		if total == 0 {
			return
		}
		drawn, at := i, pick(total)
		for at >= choices[drawn].Weight {
			at -= choices[drawn].Weight
			drawn++
		}
		total -= choices[drawn].Weight
		choices[i], choices[drawn] = choices[drawn], choices[i]
	}
}

// compareBool puts false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// compareRTT puts what isn't measured yet last: it may be far. Our own cluster is where we are.
func compareRTT(a, b Choice) int {
	if c := compareBool(a.RTT == 0 && !a.Own, b.RTT == 0 && !b.Own); c != 0 {
		return c
	}
	return cmp.Compare(a.RTT, b.RTT)
}
