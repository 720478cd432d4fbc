package registry

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var now = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)

// A node is one gateway's store with its own keyring, and what it told of changes.
type member struct {
	*Store
	signer *testSigner
	keys   *Keyring
	seen   map[Gateway]map[ServiceName]*Export // by OnChange alone
	told   int                                 // changes
}

func name(s string) ServiceName { return ServiceName{Namespace: "shop", Name: s} }

// export returns an export of a service in namespace shop.
func export(service string, ready uint32) Export {
	return Export{
		Service: name(service), Visibility: Both, Reach: ThroughGateway, Affinity: Local,
		Ports: []Port{{Port: 8080, Protocol: TCP}}, Ready: ready,
	}
}

func exports(services ...string) []Export {
	var all []Export
	for _, service := range services {
		all = append(all, export(service, 1))
	}
	return all
}

// newNode starts a gateway of a mint's mesh, with the certificate that signer has.
func newNode(t testing.TB, m *mint, signer *testSigner, g Gateway, epoch uint64, quota Quota) *member {
	n := &member{signer: signer, keys: NewKeyring(m.verify), seen: map[Gateway]map[ServiceName]*Export{}}
	_, err := n.keys.Add(signer.chain())
	require.NoError(t, err)
	n.Store, err = NewStore(StoreConfig{
		Self: g, Epoch: epoch, Signer: signer, Keyring: n.keys, Quota: quota,
		OnChange: func(changes []Change) {
			for _, c := range changes {
				n.told++
				if n.seen[c.Owner] == nil {
					n.seen[c.Owner] = map[ServiceName]*Export{}
				}
				if c.Export == nil {
					delete(n.seen[c.Owner], c.Service)
				} else {
					n.seen[c.Owner][c.Service] = c.Export
				}
			}
		},
	})
	require.NoError(t, err)
	return n
}

func start(t testing.TB, m *mint, g Gateway, epoch uint64) *member {
	return newNode(t, m, m.signer(t, g), g, epoch, Quota{})
}

// of returns which services of owner count at n, with their ready endpoints, as it told by OnChange. That must be what the
// store itself says.
func (n *member) of(t testing.TB, owner Gateway) map[string]uint32 {
	told, held := map[string]uint32{}, map[string]uint32{}
	n.mu.RLock() // as OnChange is called
	for service, e := range n.seen[owner] {
		told[service.Name] = e.Ready
	}
	n.mu.RUnlock()
	for _, e := range n.Entries(owner) {
		if e.Export != nil {
			held[e.Service.Name] = e.Export.Ready
		}
	}
	require.Equal(t, held, told)
	return told
}

// pull lets to have a conversation with from in which everything is compared, and returns how many frames it took.
func pull(t testing.TB, from, to *member) int {
	root := to.Root()
	return converse(t, to, from, &frame{Root: root[:]})
}

// tell passes the news of from on to others, over the wire format.
func tell(t testing.TB, from *member, to ...*member) {
	untold := from.takeNews()
	for _, n := range to {
		out := from.tell(untold)
		out.News = true
		converse(t, from, n, out)
	}
}

// converse is a conversation that a begins with b.
func converse(t testing.TB, a, b *member, out *frame) int {
	for frames := 0; ; frames += 2 {
		if out.empty() {
			return frames
		}
		require.Less(t, frames, 2*maxRounds, "the conversation never ends")
		in, err := decodeFrame(out.encode())
		require.NoError(t, err)
		reply, err := decodeFrame(b.answer(a.config.Self, in, now).encode())
		require.NoError(t, err)
		out = a.answer(b.config.Self, reply, now)
	}
}

// refused returns the refusals counted at n, by reason.
func (n *member) refused() map[Reason]uint64 {
	counts := map[Reason]uint64{}
	for _, r := range n.Refusals() {
		counts[r.Reason] += r.Count
	}
	return counts
}

func services(ready map[string]uint32) []string {
	var all []string
	for service := range maps.Keys(ready) {
		all = append(all, service)
	}
	return all
}

// numbered returns n exports.
func numbered(n int) []Export {
	var all []Export
	for i := range n {
		all = append(all, export(fmt.Sprintf("s%d", i), 1))
	}
	return all
}

func (n *member) self() Gateway { return n.config.Self }
