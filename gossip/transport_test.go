package gossip

import (
	"context"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

// postbox is Links that notes what is sent. While gate is closed Send blocks.
type postbox struct {
	mu   sync.Mutex
	sent []string
	gate chan struct{}
}

func (p *postbox) Send(to registry.Gateway, packet []byte) {
	<-p.gate
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, to.Name+":"+string(packet))
}
func (p *postbox) Open(context.Context, registry.Gateway) (net.Conn, error) { return nil, io.EOF }
func (p *postbox) Connect(context.Context, netip.AddrPort) (registry.Gateway, error) {
	return registry.Gateway{}, io.EOF
}
func (p *postbox) Learn(registry.Gateway, []netip.AddrPort) {}

func newTestTransport(links Links) (t *transport, dropped, refused *atomic.Uint64) {
	dropped, refused = new(atomic.Uint64), new(atomic.Uint64)
	return newTransport(context.Background(), gateway("east/e-0"), links, dropped, refused), dropped, refused
}

func to(name string) memberlist.Address {
	return memberlist.Address{Name: name, Addr: "[fd00::1]:7946"}
}

// TestWriteNeverWaitsNorFails: whatever the peer, memberlist gets no error and no wait; the newest packets survive, and
// those that are too old to matter don't go out.
func TestWriteNeverWaitsNorFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		links := &postbox{gate: make(chan struct{})}
		tr, dropped, _ := newTestTransport(links)
		tr.introduce(gateway("west/w-0"))
		start := time.Now()
		for i := range outboxLength + 10 {
			_, err := tr.WriteToAddress([]byte{byte(i)}, to("west/w-0"))
			require.NoError(t, err)
			synctest.Wait()
		}
		_, err := tr.WriteToAddress([]byte("hello"), to("nobody/knows"))
		require.NoError(t, err)
		require.Zero(t, time.Since(start))
		require.EqualValues(t, 9+1, dropped.Load(), "one is being sent, the oldest made room, one had no addressee")

		time.Sleep(2 * outboxAge)
		_, err = tr.WriteToAddress([]byte("new"), to("west/w-0"))
		require.NoError(t, err)
		close(links.gate)
		require.NoError(t, tr.Shutdown())
		require.Equal(t, []string{"w-0:\x00", "w-0:new"}, links.sent)
	})
}

// TestRoutes: by name, or by the address that follows from the name; and nobody can make us keep outboxes for names.
func TestRoutes(t *testing.T) {
	links := &postbox{gate: make(chan struct{})}
	close(links.gate)
	tr, _, _ := newTestTransport(links)
	tr.receive(gateway("west/w-0"), []byte("ping"), time.Now())
	_, _ = tr.WriteToAddress([]byte("named"), to("west/w-0"))
	_, _ = tr.WriteTo([]byte("addressed"), joinAddr(gateway("west/w-0")))
	for i := range 2 * maxPeers {
		_, _ = tr.WriteToAddress([]byte("x"), to("north/n-"+string(rune(i))))
		tr.introduce(registry.Gateway{Cluster: "north", Name: string(rune(i))})
	}
	require.NoError(t, tr.Shutdown())
	require.ElementsMatch(t, []string{"w-0:named", "w-0:addressed"}, links.sent)
	require.Len(t, tr.routes, 2*maxPeers)
	_, err := tr.DialTimeout("[fd00::1]:7946", time.Second)
	require.ErrorIs(t, err, errUnknownPeer)
}

// TestStreamsAreBounded: a peer has a few streams at a time, each of so many bytes, and all end with the ring.
func TestStreamsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, _, refused := newTestTransport(&postbox{})
		var ends []net.Conn
		for range maxStreamsPerPeer + 2 {
			near, far := net.Pipe()
			ends = append(ends, near)
			go tr.accept(gateway("west/w-0"), far)
		}
		synctest.Wait()
		require.EqualValues(t, 2, refused.Load())
		first := <-tr.StreamCh()
		require.Equal(t, "west/w-0", first.RemoteAddr().String())
		require.NoError(t, first.Close())
		synctest.Wait()
		near, far := net.Pipe()
		go tr.accept(gateway("west/w-0"), far)
		synctest.Wait()
		require.EqualValues(t, 2, refused.Load(), "there is room again")
		require.NoError(t, tr.Shutdown())
		for _, end := range append(ends, near) {
			_, err := io.ReadAll(end)
			require.NoError(t, err, "closed")
		}
	})
}

func TestStreamLength(t *testing.T) {
	near, far := net.Pipe()
	s := newStream(far, nodeAddr(gateway("west/w-0")), func(*stream) {})
	go func() {
		for {
			if _, err := near.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}()
	brought, err := io.ReadAll(s)
	require.ErrorIs(t, err, errStreamTooLong)
	require.Len(t, brought, maxStreamBytes)
	require.NoError(t, s.Close())
}

func TestMemberAddr(t *testing.T) {
	names := []string{"east/e-0", "east/e-1", "west/e-0", "e/ast-e-0"}
	var addrs []netip.Addr
	for _, name := range names {
		addr := memberAddr(gateway(name))
		require.True(t, addr.Is6() && addr.IsPrivate(), "%s", addr)
		require.NotContains(t, addrs, addr)
		addrs = append(addrs, addr)
	}
	require.Equal(t, addrs[0], memberAddr(gateway("east/e-0")), "always the same")
	require.True(t, slices.Contains(addrs, netip.MustParseAddrPort(joinAddr(gateway("west/e-0"))).Addr()))
}
