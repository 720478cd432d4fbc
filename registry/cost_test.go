package registry

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// populated returns an atlas with so many services, exported by two clusters.
func populated(services int) *Atlas {
	a := NewAtlas(east0)
	for _, e := range numbered(services) {
		a.Apply(exporting(e, west0, nord0))
	}
	a.SetLiveness(map[Gateway]Liveness{west0: up(ms), nord0: up(9 * ms)})
	return a
}

// touch compiles the directory after one change, now of this service and now of that, and flap after one of liveness.
func (a *Atlas) touch(i int) {
	e := export(fmt.Sprintf("s%d", i%100), uint32(i))
	a.Apply(exporting(e, west0))
}

func (a *Atlas) flap(i int) {
	a.SetLiveness(map[Gateway]Liveness{west0: but(up(ms), func(l *Liveness) { l.Draining = i%2 == 0 }), nord0: up(9 * ms)})
}

// What a change costs is counted in allocations, which a busy machine doesn't change.
func TestAChangeCostsWhatItIsWorth(t *testing.T) {
	few, many := populated(100), populated(10_000)
	cost := func(change func(i int)) float64 {
		i := 0
		return testing.AllocsPerRun(500, func() { i++; change(i) })
	}
	require.Less(t, cost(many.touch), 3*cost(few.touch), "of one service")
	require.InDelta(t, cost(few.flap), cost(many.flap), 2, "of liveness")
}

func BenchmarkCompileAfterOneChange(b *testing.B) {
	for _, services := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) {
			a := populated(services)
			for i := 0; b.Loop(); i++ {
				a.touch(i)
			}
		})
	}
}

func BenchmarkCompileAfterLiveness(b *testing.B) {
	for _, services := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) {
			a := populated(services)
			for i := 0; b.Loop(); i++ {
				a.flap(i)
			}
		})
	}
}

func BenchmarkRoute(b *testing.B) {
	a := populated(10_000)
	b.ReportAllocs()
	for b.Loop() {
		a.Directory().Route(VIPName{Service: name("s42")}, "east", func(uint64) uint64 { return 0 })
	}
}

func BenchmarkLookup(b *testing.B) {
	a := populated(10_000)
	b.ReportAllocs()
	for b.Loop() {
		a.Directory().Lookup(name("s42"))
	}
}
