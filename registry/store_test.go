package registry

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsPublishedArrives(t *testing.T) {
	m := newMint()
	east, west := start(t, m, east0, 1), start(t, m, west0, 1)
	require.NoError(t, west.Publish([]Export{export("web", 3), export("cart", 1)}))
	pull(t, west, east)
	require.Equal(t, map[string]uint32{"web": 3, "cart": 1}, east.of(t, west0))
	require.Equal(t, west.Root(), east.Root())

	require.NoError(t, west.Publish([]Export{export("web", 2)}))
	tell(t, west, east)
	require.Equal(t, map[string]uint32{"web": 2}, east.of(t, west0))
	require.Equal(t, west.Root(), east.Root())
	require.Empty(t, east.Refusals())
}

func TestPublishingTheSameAgainSaysNothing(t *testing.T) {
	west := start(t, newMint(), west0, 1)
	require.NoError(t, west.Publish(exports("web", "cart")))
	west.takeNews()
	root := west.Root()
	require.NoError(t, west.Publish(exports("cart", "web")))
	require.Equal(t, root, west.Root())
	require.Empty(t, west.takeNews())
}

func TestPublishNamesWhatItCantPublishAndLeavesItAsItWas(t *testing.T) {
	m := newMint()
	west := newNode(t, m, m.signer(t, west0), west0, 1, Quota{Entries: 2})
	require.NoError(t, west.Publish(exports("web")))

	wrong := export("web", 7)
	wrong.Reach = "by air"
	err := west.Publish([]Export{wrong, export("cart", 1), export("cart", 2), export("a-third", 1), {}})
	require.ErrorContains(t, err, `service web.shop: reach: "by air"`)
	require.ErrorContains(t, err, "service cart.shop: stands twice")
	require.ErrorContains(t, err, "service cart.shop: over the quota of 2 services")
	require.Equal(t, map[string]uint32{"web": 1, "a-third": 1}, west.of(t, west0), "what is in use goes before what is new")
}

func TestAnEmptyFirstPublishTakesBackWhatAFormerStartSaid(t *testing.T) {
	m := newMint()
	east, signer := start(t, m, east0, 1), m.signer(t, west0)
	before := newNode(t, m, signer, west0, 1, Quota{})
	require.NoError(t, before.Publish(exports("web")))
	pull(t, before, east)

	after := newNode(t, m, signer, west0, 2, Quota{})
	pull(t, after, east)
	require.Len(t, east.of(t, west0), 1, "it hasn't said anything yet")
	require.NoError(t, after.Publish(nil))
	tell(t, after, east)
	require.Empty(t, east.of(t, west0))
}

func TestNamesThatComeAndGoDontPileUp(t *testing.T) {
	m := newMint()
	east, west := start(t, m, east0, 1), start(t, m, west0, 1)
	for i := range 150 {
		require.NoError(t, west.Publish([]Export{export("web", 1), numbered(i + 1)[i]}))
		tell(t, west, east)
		require.Len(t, east.of(t, west0), 2)
	}
	require.LessOrEqual(t, len(east.Entries(west0)), 2*2+maxWithdrawn+1)
	require.Equal(t, west.Root(), east.Root())
	require.Empty(t, east.Refusals())
}

func TestAFullQuotaStillTakesReplacements(t *testing.T) {
	m := newMint()
	quota := Quota{Entries: 10}
	west := newNode(t, m, m.signer(t, west0), west0, 1, quota)
	east := newNode(t, m, m.signer(t, east0), east0, 1, quota)
	for i := range 5 { // ten others each time: only a new epoch makes room for them
		require.NoError(t, west.Publish(numbered(60)[10*i:10*i+10]))
		tell(t, west, east)
		require.Len(t, east.of(t, west0), 10)
	}
	require.Empty(t, east.Refusals())
}

func TestPublishFailsWholeWhereSigningFails(t *testing.T) {
	m := newMint()
	signer := m.signer(t, west0)
	west := newNode(t, m, signer, west0, 1, Quota{})
	require.NoError(t, west.Publish(exports("web")))
	root, sign := west.Root(), signer.sign
	signer.sign = func([]byte) ([]byte, error) { return nil, errors.New("the key is away") }
	require.ErrorContains(t, west.Publish(exports("cart")), "the key is away")
	require.Equal(t, root, west.Root())
	signer.sign = sign
	require.NoError(t, west.Publish(exports("cart")))
	require.Equal(t, []string{"cart"}, services(west.of(t, west0)))
}

func TestNewStoreRefusesWhatCantWork(t *testing.T) {
	m := newMint()
	signer, keys := m.signer(t, west0), NewKeyring(m.verify)
	for name, config := range map[string]StoreConfig{
		"no gateway": {Epoch: 1, Signer: signer, Keyring: keys},
		"no epoch":   {Self: west0, Signer: signer, Keyring: keys},
		"no signer":  {Self: west0, Epoch: 1, Keyring: keys},
		"no keyring": {Self: west0, Epoch: 1, Signer: signer},
	} {
		_, err := NewStore(config)
		require.Error(t, err, name)
	}
}
