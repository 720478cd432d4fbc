package registry

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The laws hold whatever an owner signs, so these owners are liars: they say two things with one version, skip numbers,
// and sign heads over nothing. Only keys are honest, which other tests look after.

var liars = []Gateway{west0, {"west", "w-1"}, {"north", "n-0"}}

// An utterance is something signed by a liar.
type utterance struct {
	entry *Entry
	head  *Head
}

// mute signs without effort, for stores that are given what is already verified.
type mute struct{}

func (mute) Fingerprint() Fingerprint    { return Fingerprint{1} }
func (mute) Sign([]byte) ([]byte, error) { return []byte{1}, nil }

func utter(t *rapid.T, owner Gateway) utterance {
	v := Version{Epoch: rapid.Uint64Range(1, 3).Draw(t, "epoch"), Seq: rapid.Uint64Range(1, 5).Draw(t, "seq")}
	if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
		var sum Hash
		sum[0] = rapid.Byte().Draw(t, "sum")
		h, err := newHead(mute{}, Fingerprint{1}, owner, v, sum)
		require.NoError(t, err)
		return utterance{head: h}
	}
	service := name(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "service"))
	var content []byte
	if ready := rapid.Uint32Range(0, 3).Draw(t, "ready"); ready > 0 {
		e := export(service.Name, ready)
		content = encode(e)
	}
	e, err := newEntry(mute{}, Fingerprint{1}, owner, v, service, content)
	require.NoError(t, err)
	return utterance{entry: e}
}

// honest returns the head over what a store was told of an owner's newest epoch.
func (s *Store) honest(t *rapid.T, owner Gateway) utterance {
	held := s.owners[owner].newest()
	h, err := newHead(mute{}, Fingerprint{1}, owner, Version{held.epoch, 9}, held.sum)
	require.NoError(t, err)
	return utterance{head: h}
}

func drawUtterances(t *rapid.T, label string) []utterance {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) utterance {
		return utter(t, rapid.SampledFrom(liars).Draw(t, "owner"))
	}), 0, 12).Draw(t, label)
}

func blank(t rapid.TB) *Store {
	s, err := NewStore(StoreConfig{Self: east0, Epoch: 1, Signer: mute{}, Keyring: NewKeyring(nil)})
	require.NoError(t, err)
	return s
}

// hear merges utterances, one after the other.
func (s *Store) hear(all ...utterance) *Store {
	for _, u := range all {
		if u.entry != nil {
			s.mergeLocked(east0, u.entry.Owner, []*Entry{u.entry}, nil, true)
		} else {
			s.mergeLocked(east0, u.head.Owner, nil, u.head, true)
		}
	}
	return s
}

// join merges all that another store holds.
func (s *Store) join(other *Store) *Store {
	for owner, o := range other.owners {
		s.mergeLocked(east0, owner, slices.Collect(maps.Values(o.newest().entries)), o.newest().head, true)
	}
	return s
}

func TestMergeIsIdempotentCommutativeAndAssociative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var drawn [3][]utterance
		for i := range drawn {
			drawn[i] = drawUtterances(t, fmt.Sprint("store ", i))
		}
		store := func(i int) *Store { return blank(t).hear(drawn[i]...) }
		a, b := store(0), store(1)

		require.Equal(t, a.Root(), store(0).join(a).Root(), "idempotent")
		require.Equal(t, store(0).join(b).Root(), store(1).join(a).Root(), "commutative")
		require.Equal(t, store(0).join(b).join(store(2)).Root(), store(0).join(store(1).join(store(2))).Root(), "associative")
	})
}

func TestOrderAndRepetitionDontMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		said := drawUtterances(t, "said")
		heard := append(rapid.Permutation(said).Draw(t, "order"), rapid.Permutation(said).Draw(t, "repeated")...)
		one, another := blank(t).hear(said...), blank(t).hear(heard...)
		require.Equal(t, one.Root(), another.Root())

		// Once everything is here, the same counts everywhere, too: until then it depends on what was here before.
		for owner := range one.owners {
			last := one.honest(t, owner)
			one.hear(last)
			another.hear(last)
			require.Equal(t, one.Entries(owner), another.Entries(owner))
		}
		require.Equal(t, one.Root(), another.Root())
	})
}

func TestTheRootTellsStoresApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := blank(t).hear(drawUtterances(t, "a")...), blank(t).hear(drawUtterances(t, "b")...)
		same := maps.EqualFunc(a.owners, b.owners, func(x, y *owned) bool {
			m, n := x.newest(), y.newest()
			return m.epoch == n.epoch && m.sum == n.sum && (m.head == nil) == (n.head == nil) &&
				(m.head == nil || m.head.Version == n.head.Version) && m.complete() == n.complete()
		})
		require.Equal(t, same, a.Root() == b.Root())
	})
}

func TestWhatCountsNeverGoesBackwards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := blank(t)
		counts := map[Gateway]map[ServiceName]Version{}
		for _, u := range drawUtterances(t, "said") {
			s.hear(u)
			for _, owner := range s.Owners() {
				newest := map[ServiceName]Version{}
				for _, e := range s.Entries(owner) {
					require.GreaterOrEqual(t, e.Version.Compare(counts[owner][e.Service]), 0, "older than before")
					newest[e.Service] = e.Version
				}
				counts[owner] = newest
			}
		}
	})
}

func TestWhatIsGoneStaysGone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		said := drawUtterances(t, "said")
		s := blank(t).hear(said...)
		for owner, o := range s.owners {
			epoch := o.newest().epoch + rapid.Uint64Range(0, 1).Draw(t, "restarted")
			var gone []utterance
			for service := range o.newest().entries {
				e, err := newEntry(mute{}, Fingerprint{1}, owner, Version{epoch, 8}, service, nil)
				require.NoError(t, err)
				gone = append(gone, utterance{entry: e})
			}
			s.hear(gone...).hear(s.honest(t, owner))
			s.hear(rapid.Permutation(said).Draw(t, "replayed")...)
			for _, e := range s.Entries(owner) {
				require.Nil(t, e.Export, "back from the dead")
			}
		}
	})
}
