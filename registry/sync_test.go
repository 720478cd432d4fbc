package registry

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAChangeIsEverywhereWithinMilliseconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, 6, time.Hour)
		r.run(func() {
			time.Sleep(time.Second)
			require.NoError(t, r.members[0].Publish(exports("web")))
			require.LessOrEqual(t, r.converges(time.Second), spreadDelay+r.delay+5*time.Millisecond)
			for i := range 20 { // at once: one frame for each peer
				require.NoError(t, r.members[0].Publish(numbered(i)))
			}
			r.counts()
			r.converges(time.Second)
			time.Sleep(time.Second)
			sent, _ := r.counts()
			require.LessOrEqual(t, sent, 2*5)
		})
	})
}

func TestStoresConvergeThoughAThirdOfAllIsLost(t *testing.T) {
	for _, n := range []int{2, 6} {
		synctest.Test(t, func(t *testing.T) {
			r := newRing(t, n, 5*time.Second)
			r.weather(0.2, nil) // there, and back
			r.run(func() {
				for i := range 30 {
					time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
					require.NoError(t, r.members[i%n].Publish(numbered(i)))
				}
				r.converges(20 * time.Second)
				for _, member := range r.members {
					require.Len(t, member.of(t, r.members[n-1].self()), 29)
					require.Empty(t, member.Refusals())
				}
			})
		})
	}
}

// Without digests, which would find the rest, random relaying alone reaches nearly all.
func TestManyMembersRelayTheNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, 80, time.Hour)
		r.run(func() {
			time.Sleep(time.Second)
			r.counts()
			require.NoError(t, r.members[0].Publish(exports("web")))
			time.Sleep(500 * time.Millisecond)
			require.GreaterOrEqual(t, r.equal(), 77)
			sent, _ := r.counts()
			require.LessOrEqual(t, sent, 2*80*9, "each tells nine, once")
		})
	})
}

func TestADeadPeerKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, 3, time.Hour)
		dead := r.members[2].self()
		r.run(func() {
			time.Sleep(time.Second)
			r.weather(0, func(from, to Gateway) bool { return from == dead || to == dead })
			for i := range 10 {
				require.NoError(t, r.members[0].Publish(numbered(i)))
				time.Sleep(100 * time.Millisecond)
				require.Len(t, r.members[1].of(t, r.members[0].self()), i)
			}
			r.weather(0, nil) // back before the ring noticed
			r.converges(2 * requestTimeout)
		})
	})
}

func TestWhatCouldntBeToldIsToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, 3, time.Hour)
		r.run(func() {
			time.Sleep(time.Second)
			r.weather(1, nil)
			require.NoError(t, r.members[0].Publish(exports("web")))
			time.Sleep(time.Second)
			require.Equal(t, 1, r.equal())
			r.weather(0, nil)
			r.converges(4 * time.Second)
		})
	})
}

func TestThePeersThatAreGoneAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, 3, time.Hour)
		r.weather(0, func(_, _ Gateway) bool { return true })
		r.run(func() {
			time.Sleep(time.Second)
			_, hung := r.counts()
			require.Equal(t, 6, hung)
			for _, member := range r.members {
				member.SetPeers(r.all()[:2])
			}
			synctest.Wait()
			_, hung = r.counts()
			require.Equal(t, 4, hung, "nobody waits for the third any more")
		})
	})
}

func TestASplitHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, 6, 5*time.Second)
		half := func(g Gateway) bool { return g.Cluster < "c3" }
		r.run(func() {
			time.Sleep(time.Second)
			r.weather(0, func(from, to Gateway) bool { return half(from) != half(to) })
			for i, member := range r.members { // as the ring sees it
				member.SetPeers(map[bool][]Gateway{true: r.all()[:3], false: r.all()[3:]}[i < 3])
				require.NoError(t, member.Publish(numbered(i)))
			}
			time.Sleep(time.Hour)
			require.Equal(t, 3, r.equal())
			require.True(t, r.members[0].SyncedWith(r.members[1].self()))
			require.False(t, r.members[0].SyncedWith(r.members[5].self()))

			r.weather(0, nil)
			for _, member := range r.members {
				member.SetPeers(r.all())
			}
			require.Less(t, r.converges(time.Second), 500*time.Millisecond)
			time.Sleep(time.Second)
			require.True(t, r.members[0].SyncedWith(r.members[5].self()))
		})
	})
}

func TestAGatewayCountsAsSyncedOnceEverythingWasCompared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, 2, time.Hour)
		east, west := r.members[0], r.members[1].self()
		r.weather(0, func(_, _ Gateway) bool { return true })
		r.run(func() {
			time.Sleep(time.Minute)
			require.False(t, east.Synced())
			require.False(t, east.SyncedWith(west))
			r.weather(0, nil)
			time.Sleep(2*requestTimeout + time.Minute)
			require.True(t, east.Synced())
			require.True(t, east.SyncedWith(west))

			r.weather(0, func(_, _ Gateway) bool { return true })
			east.Resync(west) // its link was down
			require.False(t, east.SyncedWith(west))
			time.Sleep(time.Minute)
			require.False(t, east.SyncedWith(west))
			r.weather(0, nil)
			time.Sleep(2*requestTimeout + time.Minute)
			require.True(t, east.SyncedWith(west))
			require.True(t, east.Synced(), "once is enough")

			synctest.Wait()
			before := len(east.on)
			east.Resync(west)
			time.Sleep(time.Second)
			synctest.Wait()
			require.Len(t, east.on, before+1)
			require.Equal(t, west, east.on[before])

			east.SetPeers(nil)
			require.False(t, east.SyncedWith(west))
			east.Resync(west) // of one that isn't alive
			time.Sleep(time.Second)
			require.False(t, east.SyncedWith(west))
		})
	})
}

func TestSyncedMeansWithMostPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, 6, time.Minute)
		east := r.members[0]
		reached := Cluster("c2")
		r.weather(0, func(from, to Gateway) bool { return max(from.Cluster, to.Cluster) > reached })
		r.run(func() {
			time.Sleep(time.Second)
			require.True(t, east.SyncedWith(r.members[2].self()))
			require.False(t, east.Synced(), "with two of five")
			require.True(t, r.members[2].SyncedWith(east.self()))

			east.SetPeers(r.all()[:4]) // the ring found out that two are dead
			require.True(t, east.Synced(), "with two of three")
			east.SetPeers(r.all())
			require.True(t, east.Synced(), "once is enough")
		})
	})
}

func TestResyncDoesntWaitForTheNextRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, 2, time.Hour)
		east, west := r.members[0], r.members[1].self()
		r.weather(1, nil)
		r.run(func() {
			time.Sleep(10 * time.Minute) // the next retry is minutes away
			r.weather(0, nil)
			east.Resync(west)
			time.Sleep(200 * time.Millisecond)
			require.True(t, east.SyncedWith(west))
		})
	})
}

func TestRunEndsThoughPeersHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, 3, time.Second)
		r.weather(0, func(_, _ Gateway) bool { return true })
		begin := time.Now()
		r.run(func() { time.Sleep(3 * time.Second) })
		require.Equal(t, 3*time.Second, time.Since(begin), "virtual time: it ended at once")
	})
}

func TestFetchKeyAsksWhoeverCanBeReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, 6, time.Hour)
		east, west := r.members[0], r.members[1]
		unknown := r.mint.signer(t, Gateway{"north", "n-0"})
		require.ErrorContains(t, east.FetchKey(t.Context(), unknown.Fingerprint()), "nobody who was asked has it")

		for _, other := range r.members[1:] {
			_, err := other.keys.Add(unknown.chain())
			require.NoError(t, err)
		}
		require.NoError(t, east.FetchKey(t.Context(), unknown.Fingerprint()))
		require.True(t, east.keys.knows(unknown.Fingerprint()))

		joiner := r.add(Gateway{"south", "s-0"}, time.Hour) // which knows nobody alive yet
		require.Error(t, joiner.FetchKey(t.Context(), unknown.Fingerprint()))
		require.NoError(t, joiner.FetchKey(t.Context(), unknown.Fingerprint(), west.self()))

		r.mint.revoked[string(west.signer.der)] = true
		require.Error(t, joiner.FetchKey(t.Context(), west.signer.Fingerprint(), west.self()), "shown, and not valid")
	})
}

func TestFramesThatMakeNoSenseAreRefusedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, 2, time.Hour)
		east, west := r.members[0], r.members[1].self()
		require.Nil(t, east.Handle(west, []byte("nonsense")))
		require.Nil(t, east.Handle(west, make([]byte, MaxFrame+1)))
		require.Nil(t, east.Handle(west, encode(frame{Version: 2})))
		require.Equal(t, map[Reason]uint64{Malformed: 2, Unversioned: 1}, east.refused())
		require.Equal(t, west, east.Refusals()[0].From)
	})
}

// A peer that never comes to an end is left at some point, and the rest goes on.
func TestAConversationWithoutEndIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, 1, time.Hour)
		asked := 0
		talker, err := NewSync(SyncConfig{Store: r.members[0].Store, Peers: peersFunc(func([]byte) []byte {
			asked++
			return (&frame{Again: []want{{Owner: west0, After: Version{1, uint64(asked)}}}}).encode()
		})})
		require.NoError(t, err)
		require.ErrorIs(t, talker.talk(t.Context(), west0, &frame{Root: make([]byte, 32)}, false), errTalkative)
		require.Equal(t, maxRounds, asked)

		silent, err := NewSync(SyncConfig{Store: r.members[0].Store, Peers: peersFunc(func([]byte) []byte { return nil })})
		require.NoError(t, err)
		require.ErrorIs(t, silent.talk(t.Context(), west0, &frame{Root: make([]byte, 32)}, false), errRefused)
	})
}

type peersFunc func(frame []byte) []byte

func (f peersFunc) Request(_ context.Context, _ Gateway, frame []byte) ([]byte, error) {
	return f(frame), nil
}
