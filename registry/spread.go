package registry

import (
	"math/bits"
	"time"
)

const (
	// spreadDelay gathers changes before they are told: a deployment changes many services at once.
	spreadDelay = 50 * time.Millisecond
	// directPeers is up to how many peers an owner tells all of them itself: one hop, 64 frames. Above it, random ones
	// pass the news on, each to a few.
	directPeers = 64
	// relayPeers is from how many peers on a gateway passes on what it hears. It lies below directPeers so that nobody is
	// left out where an owner just counts more members than its peers do.
	relayPeers = 48
)

// audience returns how many of n peers are told our own news, and how many that of others. A random fan-out of log2(n)+2
// leaves out about one gateway in a thousand; the digests find it.
func audience(n int) (own, others int) {
	fanout := min(n, bits.Len(uint(n))+2)
	own, others = n, fanout
	if n > directPeers {
		own = fanout
	}
	if n < relayPeers {
		others = 0
	}
	return own, others
}

// pause returns how long to wait between two digests among n peers: interval up to 100 of them, six times that at 1000.
// A digest of all owners is about 70 bytes for each, so it costs a gateway below 5 kB/s.
func pause(interval time.Duration, n int) time.Duration {
	return interval + interval*5*time.Duration(max(0, n-100))/900
}

// draw returns count different elements of all, in random order, and all of them where there aren't more.
func draw[T any](all []T, count int, pick func(n uint64) uint64) []T {
	drawn := append([]T(nil), all...)
	for i := range min(count, len(drawn)) {
		j := i + int(pick(uint64(len(drawn)-i)))
		drawn[i], drawn[j] = drawn[j], drawn[i]
	}
	return drawn[:min(count, len(drawn))]
}
