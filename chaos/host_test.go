package chaos_test

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

func TestCrashAndRestart(t *testing.T) {
	for name, end := range map[string]func(*chaos.Host){"crash": (*chaos.Host).Crash, "kill": (*chaos.Host).Kill} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
				n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: time.Second}))
				a, b := open(t, n, 1), open(t, n, 2)
				b.send(1, "sent before")
				time.Sleep(time.Second / 2)
				end(n.Host(ip(2)))
				_, _, err := b.ReadFrom(make([]byte, 1))
				require.ErrorIs(t, err, net.ErrClosed)
				_, err = b.WriteTo([]byte("?"), a.LocalAddr())
				require.ErrorIs(t, err, net.ErrClosed)
				a.send(2, "to the dead")
				require.Equal(t, []string{"sent before"}, a.receive(5*time.Second))

				b = open(t, n, 2)
				a.send(2, "to the risen")
				require.Equal(t, []string{"to the risen"}, b.receive(5*time.Second))
			})
		})
	}
}

func TestFreeze(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		a, b := open(t, n, 1), open(t, n, 2)
		n.Host(ip(2)).Freeze()
		a.send(2, "one", "two")
		b.send(1, "three")
		require.Empty(t, a.receive(time.Minute), "a frozen host sends nothing")
		require.Empty(t, b.receive(time.Minute), "and reads nothing")
		n.Host(ip(2)).Thaw()
		require.Equal(t, []string{"one", "two"}, b.receive(time.Second))
		require.Equal(t, []string{"three"}, a.receive(time.Second))
	})
}

func TestFreezeIsBounded(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		a, b := open(t, n, 1), open(t, n, 2)
		n.Host(ip(2)).Freeze()
		kilobyte := string(make([]byte, 1000))
		for range 2000 {
			a.send(2, kilobyte)
			b.send(1, "x")
		}
		n.Host(ip(2)).Thaw()
		require.Len(t, b.receive(time.Second), 123, "128 KiB")
		require.Len(t, a.receive(time.Second), 1024)
		require.Equal(t, uint64(2000-123), n.Host(ip(1)).Counts().Overrun)
		require.Equal(t, uint64(2000-1024), n.Host(ip(2)).Counts().Overrun)
	})
}

func TestFrozenHostDies(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		a, b := open(t, n, 1), open(t, n, 2)
		_, accepted := connected(t, n)
		n.Host(ip(2)).Freeze()
		b.send(1, "held")
		_, err := accepted.Write([]byte("held"))
		require.NoError(t, err)
		time.AfterFunc(time.Second, n.Host(ip(2)).Crash)
		_, err = accepted.Read(make([]byte, 1))
		require.ErrorIs(t, err, net.ErrClosed, "death ends the waits of the frozen, too")
		require.Empty(t, a.receive(time.Minute))
		b = open(t, n, 2)
		a.send(2, "awake")
		require.Equal(t, []string{"awake"}, b.receive(time.Second))
	})
}

func TestFrozenStream(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		dialed, accepted := connected(t, n)
		got := make(chan time.Time, 2)
		for _, end := range []net.Conn{dialed, accepted} {
			go func() {
				_, _ = io.ReadFull(end, make([]byte, 1))
				got <- time.Now()
			}()
		}
		synctest.Wait()
		n.Host(ip(2)).Freeze()
		for _, end := range []net.Conn{dialed, accepted} {
			_, err := end.Write([]byte("?"))
			require.NoError(t, err, "buffers take it")
		}
		time.Sleep(time.Minute)
		thaw := time.Now()
		n.Host(ip(2)).Thaw()
		require.Equal(t, thaw, <-got)
		require.Equal(t, thaw, <-got)
	})
}

// TestDialAFrozenHost connects, for that is the kernel's work, and gets no further.
func TestDialAFrozenHost(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		l, err := n.Host(ip(2)).Listen(at(2, 80))
		require.NoError(t, err)
		n.Host(ip(2)).Freeze()
		_, err = n.Host(ip(1)).Dial(t.Context(), at(2, 80))
		require.NoError(t, err)
		start := time.Now()
		time.AfterFunc(time.Minute, n.Host(ip(2)).Thaw)
		_, err = l.Accept()
		require.NoError(t, err)
		require.Equal(t, time.Minute, time.Since(start))

		n.Host(ip(1)).Freeze()
		time.AfterFunc(time.Minute, n.Host(ip(1)).Thaw)
		_, err = n.Host(ip(1)).Dial(t.Context(), at(2, 80))
		require.NoError(t, err)
		require.Equal(t, 2*time.Minute, time.Since(start), "a frozen dialer gets no further either")
	})
}
