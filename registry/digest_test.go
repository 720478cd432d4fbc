package registry

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCompareLines(t *testing.T) {
	at := func(epoch, seq uint64, sum string, complete bool) *line {
		return &line{Owner: west0, Version: Version{epoch, seq}, Sum: []byte(sum), Complete: complete}
	}
	want, offer, both := difference{want: true}, difference{offer: true}, difference{want: true, offer: true}
	for what, c := range map[string]struct {
		mine, theirs *line
		want         difference
	}{
		"the same":                              {at(1, 5, "a", true), at(1, 5, "a", true), difference{}},
		"the same gaps":                         {at(1, 5, "a", false), at(1, 5, "a", false), difference{}},
		"nothing here":                          {nil, at(1, 5, "a", true), difference{want: true, whole: true}},
		"nothing there":                         {at(1, 5, "a", true), nil, offer},
		"nothing anywhere":                      {nil, nil, difference{}},
		"a newer epoch there":                   {at(1, 9, "a", true), at(2, 1, "b", false), difference{want: true, whole: true}},
		"a newer epoch here":                    {at(2, 1, "a", false), at(1, 9, "b", true), offer},
		"both complete, newer there":            {at(1, 5, "a", true), at(1, 6, "b", true), want},
		"both complete, newer here":             {at(1, 6, "a", true), at(1, 5, "b", true), offer},
		"a gap here":                            {at(1, 5, "a", false), at(1, 5, "b", true), want},
		"a gap there":                           {at(1, 5, "a", true), at(1, 5, "b", false), offer},
		"different gaps":                        {at(1, 5, "a", false), at(1, 5, "b", false), both},
		"complete here, newer with gaps there":  {at(1, 5, "a", true), at(1, 7, "b", false), both},
		"two truths: the owner said both":       {at(1, 5, "a", true), at(1, 5, "b", true), difference{want: true, whole: true, offer: true}},
		"entries but no head there, older here": {at(1, 5, "a", true), at(1, 0, "b", false), offer},
	} {
		require.Equal(t, c.want, compareLines(c.mine, c.theirs), what)
	}
}

func TestEqualRegistriesNeedOneFrame(t *testing.T) {
	m := newMint()
	east, west := start(t, m, east0, 1), start(t, m, west0, 1)
	require.Equal(t, 2, pull(t, east, west), "both empty: a question and its answer")
	require.NoError(t, west.Publish(numbered(100)))
	require.NoError(t, east.Publish(numbered(100)))
	require.Greater(t, pull(t, east, west), 2)
	require.Equal(t, 2, pull(t, east, west))
	require.Equal(t, 2, pull(t, west, east))
}

func TestOneConversationServesBothSides(t *testing.T) {
	m := newMint()
	east, west := start(t, m, east0, 1), start(t, m, west0, 1)
	require.NoError(t, west.Publish(exports("web")))
	require.NoError(t, east.Publish(exports("cart")))
	require.LessOrEqual(t, pull(t, east, west), 8)
	require.Equal(t, east.Root(), west.Root())
	require.Len(t, east.of(t, west0), 1)
	require.Len(t, west.of(t, east0), 1)
}

func TestALateJoinerGetsEverythingFromAnybody(t *testing.T) {
	m := newMint()
	east, west := start(t, m, east0, 1), start(t, m, west0, 1)
	require.NoError(t, west.Publish(exports("web", "gone")))
	require.NoError(t, west.Publish(exports("web", "cart")))
	pull(t, west, east) // and west dies

	late := start(t, m, Gateway{"south", "s-0"}, 1)
	pull(t, east, late)
	require.Equal(t, map[string]uint32{"web": 1, "cart": 1}, late.of(t, west0))
	require.Equal(t, east.Root(), late.Root())
	require.Empty(t, late.Refusals(), "the certificate came along")
}

func TestALargeRegistryTakesSeveralFrames(t *testing.T) {
	m := newMint()
	east, west, south := start(t, m, east0, 1), start(t, m, west0, 1), start(t, m, Gateway{"south", "s-0"}, 1)
	all := numbered(100)
	for i := range all {
		for c := range MaxAllow {
			all[i].Allow = append(all[i].Allow, Cluster(fmt.Sprintf("a-cluster-with-quite-a-long-name-as-it-happens-%d", c)))
		}
	}
	require.NoError(t, west.Publish(all))
	require.Greater(t, west.owners[west0].shown.bytes, frameBudget)

	tell(t, west, east)
	require.Equal(t, west.Root(), east.Root(), "told as news")
	require.Greater(t, pull(t, east, south), 4)
	require.Equal(t, west.Root(), south.Root(), "compared")
	require.Len(t, south.of(t, west0), 100)
}

func TestMissedNewsIsAskedForWithTheNext(t *testing.T) {
	m := newMint()
	east, west := start(t, m, east0, 1), start(t, m, west0, 1)
	require.NoError(t, west.Publish(exports("a")))
	tell(t, west, east)
	require.NoError(t, west.Publish(exports("a", "b")))
	west.takeNews() // lost
	require.NoError(t, west.Publish(exports("b", "c")))
	require.Contains(t, west.takeNews(), west0) // lost as well
	require.NoError(t, west.Publish(exports("b", "c", "d")))
	tell(t, west, east)
	require.ElementsMatch(t, []string{"b", "c", "d"}, services(east.of(t, west0)))
	require.Equal(t, west.Root(), east.Root())
}

func TestNewsOfAnUnknownSignerFetchesItsCertificate(t *testing.T) {
	m := newMint()
	east, west, south := start(t, m, east0, 1), start(t, m, west0, 1), start(t, m, Gateway{"south", "s-0"}, 1)
	require.NoError(t, west.Publish(exports("web")))
	pull(t, west, east)
	require.NoError(t, west.Publish(exports("web", "cart")))
	tell(t, west, east)
	tell(t, east, south) // which never met west
	require.Len(t, south.of(t, west0), 2)
	require.Empty(t, south.Refusals())
}

// A relay can't sign for others, so all it can do is to say less than it knows, or older things. That hides nothing from
// those who also talk with anybody else.
func TestARelayThatLiesHidesNothing(t *testing.T) {
	m := newMint()
	east, west, relay := start(t, m, east0, 1), start(t, m, west0, 1), Gateway{"north", "n-0"}
	require.NoError(t, west.Publish(exports("web")))
	old, _, _ := west.bundle(want{Owner: west0}, frameBudget)
	pull(t, west, east)
	require.NoError(t, west.Publish(exports("cart")))
	current, _, _ := west.bundle(want{Owner: west0}, frameBudget)
	root := west.Root()

	lies := map[string]*frame{
		"the head without the entries":     {News: true, Bundles: []bundle{{Owner: west0, After: current.After, Head: current.Head}}},
		"the head as if all was told":      {News: true, Bundles: []bundle{{Owner: west0, After: Version{1, 99}, Head: current.Head}}},
		"one of the entries":               {News: true, Bundles: []bundle{{Owner: west0, After: current.After, Head: current.Head, Entries: current.Entries[:1]}}},
		"old things as new":                {News: true, Bundles: []bundle{*old}},
		"a line that claims to be current": {Lines: []line{*west.lineOf(west0)}},
		"a line of an epoch to come":       {Lines: []line{{Owner: west0, Version: Version{1 << 60, 1}, Sum: make([]byte, lineSum), Complete: true}}},
		"that it has what we have":         {Root: root[:]},
		"that it has nothing":              {Root: make([]byte, 32), Lines: []line{*east.lineOf(west0)}},
		"that there is more, for ever":     {Again: []want{{Owner: west0, After: Version{1, 99}}}},
		"more, of nobody":                  {Again: []want{{Owner: Gateway{"?", "?"}, After: Version{1, 99}}}},
	}
	for what, lie := range lies {
		t.Run(what, func(t *testing.T) {
			deceived := start(t, m, Gateway{"south", "s-0"}, 1)
			pull(t, east, deceived)
			deceived.hears(relay, lie)
			pull(t, west, deceived)
			require.Equal(t, map[string]uint32{"cart": 1}, deceived.of(t, west0))
			require.Equal(t, root, deceived.Root())
			require.Empty(t, deceived.Refusals())
		})
	}
}

// An owner that says two things with one version harms itself alone: all others end up with the same, and with one
// conversation for it.
func TestAnOwnerThatSaysTwoThings(t *testing.T) {
	for what, c := range map[string]struct {
		one, two []Export
		leaked   int // entries of the second that the first's audience hears as well, without a head
	}{
		"of one service":                    {[]Export{export("web", 1)}, []Export{export("web", 2)}, 0},
		"of different ones":                 {exports("a", "b"), exports("c", "d"), 0},
		"of different ones, and some leaks": {exports("a", "b"), exports("c", "d"), 1},
	} {
		t.Run(what, func(t *testing.T) {
			m := newMint()
			signer := m.signer(t, west0)
			one, two := newNode(t, m, signer, west0, 1, Quota{}), newNode(t, m, signer, west0, 1, Quota{})
			east, south := start(t, m, east0, 1), start(t, m, Gateway{"south", "s-0"}, 1)
			require.NoError(t, one.Publish(c.one))
			require.NoError(t, two.Publish(c.two))
			pull(t, one, east)
			pull(t, two, south)
			leak, _, _ := two.bundle(want{Owner: west0}, frameBudget)
			leak.Head, leak.Entries = nil, leak.Entries[:c.leaked]
			east.hears(west0, &frame{Bundles: []bundle{*leak}, Asked: true})

			require.NotEqual(t, east.Root(), south.Root())
			pull(t, east, south)
			pull(t, south, east)
			require.Equal(t, east.of(t, west0), south.of(t, west0))
			require.Equal(t, east.Root(), south.Root())
			require.Equal(t, 2, pull(t, east, south))
		})
	}
}

func TestWhoIsToldAndHowOften(t *testing.T) {
	for n, want := range map[int]struct{ own, others int }{0: {}, 1: {1, 0}, 47: {47, 0}, 48: {48, 8}, 64: {64, 9}, 65: {9, 9}, 1000: {12, 12}} {
		own, others := audience(n)
		require.Equal(t, want.own, own, "%d peers", n)
		require.Equal(t, want.others, others, "%d peers", n)
	}
	require.Equal(t, 5*time.Second, pause(5*time.Second, 3))
	require.Equal(t, 5*time.Second, pause(5*time.Second, 100))
	require.Equal(t, 30*time.Second, pause(5*time.Second, 1000))
}
