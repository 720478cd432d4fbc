package chaos_test

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// swimmer probes its peers one after another, as memberlist does, and answers them.
type swimmer struct {
	mailbox
	answered [10]atomic.Int64 // when the peer answered last, in virtual nanoseconds
}

func (s *swimmer) serve() {
	buffer := make([]byte, 1400)
	for {
		n, from, err := s.ReadFrom(buffer)
		if err != nil {
			return
		}
		if bytes.HasPrefix(buffer[:n], []byte("ping")) {
			_, _ = s.WriteTo([]byte("ack"), from)
		} else {
			s.answered[from.(*net.UDPAddr).IP.To4()[3]].Store(time.Now().UnixNano())
		}
	}
}

func (s *swimmer) probe(interval time.Duration, peers int) {
	ping := append([]byte("ping"), make([]byte, 200)...)
	for i := 0; ; i++ {
		if _, err := s.WriteTo(ping, udp(at(byte(i%peers+1), 1000))); err != nil {
			return
		}
		time.Sleep(interval)
	}
}

// TestGossip is the kind of traffic for which the network is made: six nodes that probe one another every 50 ms, for ten
// minutes, with loss and jitter: 125,000 datagrams. A dead node is silent, and nobody else is.
func TestGossip(t *testing.T) {
	const nodes, interval, duration = 6, 50 * time.Millisecond, 10 * time.Minute
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 15 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.05}))
		var running sync.WaitGroup
		swimmers := make([]*swimmer, nodes)
		for i := range swimmers {
			swimmers[i] = &swimmer{mailbox: open(t, n, byte(i+1))}
			running.Go(swimmers[i].serve)
			running.Go(func() { swimmers[i].probe(interval, nodes) })
		}
		time.Sleep(duration / 2)
		n.Host(ip(nodes)).Crash()
		time.Sleep(duration / 2)
		now := time.Now()
		for i, s := range swimmers[:nodes-1] {
			for peer := range nodes {
				silent := now.Sub(time.Unix(0, s.answered[peer+1].Load()))
				if peer == nodes-1 {
					require.Greater(t, silent, duration/2-time.Second, "%d heard the dead %d", i, peer)
				} else {
					require.Less(t, silent, 5*time.Second, "%d didn't hear %d", i, peer)
				}
			}
		}
		n.Close()
		running.Wait()
		counts := n.Counts()
		require.InDelta(t, 0.05, float64(counts.Lost)/float64(counts.Sent), 0.01)
	})
}
