package chaos_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// connected returns both ends of a stream from 10.0.0.1 to 10.0.0.2.
func connected(t *testing.T, n *chaos.Network) (dialed, accepted net.Conn) {
	t.Helper()
	l, err := n.Host(ip(2)).Listen(at(2, 0))
	require.NoError(t, err)
	defer l.Close()
	dialed, err = n.Host(ip(1)).Dial(t.Context(), l.Addr().(*net.TCPAddr).AddrPort())
	require.NoError(t, err)
	accepted, err = l.Accept()
	require.NoError(t, err)
	return dialed, accepted
}

// TestStreamIsAConn asks the referee of golang.org/x/net, in real time.
func TestStreamIsAConn(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		n := chaos.NewNetwork(1)
		c1, c2 = connected(t, n)
		return c1, c2, n.Close, nil
	})
}

func TestStreamTakesItsTime(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 30 * time.Millisecond}))
		l, err := n.Host(ip(2)).Listen(netip.MustParseAddrPort("0.0.0.0:80"))
		require.NoError(t, err)
		start := time.Now()
		dialed, err := n.Host(ip(1)).Dial(t.Context(), at(2, 80))
		require.NoError(t, err)
		require.Equal(t, 60*time.Millisecond, time.Since(start), "a round trip to connect")
		_, err = dialed.Write([]byte("hello"))
		require.NoError(t, err)
		accepted, err := l.Accept()
		require.NoError(t, err)
		require.Equal(t, 90*time.Millisecond, time.Since(start))
		_, err = io.ReadFull(accepted, make([]byte, 5))
		require.NoError(t, err)
		require.Equal(t, 90*time.Millisecond, time.Since(start), "bytes come with the handshake's third step")
		require.Equal(t, dialed.LocalAddr(), accepted.RemoteAddr())
		require.Equal(t, dialed.RemoteAddr(), accepted.LocalAddr())
		require.IsType(t, &net.TCPAddr{}, accepted.RemoteAddr())
	})
}

// TestStreamCarriesBytesThroughBadWeather sends more than all buffers hold.
func TestStreamCarriesBytesThroughBadWeather(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Uniform(chaos.Conditions{
			Delay: 10 * time.Millisecond, Jitter: 40 * time.Millisecond, Loss: 0.1, Reorder: 0.2, Duplicate: 0.1, Corrupt: 0.1, MTU: 500,
		}))
		dialed, accepted := connected(t, n)
		sent := make([]byte, 3<<20)
		random := rand.New(rand.NewPCG(1, 2))
		for i := range sent {
			sent[i] = byte(random.Uint32())
		}
		go func() {
			_, _ = dialed.Write(sent)
			_ = dialed.Close()
		}()
		got, err := io.ReadAll(accepted)
		require.NoError(t, err)
		require.True(t, bytes.Equal(sent, got))
	})
}

func TestRateOfAStream(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		dialed, accepted := connected(t, n)
		n.SetWeather(chaos.Uniform(chaos.Conditions{Rate: 125_000})) // 1 Mbit/s
		start := time.Now()
		go func() { _, _ = dialed.Write(make([]byte, 1_250_000)) }()
		_, err := io.ReadFull(accepted, make([]byte, 1_250_000))
		require.NoError(t, err)
		require.InDelta(t, 10, time.Since(start).Seconds(), 0.01)
	})
}

func TestHalfClose(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 30 * time.Millisecond}))
		dialed, accepted := connected(t, n)
		_, err := dialed.Write([]byte("question"))
		require.NoError(t, err)
		require.NoError(t, dialed.(interface{ CloseWrite() error }).CloseWrite())
		_, err = dialed.Write([]byte("more"))
		require.ErrorIs(t, err, syscall.EPIPE)
		question, err := io.ReadAll(accepted)
		require.NoError(t, err)
		_, err = accepted.Write(append(question, " answered"...))
		require.NoError(t, err)
		require.NoError(t, accepted.Close())
		answer, err := io.ReadAll(dialed)
		require.NoError(t, err)
		require.Equal(t, "question answered", string(answer))
		require.NoError(t, dialed.Close())
		require.ErrorIs(t, dialed.Close(), net.ErrClosed)
		_, err = dialed.Read(make([]byte, 1))
		require.ErrorIs(t, err, net.ErrClosed)
	})
}

func TestResets(t *testing.T) {
	buffer := make([]byte, 10)
	for name, test := range map[string]func(t *testing.T, n *chaos.Network, here, there net.Conn){
		"closed with linger 0": func(t *testing.T, _ *chaos.Network, here, there net.Conn) {
			_, err := there.Write([]byte("last word"))
			require.NoError(t, err)
			require.NoError(t, there.(interface{ SetLinger(int) error }).SetLinger(0))
			require.NoError(t, there.Close())
			time.Sleep(time.Second)
			size, err := here.Read(buffer)
			require.NoError(t, err, "what arrived before the reset is read")
			require.Equal(t, "last word", string(buffer[:size]))
		},
		"closed with bytes unread": func(t *testing.T, _ *chaos.Network, here, there net.Conn) {
			_, err := here.Write([]byte("unread"))
			require.NoError(t, err)
			time.Sleep(time.Second)
			require.NoError(t, there.Close())
		},
		"written to after it closed": func(t *testing.T, _ *chaos.Network, here, there net.Conn) {
			require.NoError(t, there.Close())
			_, err := here.Read(buffer)
			require.ErrorIs(t, err, io.EOF)
			_, err = here.Write([]byte("?"))
			require.NoError(t, err)
			time.Sleep(time.Second)
			_, err = here.Write([]byte("?"))
			require.ErrorIs(t, err, syscall.ECONNRESET)
		},
		"killed": func(t *testing.T, n *chaos.Network, _, there net.Conn) {
			n.Host(ip(2)).Kill()
			_, err := there.Read(buffer)
			require.ErrorIs(t, err, net.ErrClosed)
		},
		"crashed, and back": func(t *testing.T, n *chaos.Network, here, _ net.Conn) {
			n.Host(ip(2)).Crash()
			_, err := here.Write([]byte("?"))
			require.NoError(t, err)
			require.NoError(t, here.SetReadDeadline(time.Now().Add(10*time.Second)))
			_, err = here.Read(buffer)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded, "a host without power says nothing")
			require.NoError(t, here.SetReadDeadline(time.Time{}))
			_, err = n.Host(ip(2)).Listen(at(2, 80))
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
				n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 30 * time.Millisecond}))
				here, there := connected(t, n)
				test(t, n, here, there)
				if _, err := here.Read(buffer); err != io.EOF { // where the reset came by writing, the end was read before
					require.ErrorIs(t, err, syscall.ECONNRESET)
				}
				_, err := here.Write(buffer)
				require.ErrorIs(t, err, syscall.ECONNRESET)
			})
		})
	}
}

func TestPeerThatDoesNotRead(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		dialed, accepted := connected(t, n)
		require.NoError(t, dialed.SetWriteDeadline(time.Now().Add(time.Second)))
		written, err := dialed.Write(make([]byte, 10<<20))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, 512<<10, written, "both buffers are full")
		require.NoError(t, dialed.Close())
		got, err := io.ReadAll(accepted)
		require.NoError(t, err)
		require.Len(t, got, written)
	})
}

func TestStreamOutlivesAShortCut(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 30 * time.Millisecond}))
		dialed, accepted := connected(t, n)
		for range 3 { // one under way at the cut, one written while it lasts
			_, err := dialed.Write([]byte("0123456789"))
			require.NoError(t, err)
			n.SetWeather(chaos.Cut(ip(1), ip(2)))
			_, err = dialed.Write([]byte("abcdefghij"))
			require.NoError(t, err)
			time.Sleep(10 * time.Second)
			n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 30 * time.Millisecond}))
		}
		time.Sleep(time.Minute)
		require.NoError(t, dialed.Close())
		n.SetWeather(chaos.Cut(ip(1), ip(2))) // with the end under way
		time.AfterFunc(10*time.Second, func() { n.SetWeather(chaos.Calm) })
		got, err := io.ReadAll(accepted)
		require.NoError(t, err)
		require.Equal(t, "0123456789abcdefghij0123456789abcdefghij0123456789abcdefghij", string(got))
	})
}

// TestStreamRepeatsAllBehindALoss loses the first of two segments that are under way.
func TestStreamRepeatsAllBehindALoss(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		far := chaos.Uniform(chaos.Conditions{Delay: 30 * time.Millisecond})
		n.SetWeather(far)
		dialed, accepted := connected(t, n)
		_, err := dialed.Write([]byte("first, "))
		require.NoError(t, err)
		time.Sleep(20 * time.Millisecond)
		_, err = dialed.Write([]byte("second"))
		require.NoError(t, err)
		n.SetWeather(chaos.Isolate(ip(1)))
		time.Sleep(20 * time.Millisecond)
		n.SetWeather(far)
		require.NoError(t, dialed.Close())
		got, err := io.ReadAll(accepted)
		require.NoError(t, err)
		require.Equal(t, "first, second", string(got))
	})
}

func TestStreamKeepsOrderOverAShorterRoute(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		dialed, accepted := connected(t, n)
		for i, text := range []string{"over the mountain, ", "through the tunnel"} {
			n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: time.Duration(1-i) * time.Second}))
			_, err := dialed.Write([]byte(text))
			require.NoError(t, err)
		}
		require.NoError(t, dialed.Close())
		got, err := io.ReadAll(accepted)
		require.NoError(t, err)
		require.Equal(t, "over the mountain, through the tunnel", string(got))
	})
}

func TestStreamBreaksInALongCut(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		dialed, accepted := connected(t, n)
		n.SetWeather(chaos.Uniform(chaos.Conditions{Cut: true}))
		start := time.Now()
		_, err := dialed.Write([]byte("?"))
		require.NoError(t, err)
		_, err = dialed.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ETIMEDOUT)
		require.Equal(t, 924600*time.Millisecond, time.Since(start), "as long as Linux tries")
		n.SetWeather(chaos.Calm)
		_, err = accepted.Write([]byte("!"))
		require.NoError(t, err)
		_, err = accepted.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET, "the other end learns it when it speaks")
	})
}

func TestDialFails(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 30 * time.Millisecond}))
		a := n.Host(ip(1))
		n.Host(ip(2))
		start := time.Now()
		_, err := a.Dial(t.Context(), at(2, 80))
		require.ErrorIs(t, err, syscall.ECONNREFUSED, "nobody listens")
		require.Equal(t, 60*time.Millisecond, time.Since(start))

		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = a.Dial(short, at(3, 80))
		require.ErrorIs(t, err, context.DeadlineExceeded, "no such host")
		var failure net.Error
		require.ErrorAs(t, err, &failure)
		require.True(t, failure.Timeout())

		start = time.Now()
		_, err = a.Dial(t.Context(), at(3, 80))
		require.ErrorIs(t, err, syscall.ETIMEDOUT)
		require.Equal(t, 127*time.Second, time.Since(start), "as long as Linux knocks")

		a.Crash()
		_, err = a.Dial(t.Context(), at(2, 80))
		require.ErrorIs(t, err, syscall.ENETDOWN)
	})
}

func TestDialKnocksUntilTheCutEnds(t *testing.T) {
	for name, cut := range map[string]chaos.Weather{"there": chaos.CutOneWay(ip(1), ip(2)), "back": chaos.CutOneWay(ip(2), ip(1))} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
				l, err := n.Host(ip(2)).Listen(at(2, 80))
				require.NoError(t, err)
				n.SetWeather(cut)
				time.AfterFunc(5*time.Second, func() { n.SetWeather(chaos.Calm) })
				start := time.Now()
				_, err = n.Host(ip(1)).Dial(t.Context(), at(2, 80))
				require.NoError(t, err)
				require.Equal(t, 7*time.Second, time.Since(start), "knocks after 1, 2 and 4 seconds")
				_, err = l.Accept()
				require.NoError(t, err)
			})
		})
	}
}

func TestListenerCloses(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		l, err := n.Host(ip(2)).Listen(at(2, 80))
		require.NoError(t, err)
		_, err = n.Host(ip(2)).Listen(at(2, 80))
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		waiting, err := n.Host(ip(1)).Dial(t.Context(), at(2, 80))
		require.NoError(t, err)
		synctest.Wait()
		require.NoError(t, l.Close())
		_, err = waiting.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET, "it wasn't accepted")
		_, err = l.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = n.Host(ip(1)).Dial(t.Context(), at(2, 80))
		require.ErrorIs(t, err, syscall.ECONNREFUSED)

		n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: time.Second}))
		l, err = n.Host(ip(2)).Listen(at(2, 80))
		require.NoError(t, err)
		time.AfterFunc(1500*time.Millisecond, func() { _ = l.Close() })
		halfway, err := n.Host(ip(1)).Dial(t.Context(), at(2, 80))
		require.NoError(t, err)
		_, err = halfway.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET, "it closed in the middle of the handshake")
	})
}

// TestFullAcceptQueue dials more often than a sleeping server has room for; the rest gets in when it wakes up.
func TestFullAcceptQueue(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		l, err := n.Host(ip(2)).Listen(at(2, 80))
		require.NoError(t, err)
		for i := range 200 {
			s, err := n.Host(ip(1)).Dial(t.Context(), at(2, 80))
			require.NoError(t, err)
			_, err = s.Write([]byte{byte(i)})
			require.NoError(t, err)
		}
		time.Sleep(time.Second)
		woke := time.Now()
		for i := range 200 {
			s, err := l.Accept()
			require.NoError(t, err)
			_, err = s.Read(make([]byte, 1))
			require.NoError(t, err)
			if i < 128 {
				require.Zero(t, time.Since(woke))
			} else {
				require.Equal(t, 400*time.Millisecond, time.Since(woke), "the fourth try, after 200, 600 and 1,400 ms")
			}
		}
	})
}
