package registry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A ring is some gateways' Syncs and the wires between them. What is lost looks like a link that fails; what is cut like a
// peer that is gone: the asker hears nothing until it gives up.
type ring struct {
	t       testing.TB
	mint    *mint
	members []*synced

	mu    sync.Mutex
	rand  *rand.Rand
	delay time.Duration // one way
	loss  float64       // of requests, and of replies
	cut   func(from, to Gateway) bool
	sent  int
	hung  int // requests that wait for what is cut
}

// A synced is a member with its Sync.
type synced struct {
	*member
	*Sync
	on []Gateway // OnSynced, in order; guarded by ring.mu
}

var errLost = errors.New("lost")

// wire is one member's way to the others.
type wire struct {
	*ring
	from Gateway
}

func (w wire) Request(ctx context.Context, to Gateway, data []byte) ([]byte, error) {
	if err := w.travel(ctx, w.from, to); err != nil {
		return nil, err
	}
	var reply []byte
	for _, other := range w.members {
		if other.self() == to {
			reply = other.Handle(w.from, data)
		}
	}
	return reply, w.travel(ctx, to, w.from)
}

func (w wire) travel(ctx context.Context, from, to Gateway) error {
	w.mu.Lock()
	w.sent++
	cut, lost, delay := w.cut != nil && w.cut(from, to), w.rand.Float64() < w.loss, w.delay
	w.mu.Unlock()
	if cut {
		w.hang(1)
		<-ctx.Done()
		w.hang(-1)
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(delay):
	}
	if lost {
		return errLost
	}
	return nil
}

func (r *ring) hang(change int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hung += change
}

// newRing starts n gateways of as many clusters, in a bubble. They all know that all are alive, and nothing else.
func newRing(t testing.TB, n int, interval time.Duration) *ring {
	r := &ring{t: t, mint: newMint(), rand: rand.New(rand.NewPCG(1, 2)), delay: 15 * time.Millisecond}
	for i := range n {
		r.add(Gateway{Cluster(fmt.Sprintf("c%d", i)), "g"}, interval)
	}
	for _, member := range r.members {
		member.SetPeers(r.all())
		for _, other := range r.members { // a link shows both ends' certificates
			_, err := member.keys.Add(other.signer.chain())
			require.NoError(t, err)
		}
	}
	return r
}

func (r *ring) add(g Gateway, interval time.Duration) *synced {
	added := &synced{member: start(r.t, r.mint, g, uint64(time.Now().UnixMilli()))}
	var err error
	added.Sync, err = NewSync(SyncConfig{
		Store: added.Store, Peers: wire{r, g}, Interval: interval,
		OnSynced: func(with Gateway) {
			r.mu.Lock()
			defer r.mu.Unlock()
			added.on = append(added.on, with)
		},
	})
	require.NoError(r.t, err)
	r.members = append(r.members, added)
	return added
}

func (r *ring) all() []Gateway {
	var all []Gateway
	for _, member := range r.members {
		all = append(all, member.self())
	}
	return all
}

// run runs all members while test does something, and waits until they have stopped.
func (r *ring) run(test func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for _, member := range r.members {
		running.Go(func() { member.Run(ctx) })
	}
	test()
}

// weather changes the wires.
func (r *ring) weather(loss float64, cut func(from, to Gateway) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loss, r.cut = loss, cut
}

// counts returns, and resets, how many frames were sent, and how many requests hang.
func (r *ring) counts() (sent, hung int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sent, hung, r.sent = r.sent, r.hung, 0
	return sent, hung
}

// equal counts the members that hold what the first one holds.
func (r *ring) equal() int {
	n := 0
	for _, member := range r.members {
		if member.Root() == r.members[0].Root() {
			n++
		}
	}
	return n
}

// converges waits until all hold the same, and returns how long that took.
func (r *ring) converges(within time.Duration) time.Duration {
	begin := time.Now()
	for r.equal() < len(r.members) {
		require.Less(r.t, time.Since(begin), within, "%d of %d are equal", r.equal(), len(r.members))
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(begin)
}
