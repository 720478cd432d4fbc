package chaos

import (
	"fmt"
	"math"
	"slices"
)

// Runs is what the same experiment found several times over. One run shows that something can be; only many show how
// it is.
type Runs struct {
	Fault    FaultKind `json:"fault"`
	Runs     int       `json:"runs"`
	OK       bool      `json:"ok"`
	Failed   Total     `json:"failed"`
	Hung     Total     `json:"hung"`
	Cut      Total     `json:"cut"`
	Longest  Spread    `json:"longest_ms"`
	LastSent Spread    `json:"last_sent_ms"`
	LinkDown Spread    `json:"link_down_ms"`
	RingDead Spread    `json:"ring_dead_ms"`
	Outage   Spread    `json:"outage_ms"` // from the fault to the begin of the last request that failed or hung
	Heal     Spread    `json:"heal_ms"`
	Limits   []string  `json:"limits"`
	Problems []string  `json:"problems"`
	Null     *Result   `json:"null"` // the same without a fault, made first
	Results  []*Result `json:"results"`
}

// Total is a count over all runs, and in the worst one.
type Total struct {
	Total int64 `json:"total"`
	Max   int64 `json:"max"`
}

// Spread is how one figure came out over all runs. Of several observers the slowest stands for its run. Missing values mean
// that no run had one.
type Spread struct {
	Median *Millis `json:"median"`
	P95    *Millis `json:"p95"`
	Max    *Millis `json:"max"`
}

// Count says how many runs there were: "1 run", "20 runs".
func (r *Runs) Count() string {
	if r.Runs == 1 {
		return "1 run"
	}
	return fmt.Sprintf("%d runs", r.Runs)
}

// Summarize adds results up and holds them against limits.
func Summarize(fault FaultKind, null *Result, results []*Result, limits []Limit) *Runs {
	r := &Runs{Fault: fault, Runs: len(results), Null: null, Results: results, Limits: []string{}, Problems: []string{}}
	for i, result := range results {
		r.Failed.add(result.Requests.Failed)
		r.Hung.add(result.Requests.Hung)
		r.Cut.add(result.Requests.Cut)
		for _, problem := range result.Problems {
			r.Problems = append(r.Problems, fmt.Sprintf("run %d: %s", i+1, problem))
		}
	}
	for _, f := range timeFigures() {
		*f.spread(r) = SpreadOf(f.values(results))
	}
	for _, limit := range limits {
		r.Limits = append(r.Limits, limit.String())
		if problem := limit.check(r); problem != "" {
			r.Problems = append(r.Problems, problem)
		}
	}
	r.OK = len(r.Problems) == 0
	return r
}

// Worst returns the run that is worth looking at: the one with the most failures, and of those the one with the longest
// request. It returns -1 where there was no run.
func (r *Runs) Worst() int {
	worst := -1
	for i, result := range r.Results {
		if worst < 0 {
			worst = i
			continue
		}
		a, b := result.Requests, r.Results[worst].Requests
		if bad, known := a.Failed+a.Hung, b.Failed+b.Hung; bad > known || bad == known && a.Longest > b.Longest {
			worst = i
		}
	}
	return worst
}

func (t *Total) add(n int64) {
	t.Total += n
	t.Max = max(t.Max, n)
}

// SpreadOf returns median, 95th percentile and maximum by nearest rank: each is a value that was measured.
func SpreadOf(values []Millis) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := func(q float64) *Millis { return &sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)] }
	return Spread{Median: rank(0.5), P95: rank(0.95), Max: rank(1)}
}
