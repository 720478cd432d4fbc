package tunnel

import (
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPatienceWithFlow(t *testing.T) {
	for what, c := range map[string]struct {
		said, answered int
		lives          time.Duration
	}{
		"nothing yet":                    {1, 0, 10 * time.Second},
		"a log":                          {1000, 0, 10 * time.Second},
		"a question":                     {1, 1, 3 * time.Second},
		"one answered twice":             {1, 2, 3 * time.Second},
		"A and AAAA":                     {2, 2, 3 * time.Second},
		"AAAA not answered yet":          {2, 1, 60 * time.Second},
		"a handshake":                    {3, 3, 60 * time.Second},
		"one that streams to the client": {3, 1000, 60 * time.Second},
	} {
		require.Equal(t, c.lives, patienceWithFlow(c.said, c.answered), what)
	}
}

func TestUnansweredIsBounded(t *testing.T) {
	var u unanswered
	gone := 0
	for range 20 {
		gone += u.keep(make([]byte, 10))
	}
	require.Equal(t, 12, gone)
	require.Equal(t, 7, u.keep(make([]byte, 16<<10-10)), "by bytes too")
	require.Equal(t, 2, u.keep(make([]byte, 60000)), "a large one alone")
	require.Len(t, u.datagrams, 1)
	require.Equal(t, 60000, u.bytes)
}

func TestInbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newInbox()
		for n := range inboxSize + 1 {
			require.Equal(t, n == inboxSize, i.put([]byte{byte(n)}))
		}
		for n := range inboxSize {
			datagram, err := i.take()
			require.NoError(t, err)
			require.Equal(t, []byte{byte(n + 1)}, datagram, "the oldest was dropped")
		}
		begin := time.Now()
		i.setDeadline(begin.Add(time.Second))
		time.AfterFunc(500*time.Millisecond, func() { i.setDeadline(begin.Add(3 * time.Second)) })
		_, err := i.take()
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, 3*time.Second, time.Since(begin), "it was moved meanwhile")
		i.setDeadline(time.Time{})

		taken := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := i.take()
				taken <- err
			}()
		}
		synctest.Wait()
		i.put([]byte{})
		i.put([]byte("x"))
		require.NoError(t, <-taken)
		require.NoError(t, <-taken)

		i.put([]byte("last"))
		i.end(io.EOF)
		i.end(net.ErrClosed)
		require.True(t, i.put([]byte("too late")))
		datagram, err := i.take()
		require.NoError(t, err)
		require.Equal(t, "last", string(datagram))
		for range 2 {
			_, err = i.take()
			require.Equal(t, io.EOF, err)
		}
	})
}
