package registry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestARestartThatChangesNothingChangesNothing(t *testing.T) {
	m := newMint()
	east, signer := start(t, m, east0, 1), m.signer(t, west0)
	before := newNode(t, m, signer, west0, 1, Quota{})
	require.NoError(t, before.Publish(exports("web", "cart", "mail")))
	pull(t, before, east)

	told := east.told
	after := newNode(t, m, signer, west0, 2, Quota{})
	require.NoError(t, after.Publish(exports("web", "cart", "mail")))
	tell(t, after, east)
	require.Equal(t, after.Root(), east.Root())
	require.Equal(t, told, east.told, "the directory was told of changes")
}

func TestANewEpochCountsOnceItIsComplete(t *testing.T) {
	m := newMint()
	east, signer := start(t, m, east0, 1), m.signer(t, west0)
	before := newNode(t, m, signer, west0, 1, Quota{})
	require.NoError(t, before.Publish([]Export{export("web", 1), export("cart", 1), export("old", 1)}))
	pull(t, before, east)
	former := east.of(t, west0)

	after := newNode(t, m, signer, west0, 2, Quota{})
	require.NoError(t, after.Publish([]Export{export("web", 2), export("cart", 2), export("new", 2)}))
	whole, _, _ := after.bundle(want{Owner: west0}, frameBudget)
	for i := range whole.Entries { // one by one, the head first
		require.Equal(t, former, east.of(t, west0), "after %d entries", i)
		part := *whole
		part.Entries = whole.Entries[i : i+1]
		east.hears(west0, &frame{Bundles: []bundle{part}})
	}
	require.Equal(t, map[string]uint32{"web": 2, "cart": 2, "new": 2}, east.of(t, west0))
	require.Equal(t, after.Root(), east.Root())

	tell(t, before, east)
	require.Len(t, east.of(t, west0), 3, "the old epoch is over")
}

func TestARestoredBackupTakesAHigherEpoch(t *testing.T) {
	m := newMint()
	east, signer := start(t, m, east0, 1), m.signer(t, west0)
	before := newNode(t, m, signer, west0, 1000, Quota{})
	require.NoError(t, before.Publish(exports("web", "old")))
	pull(t, before, east)

	restored := newNode(t, m, signer, west0, 10, Quota{})
	require.NoError(t, restored.Publish(exports("web", "new")))
	tell(t, restored, east) // east knows better, says so, and hears the new word in the same conversation or the next
	tell(t, restored, east)
	require.Equal(t, map[string]uint32{"web": 1, "new": 1}, east.of(t, west0))
	require.Equal(t, restored.Root(), east.Root())
	require.EqualValues(t, 1001, east.lineOf(west0).Version.Epoch)
	require.Equal(t, map[Reason]uint64{OwnName: 1}, restored.refused())
}

func TestAHigherEpochIsTakenBeforeTheFirstPublish(t *testing.T) {
	m := newMint()
	east, signer := start(t, m, east0, 1), m.signer(t, west0)
	before := newNode(t, m, signer, west0, 1000, Quota{})
	require.NoError(t, before.Publish(exports("old")))
	pull(t, before, east)

	restored := newNode(t, m, signer, west0, 10, Quota{})
	pull(t, east, restored)
	require.Empty(t, restored.of(t, west0), "what it exported in another life")
	require.NoError(t, restored.Publish(exports("new")))
	tell(t, restored, east)
	require.Equal(t, map[string]uint32{"new": 1}, east.of(t, west0))
}

func TestTwoGatewaysOfOneNameDontDriveEachOtherUp(t *testing.T) {
	m := newMint()
	signer := m.signer(t, west0)
	one, two := newNode(t, m, signer, west0, 1, Quota{}), newNode(t, m, signer, west0, 1, Quota{})
	require.NoError(t, one.Publish(exports("web")))
	require.NoError(t, two.Publish(exports("cart")))
	for range 100 {
		pull(t, one, two)
		pull(t, two, one)
	}
	require.LessOrEqual(t, max(one.epoch, two.epoch), uint64(3), "epochs taken in one instant")
	require.Positive(t, one.refused()[OwnName]+two.refused()[OwnName], "it shows")
}

func TestRotationMovesEverythingToTheNewCertificate(t *testing.T) {
	m := newMint()
	east, west := start(t, m, east0, 1), start(t, m, west0, 1)
	require.NoError(t, west.Publish(exports("web", "cart")))
	require.NoError(t, west.Publish(exports("web", "mail")))
	pull(t, west, east)
	former, _, _ := west.bundle(want{Owner: west0}, frameBudget)
	expired := west.signer.der

	told := east.told
	rotate(t, m, west)
	require.NoError(t, west.Resign())
	tell(t, west, east)
	require.Equal(t, west.Root(), east.Root())
	require.Equal(t, told, east.told, "nothing changed but signatures")
	require.Empty(t, east.Refusals())

	root := west.Root()
	require.NoError(t, west.Resign(), "with the same certificate")
	require.Equal(t, root, west.Root())
	east.hears(west0, &frame{News: true, Bundles: []bundle{*former}})
	require.Equal(t, root, east.Root(), "what the older certificate signed is over, though it is still valid")

	m.revoked[string(expired)] = true
	require.Empty(t, east.Recheck())
	late := start(t, m, Gateway{"south", "s-0"}, 1)
	pull(t, east, late)
	require.Equal(t, map[string]uint32{"web": 1, "mail": 1}, late.of(t, west0))
}

// rotate gives a gateway a new certificate.
func rotate(t testing.TB, m *mint, n *member) {
	*n.signer = *m.signer(t, n.config.Self)
	_, err := n.keys.Add(n.signer.chain())
	require.NoError(t, err)
}

func TestACertificateThatChangesWhileSigningIsNoticed(t *testing.T) {
	m := newMint()
	east, west := start(t, m, east0, 1), start(t, m, west0, 1)
	sign, signed := west.signer.sign, 0
	west.signer.sign = func(message []byte) ([]byte, error) {
		if signed++; signed == 2 {
			rotate(t, m, west)
			return west.signer.sign(message)
		}
		return sign(message)
	}
	require.NoError(t, west.Publish(exports("web", "cart", "mail")))
	pull(t, west, east)
	require.Len(t, east.of(t, west0), 3)
	require.Empty(t, east.Refusals())
	for _, e := range east.Entries(west0) {
		require.Equal(t, west.signer.Fingerprint(), e.By)
	}
}

func TestAnEntryLivesNoLongerThanItsCertificate(t *testing.T) {
	m := newMint()
	east, west := start(t, m, east0, 1), start(t, m, west0, 1)
	require.NoError(t, east.Publish(exports("web")))
	require.NoError(t, west.Publish(exports("web")))
	pull(t, west, east)

	m.revoked[string(west.signer.der)] = true
	require.Equal(t, []Gateway{west0}, east.Recheck())
	require.Empty(t, east.of(t, west0))
	require.Len(t, east.of(t, east0), 1)
	require.LessOrEqual(t, pull(t, west, east), 6, "nor do the two talk without end of what one of them won't take")
	require.Empty(t, east.of(t, west0), "offered again")
	require.Positive(t, east.refused()[UnknownKey])
	m.revoked[string(east.signer.der)] = true
	require.Empty(t, east.Recheck(), "our own entries are ours to say")
}

func TestWhatHasComeOfANewEpochCountsWhenNothingElseIsLeft(t *testing.T) {
	m := newMint()
	east, west := start(t, m, east0, 1), start(t, m, west0, 1)
	require.NoError(t, west.Publish(exports("web", "cart")))
	pull(t, west, east)
	expired := west.signer.der
	rotate(t, m, west)
	require.NoError(t, west.Resign())
	part, _, _ := west.bundle(want{Owner: west0}, frameBudget)
	part.Entries = part.Entries[1:]
	_, err := east.keys.Add(west.signer.chain())
	require.NoError(t, err)
	east.hears(west0, &frame{Bundles: []bundle{*part}, Asked: true})

	m.revoked[string(expired)] = true
	require.Empty(t, east.Recheck())
	require.Equal(t, map[string]uint32{"web": 1}, east.of(t, west0))
	pull(t, west, east)
	require.Len(t, east.of(t, west0), 2)

	m.revoked[string(west.signer.der)] = true
	require.Equal(t, []Gateway{west0}, east.Recheck())
	require.Equal(t, Hash{}, east.Root())
}

func TestRecallTakesAPause(t *testing.T) {
	m := newMint()
	signer := m.signer(t, west0)
	west := newNode(t, m, signer, west0, 1, Quota{})
	require.NoError(t, west.Publish(nil))
	twin := func(epoch uint64) []*Entry {
		e, err := newEntry(signer, signer.Fingerprint(), west0, Version{epoch, 1}, name("web"), nil)
		require.NoError(t, err)
		return []*Entry{e}
	}
	west.recall(east0, twin(10), nil, now)
	require.EqualValues(t, 11, west.epoch)
	west.recall(east0, twin(20), nil, now.Add(recallPause-time.Millisecond))
	require.EqualValues(t, 11, west.epoch)
	west.recall(east0, twin(20), nil, now.Add(recallPause))
	require.EqualValues(t, 21, west.epoch)
	west.recall(east0, twin(lastEpoch), nil, now.Add(time.Hour))
	require.EqualValues(t, 21, west.epoch, "no epoch is left after the last")
}
