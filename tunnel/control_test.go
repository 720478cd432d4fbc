package tunnel_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// mailbox collects the packets of a gateway.
type mailbox struct {
	mu      sync.Mutex
	packets [][]byte
	from    []registry.Gateway
}

func (m *mailbox) receive(from registry.Gateway, packet []byte, _ time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.packets, m.from = append(m.packets, packet), append(m.from, from)
}

func (m *mailbox) take() [][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.packets
	m.packets = nil
	return taken
}

func TestPacketsOfAnySizeArrive(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(5 * time.Millisecond))
		var box mailbox
		e, ww := w.start(east), w.prepare(west)
		ww.HandlePackets(box.receive)
		ww.run()
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		for _, size := range []int{1, 100, 1100, 1200, 1500, 64 << 10} {
			packet := bytes.Repeat([]byte{7}, size)
			e.Send(west, packet)
			clear(packet) // the caller may reuse it
			time.Sleep(200 * time.Millisecond)
			received := box.take()
			require.Len(w, received, 1, "size %d", size)
			require.True(w, bytes.Equal(bytes.Repeat([]byte{7}, size), received[0]), "size %d", size)
			require.Equal(w, east, box.from[0])
		}
		e.Send(west, make([]byte, 64<<10+1))
		e.Send(north, []byte("nobody knows north"))
		time.Sleep(time.Second)
		require.Empty(w, box.take())
		require.EqualValues(w, 2, e.Stats().Dropped)
	})
}

// The ring calls Send from goroutines that must go on: a peer that vanished must not hold them up, neither at once nor
// when quic-go's queue of datagrams is full.
func TestSendNeverBlocksThoughThePeerVanished(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(5 * time.Millisecond))
		e, ww, n := w.start(east), w.start(west), w.start(north)
		meet(e, ww, n)
		e.until(west, tunnel.Up, time.Second)
		e.until(north, tunnel.Up, time.Second)
		time.Sleep(5 * time.Second)
		ww.host.Crash()
		packet := make([]byte, 1000)
		begin, sending := time.Now(), time.Duration(0)
		for time.Since(begin) < 10*time.Second {
			before := time.Now()
			e.Send(west, packet)
			e.Send(west, make([]byte, 5000))
			sending += time.Since(before)
			time.Sleep(2 * time.Millisecond)
		}
		require.Zero(w, sending)
		require.NotZero(w, e.Stats().Dropped)
		require.Equal(w, tunnel.Up, e.link(north).State)
		require.Equal(w, tunnel.Down, e.link(west).State)
		require.Equal(w, []string{"up connected"}, e.changes(north))
	})
}

func TestControlStreams(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(delayed(5 * time.Millisecond))
		e, ww := w.start(east), w.prepare(west)
		ww.HandleStreams(tunnel.KindRegistry, func(from registry.Gateway, conn net.Conn) {
			asked, err := io.ReadAll(conn)
			if err != nil {
				return
			}
			conn.Write([]byte(from.String() + " asked " + string(asked)))
		})
		ww.run()
		e.learn(ww)
		ask := func(ctx context.Context) (string, error) {
			conn, err := e.OpenStream(ctx, west, tunnel.KindRegistry)
			if err != nil {
				return "", err
			}
			defer conn.Close()
			conn.Write([]byte("what is new"))
			conn.(interface{ CloseWrite() error }).CloseWrite()
			answer, err := io.ReadAll(conn)
			return string(answer), err
		}
		answer, err := ask(w.Context()) // it waits for the link
		require.NoError(w, err)
		require.Equal(w, "east/e-0 asked what is new", answer)
		for range 1000 { // more than any limit of streams: what is over is given back
			_, err := ask(w.Context())
			require.NoError(w, err)
		}
		_, err = e.OpenStream(w.Context(), north, tunnel.KindRegistry)
		require.ErrorIs(w, err, tunnel.ErrNoLink)

		conn, err := e.OpenStream(w.Context(), west, 99)
		require.NoError(w, err)
		_, err = conn.Read(make([]byte, 1))
		require.Error(w, err, "nobody handles that kind")
		conn.Close()

		e.Learn(north, []netip.AddrPort{addr(north)})
		short, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		_, err = e.OpenStream(short, north, tunnel.KindRegistry)
		require.ErrorIs(w, err, tunnel.ErrNoLink)
	})
}

// A stream is given back although what came on it was never read. Otherwise the limit of streams is used up some day, and
// no stream can be opened ever after.
func TestClosedStreamsAreGivenBack(t *testing.T) {
	inWorld(t, func(w *world) {
		e, ww := w.start(east), w.prepare(west, func(cfg *tunnel.Config) { cfg.Limits.Streams = 1 })
		ww.HandleStreams(tunnel.KindRegistry, func(_ registry.Gateway, conn net.Conn) {
			conn.Write([]byte("not interested"))
		})
		ww.run()
		e.learn(ww)
		for range 1000 {
			conn, err := e.OpenStream(w.Context(), west, tunnel.KindRegistry)
			require.NoError(w, err)
			conn.Write([]byte("is anything new?"))
			conn.Close()
			time.Sleep(10 * time.Millisecond)
		}
	})
}

func TestControlStreamsAreBounded(t *testing.T) {
	inWorld(t, func(w *world) {
		held := make(chan struct{})
		e, n, ww := w.start(east), w.start(north), w.prepare(west, func(cfg *tunnel.Config) { cfg.Limits.Control = 3 })
		ww.HandleStreams(tunnel.KindGossip, func(_ registry.Gateway, conn net.Conn) {
			conn.Write([]byte("x"))
			<-held
		})
		ww.run()
		meet(e, n, ww)
		e.until(west, tunnel.Up, time.Second)
		n.until(west, tunnel.Up, time.Second)
		served := func(g *gateway) bool {
			conn, err := g.OpenStream(w.Context(), west, tunnel.KindGossip)
			require.NoError(w, err)
			w.Cleanup(func() { conn.Close() })
			_, err = io.ReadFull(conn, make([]byte, 1))
			return err == nil
		}
		for range 3 {
			require.True(w, served(e))
		}
		require.False(w, served(e))
		require.True(w, served(n), "others don't notice")
		close(held)
		time.Sleep(time.Second)
		require.True(w, served(e))
	})
}

// Bulk on the data connections must not delay what the ring sends.
func TestBulkDoesNotDelayPackets(t *testing.T) {
	inWorld(t, func(w *world) {
		w.network.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 10 * time.Millisecond}))
		var delays []time.Duration
		var mu sync.Mutex
		e, ww := w.start(east), w.prepare(west, serving(w, west, func(conn net.Conn) { io.Copy(io.Discard, conn) }))
		ww.HandlePackets(func(_ registry.Gateway, packet []byte, at time.Time) {
			var sent time.Time
			sent.UnmarshalBinary(packet)
			mu.Lock()
			defer mu.Unlock()
			delays = append(delays, at.Sub(sent))
		})
		ww.run()
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		conn, _, err := e.Open(w.Context(), web, candidates(west))
		require.NoError(w, err)
		var group sync.WaitGroup
		group.Go(func() {
			chunk := make([]byte, 64<<10)
			for range 200 {
				if _, err := conn.Write(chunk); err != nil {
					return
				}
			}
		})
		for range 100 {
			stamp, _ := time.Now().MarshalBinary()
			e.Send(west, stamp)
			time.Sleep(5 * time.Millisecond)
		}
		group.Wait()
		conn.Close()
		time.Sleep(time.Second)
		mu.Lock()
		defer mu.Unlock()
		require.Len(w, delays, 100)
		for _, delay := range delays {
			require.Less(w, delay, 15*time.Millisecond)
		}
	})
}
