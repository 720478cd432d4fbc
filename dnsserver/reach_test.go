package dnsserver

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// TestFlatAnswersRotate asks often: every address comes first about equally often, and none is left out for ever.
func TestFlatAnswersRotate(t *testing.T) {
	directory := newFakeDirectory("export west big.shop federated flat pg:5432/TCP" +
		" 10.0.0.0 10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 10.0.0.8 10.0.0.9")
	server := newTestServer(t, directory)
	server.pick = rand.New(rand.NewPCG(1, 2)).Uint64N
	const asked = 2000
	first, present := map[string]int{}, map[string]int{}
	for range asked {
		answer := server.Answer(ask("big.shop.federated. A")).Answer
		require.Len(t, answer, maxRecords)
		first[answer[0].(*dns.A).A.String()]++
		for _, record := range answer {
			present[record.(*dns.A).A.String()]++
		}
	}
	require.Len(t, first, 10)
	for addr := range first {
		require.InDelta(t, asked/10, first[addr], asked/20, addr)
		require.InDelta(t, asked*maxRecords/10, present[addr], asked/10, addr)
	}
}

func TestRotateKeepsOrderAndInput(t *testing.T) {
	all := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	pick := func(n uint64) uint64 { require.EqualValues(t, 10, n); return 7 }
	require.Equal(t, []int{7, 8, 9, 0, 1, 2, 3, 4}, rotate(all, 8, pick))
	require.True(t, slices.IsSorted(all))
	require.Empty(t, rotate([]int(nil), 8, nil))
	require.Equal(t, []int{1}, rotate([]int{1}, 8, nil))
}
