package chaos_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

func TestWeather(t *testing.T) {
	a, b, c := ip(1), ip(2), ip(3)
	slow := chaos.Conditions{Delay: time.Second, Loss: 0.5, MTU: 1500, Rate: 1000}
	cut := chaos.Conditions{Cut: true}
	for name, row := range map[string]struct {
		weather  chaos.Weather
		from, to netip.Addr
		want     chaos.Conditions
	}{
		"calm":                                   {chaos.Calm, a, b, chaos.Conditions{}},
		"uniform":                                {chaos.Uniform(slow), a, b, slow},
		"between, there":                         {chaos.Between([]netip.Addr{a}, []netip.Addr{b, c}, slow), a, c, slow},
		"between, back":                          {chaos.Between([]netip.Addr{a}, []netip.Addr{b, c}, slow), c, a, chaos.Conditions{}},
		"between everybody and one":              {chaos.Between(nil, []netip.Addr{c}, slow), a, c, slow},
		"one way, there":                         {chaos.CutOneWay(a, b), a, b, cut},
		"one way, back":                          {chaos.CutOneWay(a, b), b, a, chaos.Conditions{}},
		"partial partition":                      {chaos.Cut(a, b), b, a, cut},
		"partial partition, third party":         {chaos.Cut(a, b), a, c, chaos.Conditions{}},
		"partition across":                       {chaos.Partition([]netip.Addr{a, b}, []netip.Addr{c}), c, b, cut},
		"partition inside":                       {chaos.Partition([]netip.Addr{a, b}, []netip.Addr{c}), a, b, chaos.Conditions{}},
		"partition that leaves somebody out":     {chaos.Partition([]netip.Addr{a}, []netip.Addr{b}), b, c, chaos.Conditions{}},
		"isolated":                               {chaos.Isolate(a), b, a, cut},
		"isolated together are apart, too":       {chaos.Isolate(a, b), b, a, cut},
		"isolated, others":                       {chaos.Isolate(a), b, c, chaos.Conditions{}},
		"over: one's cut, the other's delay":     {chaos.Over(chaos.Uniform(slow), chaos.Cut(a, b)), a, b, chaos.Conditions{Delay: time.Second, Loss: 0.5, MTU: 1500, Rate: 1000, Cut: true}},
		"over: sums, chances, the narrower door": {chaos.Over(chaos.Uniform(slow), chaos.Uniform(chaos.Conditions{Delay: 1, Jitter: 2, Loss: 0.5, MTU: 1280, Queue: 7})), a, b, chaos.Conditions{Delay: time.Second + 1, Jitter: 2, Loss: 0.75, MTU: 1280, Rate: 1000, Queue: 7}},
	} {
		require.Equal(t, row.want, row.weather(row.from, row.to), name)
	}
}

func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := chaos.Uniform(chaos.Conditions{Cut: true})
		w := chaos.Flapping(time.Now(), 3*time.Second, time.Second, bad)
		var seen string
		for range 12 {
			seen += map[bool]string{false: "-", true: "x"}[w(ip(1), ip(2)).Cut]
			time.Sleep(time.Second)
		}
		require.Equal(t, "---x---x---x", seen)
	})
}

func TestPartition(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		a, b, c := open(t, n, 1), open(t, n, 2), open(t, n, 3)
		everybodySpeaks := func() {
			a.send(2, "a")
			a.send(3, "a")
			b.send(1, "b")
			b.send(3, "b")
			c.send(1, "c")
			c.send(2, "c")
		}
		n.SetWeather(chaos.Partition([]netip.Addr{ip(1), ip(2)}, []netip.Addr{ip(3)}))
		everybodySpeaks()
		require.Equal(t, []string{"b"}, a.receive(time.Second))
		require.Equal(t, []string{"a"}, b.receive(time.Second))
		require.Empty(t, c.receive(time.Second))
		n.SetWeather(chaos.Calm)
		everybodySpeaks()
		require.Equal(t, []string{"b", "c"}, a.receive(time.Second))
		require.Equal(t, []string{"a", "c"}, b.receive(time.Second))
		require.Equal(t, []string{"a", "b"}, c.receive(time.Second))
	})
}

func TestLinkThatFlaps(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, n *chaos.Network) {
		n.SetWeather(chaos.Flapping(time.Now(), 2*time.Second, 2*time.Second, chaos.Cut(ip(1), ip(2))))
		a, b := open(t, n, 1), open(t, n, 2)
		go func() {
			for range 600 {
				a.send(2, "beat")
				time.Sleep(time.Second)
			}
		}()
		require.Len(t, b.receive(601*time.Second), 300)
	})
}
