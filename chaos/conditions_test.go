package chaos_test

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// under sends numbered datagrams from 10.0.0.1 to 10.0.0.2, one a millisecond, and returns what arrived.
func under(t *testing.T, c chaos.Conditions, count int) (arrived []int, counts chaos.Counts) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Uniform(c))
		a, b := open(t, n, 1), open(t, n, 2)
		go func() {
			for i := range count {
				a.send(2, strconv.Itoa(i))
				time.Sleep(time.Millisecond)
			}
		}()
		for _, text := range b.receive(time.Duration(count)*time.Millisecond + 10*time.Second) {
			i, err := strconv.Atoi(text)
			require.NoError(t, err)
			arrived = append(arrived, i)
		}
		counts = n.Counts()
	})
	return arrived, counts
}

func numbers(count int) []int {
	all := make([]int, count)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestDelay(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Between(nil, []netip.Addr{ip(2)}, chaos.Conditions{Delay: 30 * time.Millisecond}))
		a, b := open(t, n, 1), open(t, n, 2)
		a.send(2, "there")
		require.Equal(t, []time.Duration{30 * time.Millisecond}, b.arrivals(time.Second))
		b.send(1, "back")
		require.Equal(t, []time.Duration{0}, a.arrivals(time.Second), "a direction has its own delay")
	})
}

func TestJitterKeepsOrder(t *testing.T) {
	arrived, _ := under(t, chaos.Conditions{Delay: 10 * time.Millisecond, Jitter: 50 * time.Millisecond}, 1000)
	require.Equal(t, numbers(1000), arrived)
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: 10 * time.Millisecond, Jitter: 50 * time.Millisecond}))
		a, b := open(t, n, 1), open(t, n, 2)
		var took []time.Duration
		for range 200 {
			a.send(2, "?")
			took = append(took, b.arrivals(time.Second)...)
		}
		require.Len(t, took, 200)
		require.GreaterOrEqual(t, slices.Min(took), 10*time.Millisecond)
		require.LessOrEqual(t, slices.Max(took), 60*time.Millisecond)
		require.Greater(t, slices.Max(took)-slices.Min(took), 40*time.Millisecond, "all of the range occurs")
	})
}

func TestEqualDelayKeepsOrder(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Millisecond, 100 * time.Millisecond} {
		arrived, _ := under(t, chaos.Conditions{Delay: delay}, 500)
		require.Equal(t, numbers(500), arrived, delay)
	}
}

func TestShorterRouteOvertakes(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		a, b := open(t, n, 1), open(t, n, 2)
		n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: time.Second}))
		a.send(2, "over the mountain")
		n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: time.Millisecond}))
		a.send(2, "through the tunnel")
		require.Equal(t, []string{"through the tunnel", "over the mountain"}, b.receive(2*time.Second))
	})
}

func TestLoss(t *testing.T) {
	arrived, counts := under(t, chaos.Conditions{Loss: 0.3}, 10_000)
	require.InDelta(t, 7000, len(arrived), 250, "five sigma")
	require.Equal(t, uint64(10_000), counts.Lost+counts.Delivered)
	require.True(t, slices.IsSorted(arrived))
}

func TestReorder(t *testing.T) {
	arrived, counts := under(t, chaos.Conditions{Delay: 20 * time.Millisecond, Reorder: 0.25}, 4000)
	require.InDelta(t, 1000, counts.Late, 140)
	overtaken := 0
	for i := 1; i < len(arrived); i++ {
		if arrived[i] < arrived[i-1] {
			overtaken++
		}
	}
	require.Greater(t, overtaken, 300)
	slices.Sort(arrived)
	require.Equal(t, numbers(4000), arrived, "none is lost")
}

func TestDuplicate(t *testing.T) {
	arrived, counts := under(t, chaos.Conditions{Duplicate: 0.05}, 10_000)
	require.InDelta(t, 10_500, len(arrived), 110)
	require.Equal(t, uint64(len(arrived)), 10_000+counts.Doubled)
	require.Equal(t, numbers(10_000), slices.Compact(arrived), "none is lost, and twins come together")
}

func TestCorrupt(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Uniform(chaos.Conditions{Corrupt: 1}))
		a, b := open(t, n, 1), open(t, n, 2)
		a.send(2, strings.Repeat("\x00", 100))
		got := b.receive(time.Second)
		require.Len(t, got, 1)
		flipped := strings.Trim(got[0], "\x00")
		require.Len(t, got[0], 100)
		require.Len(t, flipped, 1)
		require.Zero(t, flipped[0]&(flipped[0]-1), "one bit")
	})
}

func TestMTU(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Uniform(chaos.Conditions{MTU: 1280}))
		a, b := open(t, n, 1), open(t, n, 2)
		a.send(2, string(make([]byte, 1280)), string(make([]byte, 1281)))
		got := b.receive(time.Second)
		require.Len(t, got, 1)
		require.Len(t, got[0], 1280)
		require.Equal(t, uint64(1), n.Counts().TooBig)
	})
}

func TestRateQueuesAndDrops(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Uniform(chaos.Conditions{Rate: 10_000, Queue: 3000, Delay: 5 * time.Millisecond}))
		a, b := open(t, n, 1), open(t, n, 2)
		kilobyte := string(make([]byte, 1000))
		a.send(2, kilobyte, kilobyte, kilobyte, kilobyte, kilobyte)
		require.Equal(t, []time.Duration{105 * time.Millisecond, 205 * time.Millisecond, 305 * time.Millisecond}, b.arrivals(time.Second))
		require.Equal(t, uint64(2), n.Counts().Overrun)
		a.send(2, kilobyte)
		require.Equal(t, []time.Duration{105 * time.Millisecond}, b.arrivals(time.Second), "the queue has emptied itself")
	})
}

func TestCutTakesWhatIsUnderWay(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		far := chaos.Uniform(chaos.Conditions{Delay: time.Second})
		n.SetWeather(far)
		a, b, c := open(t, n, 1), open(t, n, 2), open(t, n, 3)
		a.send(2, "under way")
		a.send(3, "under way")
		time.Sleep(time.Second / 2)
		n.SetWeather(chaos.Over(far, chaos.CutOneWay(ip(1), ip(2))))
		a.send(2, "cut")
		b.send(1, "other direction")
		require.Equal(t, []string{"under way"}, c.receive(2*time.Second))
		require.Empty(t, b.receive(2*time.Second))
		require.Equal(t, []string{"other direction"}, a.receive(2*time.Second))
		require.Equal(t, uint64(2), n.Counts().Cut)
		a.send(2, "cut, and healed before it would have arrived")
		n.SetWeather(chaos.Calm)
		a.send(2, "healed")
		require.Equal(t, []string{"healed"}, b.receive(2*time.Second))
	})
}

func TestCountsAddUp(t *testing.T) {
	arrived, c := under(t, chaos.Conditions{
		Delay: time.Millisecond, Jitter: time.Millisecond, Rate: 2000, Queue: 20, MTU: 3, Loss: 0.1, Reorder: 0.1, Duplicate: 0.1,
	}, 5000)
	require.Equal(t, uint64(5000), c.Sent)
	require.Equal(t, uint64(len(arrived)), c.Delivered)
	require.Equal(t, c.Sent+c.Doubled, c.Delivered+c.Lost+c.TooBig+c.Overrun)
	for _, reason := range []uint64{c.Doubled, c.Late, c.Lost, c.TooBig, c.Overrun} {
		require.Positive(t, reason)
	}
}

// TestOrderAtTheSameInstant sends while an earlier datagram is due at that very instant.
func TestOrderAtTheSameInstant(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		a, b := open(t, n, 1), open(t, n, 2)
		for range 200 {
			n.SetWeather(chaos.Uniform(chaos.Conditions{Delay: time.Millisecond}))
			a.send(2, "first")
			n.SetWeather(chaos.Calm)
			time.AfterFunc(time.Millisecond, func() { a.send(2, "second") })
			time.Sleep(time.Millisecond)
			synctest.Wait()
			require.Equal(t, []string{"first", "second"}, b.receive(time.Millisecond))
		}
	})
}
