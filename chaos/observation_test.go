package chaos

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestObserve(t *testing.T) {
	event := func(observer, kind, gateway, state string, seconds float64) MeshEvent {
		return MeshEvent{Observer: observer, Type: kind, Gateway: gateway, State: state, Time: at(seconds)}
	}
	events := []MeshEvent{
		event("east/e-0", "link", "west/w-0", "down", 9), // long before, and it came back
		event("east/e-0", "link", "west/w-0", "suspect", 15.2),
		event("east/e-0", "link", "west/w-1", "suspect", 15.25),
		event("east/e-0", "link", "west/w-1", "up", 15.3), // a wrong hope
		event("east/e-0", "link", "west/w-1", "suspect", 15.4),
		event("east/e-0", "link", "west/w-0", "down", 15.5),
		event("east/e-0", "link", "west/w-1", "down", 15.7),
		event("east/e-0", "link", "north/n-0", "down", 16), // another's
		event("east/e-0", "member", "west/w-0", "suspect", 16.5),
		event("east/e-0", "member", "west/w-1", "dead", 17.5),
		event("east/e-0", "member", "west/w-0", "left", 17),
		event("north/n-0", "link", "west/w-0", "down", 15.6), // w-1 never
		event("north/n-0", "link", "west/w-1", "down", 31),   // after the heal
	}
	sent := map[string]time.Time{"west/w-0": at(15.1), "west/w-1": at(14.9), "north/n-0": at(29)}
	victims := []string{"west/w-0", "west/w-1"}

	east := Observe("east/e-0", victims, at(15), at(30), events, sent)
	require.Equal(t, Observation{
		Gateway: "east/e-0", LinkSuspect: new(Millis(250)), LinkDown: new(Millis(700)), LastSent: new(Millis(100)), RingDead: new(Millis(2500)),
	}, east)

	one := Observe("east/e-0", victims[:1], at(15), at(30), events, sent)
	require.Equal(t, new(Millis(500)), one.LinkDown, "what was before the fault doesn't count")

	north := Observe("north/n-0", victims, at(15), at(30), events, map[string]time.Time{"west/w-0": at(14)})
	require.Nil(t, north.LinkDown, "one of two is not enough")
	require.Nil(t, north.RingDead)
	require.Equal(t, new(Millis(0)), north.LastSent, "nothing was sent there after the fault")
	require.Nil(t, Observe("north/n-0", victims, at(15), at(30), events, nil).LastSent, "nobody knows")
}

// loseGateway makes it a result of the loss of one gateway of west.
func loseGateway(r *Result, own, others int64) {
	r.Fault.Kind, r.Fault.Fleeting, r.Clusters = FaultOwnGateway, true, []string{"east", "west"}
	r.Requests.Failed, r.Requests.OK = own+others, 97-own-others
	r.ByCluster = []ClusterRequests{
		{"east", Requests{Verdicts: Verdicts{Sent: 60, Failed: others}, Served: map[string]int64{"west": 1}}},
		{"west", Requests{Verdicts: Verdicts{Sent: 40, Failed: own}}},
	}
	r.Failures = []Failure{
		{At: 14_000, Observer: "west", Verdict: "failed"}, {At: 15_010, Observer: "west", Verdict: "cut"},
		{At: 15_700, Observer: "west", Verdict: "failed"}, {At: 15_200, Observer: "west", Verdict: "failed"}, {At: 15_300, Observer: "west", Verdict: "hung"},
	}
}

func TestTroubles(t *testing.T) {
	r := &Result{Fault: &Fault{Cluster: "west", At: 15_000}, Heal: &Heal{FirstAnswer: new(Millis(10)), Whole: new(Millis(20))}}
	loseGateway(r, 3, 0)
	r.Judge()
	require.Equal(t, []Trouble{{Cluster: "west", Failed: 2, Hung: 1, First: 200, Last: 700}}, r.Troubles)
	require.Equal(t, new(Millis(700)), LastFailing(r))
	limit, err := ParseLimit("outage=500ms")
	require.NoError(t, err)
	require.Equal(t, []string{"limit outage=500ms: 700 ms in the worst run"}, Summarize(FaultOwnGateway, nil, []*Result{r}, []Limit{limit}).Problems)
	r.Failures = nil
	r.Judge()
	require.Equal(t, new(Millis(0)), LastFailing(r), "no time at all")
	require.Nil(t, LastFailing(&Result{}), "without a fault there is no such figure")
}

func TestResultJudge(t *testing.T) {
	healthy := func() *Result {
		return &Result{
			Requests:  Requests{Verdicts: Verdicts{Sent: 100, OK: 97, Cut: 3}},
			Duration:  50_000,
			Fault:     &Fault{Cluster: "west", Kind: FaultKill, At: 15_000},
			Heal:      &Heal{At: 30_000, FirstAnswer: new(Millis(800)), Whole: new(Millis(900))},
			Observers: []Observation{{Gateway: "east/e-0", LinkDown: new(Millis(500)), RingDead: new(Millis(2000))}},
		}
	}
	for _, c := range []struct {
		name    string
		change  func(*Result)
		problem string // empty: none
	}{
		{"a cut request is nobody's fault", func(*Result) {}, ""},
		{"no fault at all", func(r *Result) { r.Fault, r.Heal, r.Observers = nil, nil, nil }, ""},
		{"a failed request", func(r *Result) { r.Requests.Failed = 1 }, "1 of 100 requests failed"},
		{"a hung request", func(r *Result) { r.Requests.Hung = 2 }, "2 of 100 requests hung for over 1s"},
		{"nothing sent", func(r *Result) { r.Requests = Requests{} }, "no request was sent"},
		{"a link that never went down", func(r *Result) { r.Observers[0].LinkDown = nil }, "east/e-0 never saw its links to west go down"},
		{"a ring that never noticed", func(r *Result) { r.Observers[0].RingDead = nil }, "east/e-0 never heard from the ring that west was gone"},
		{"healed too soon to notice", func(r *Result) { r.Observers[0].RingDead, r.Heal.At = nil, 18_000 }, ""},
		{"no answer after the heal", func(r *Result) { r.Heal.FirstAnswer = nil }, "west answered nobody after it was healed"},
		{"no answer where each cluster serves itself", func(r *Result) {
			r.Heal.FirstAnswer, r.ByCluster = nil, []ClusterRequests{{"east", Requests{Served: map[string]int64{"east": 50}}}}
		}, ""},
		{"Kubernetes was quicker than the ring", func(r *Result) { r.Observers[0].RingDead, r.Fault.Fleeting = nil, true }, ""},
		{"a lossy line is no lost gateway", func(r *Result) {
			r.Fault.Kind, r.Observers, r.Heal.FirstAnswer = FaultLoss30, []Observation{{Gateway: "east/e-0"}}, nil
		}, ""},
		{"what a lost gateway costs its own cluster", func(r *Result) { loseGateway(r, 5, 0) }, ""},
		{"and what it costs another one", func(r *Result) { loseGateway(r, 5, 2) }, "2 of 60 requests failed in the other clusters"},
		{"ended right after the heal", func(r *Result) { r.Heal.FirstAnswer, r.Heal.Whole, r.Duration = nil, nil, 31_000 }, ""},
		{"never whole again", func(r *Result) { r.Heal.Whole = nil }, "the mesh was not whole again 20.0 s after the heal"},
		{"a busy machine is not a problem", func(r *Result) { r.Requests.LateMax = 900 }, ""},
		{"what the experiment knew", func(r *Result) { r.Problems = []string{"east/e-1 ended by itself"} }, "east/e-1 ended by itself"},
	} {
		r := healthy()
		c.change(r)
		r.Judge()
		require.Equal(t, c.problem == "", r.OK, c.name)
		if c.problem != "" {
			require.Equal(t, []string{c.problem}, r.Problems, c.name)
		}
	}
	r := healthy()
	r.Requests.Hung, r.Requests.LateMax = 1, 900
	r.Judge()
	require.Len(t, r.Problems, 2)
	require.Contains(t, r.Problems[1], "up to 900 ms late", "it explains one")
}
