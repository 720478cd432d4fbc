package contexts

import (
	"sync"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// record keeps the last samples of a prober for whoever reads them later.
type record struct {
	mu   sync.Mutex
	last uint64      // number of the newest
	kept []podSample // ascending, without gaps
}

// maxKept bounds the samples that wait to be read: a quarter of an hour at 200 a second, in some 20 MB.
const maxKept = 180_000

func (r *record) add(s chaos.Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	p := newPodSample(s)
	p.N = r.last
	if len(r.kept) >= maxKept {
		r.kept = append(r.kept[:0], r.kept[maxKept/10:]...)
	}
	r.kept = append(r.kept, p)
}

// maxBatch bounds what is handed out at once, and copied while nobody can add.
const maxBatch = 1000

// after returns the oldest samples with a number above n.
func (r *record) after(n uint64) []podSample {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.last - uint64(len(r.kept)) // the number before the oldest
	from := min(max(n, first)-first, uint64(len(r.kept)))
	to := min(from+maxBatch, uint64(len(r.kept)))
	return append([]podSample(nil), r.kept[from:to]...)
}

func (r *record) lastNumber() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}
