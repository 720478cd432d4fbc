package chaos

import (
	"fmt"
	"slices"
	"time"
)

// Result is all that one experiment found. Its JSON form is what scripts read: keys are added, never renamed; times are
// milliseconds from the start of the clock, those of observers and of the heal from the fault and from the heal.
type Result struct {
	OK        bool              `json:"ok"`
	Problems  []string          `json:"problems"`
	Clusters  []string          `json:"clusters"`
	Requests  Requests          `json:"requests"`
	Fault     *Fault            `json:"fault"` // null: none was made
	Observers []Observation     `json:"observers"`
	Heal      *Heal             `json:"heal"`     // null: none was made
	Troubles  []Trouble         `json:"troubles"` // of the clusters in which requests failed or hung after the fault
	ByCluster []ClusterRequests `json:"by_cluster"`
	Failures  []Failure         `json:"failures"`
	Events    []Event           `json:"events"`
	Rate      int               `json:"rate"` // requests per second and observer
	Duration  Millis            `json:"duration_ms"`
	Begun     time.Time         `json:"begun"`
	Version   string            `json:"version,omitempty"`
	Places    []Place           `json:"places,omitempty"`   // where the clusters are; none: processes on one machine
	ClockOff  Millis            `json:"clock_ms,omitempty"` // by how much the places' clocks may be off from ours, at most

	// For the report.
	Series   map[string]Series `json:"-"` // by observer
	Closeups []Closeup         `json:"-"`
}

// ClusterRequests are the requests that were asked in one cluster.
type ClusterRequests struct {
	Cluster string `json:"cluster"`
	Requests
}

// Place is where a cluster is.
type Place struct {
	Cluster    string   `json:"cluster"`
	Context    string   `json:"context"`
	Kubernetes string   `json:"kubernetes"` // version of the API server
	Nodes      []string `json:"nodes"`      // "3 × v1.36.3, Debian GNU/Linux 12, containerd://1.7.2"
	Image      string   `json:"image"`      // of the gateways
}

// Heal is how what was hit came back.
type Heal struct {
	At          Millis  `json:"at_ms"`
	Made        Millis  `json:"made_ms"`         // from the heal until all of it had been done
	FirstAnswer *Millis `json:"first_answer_ms"` // first answer from there that another cluster got; of one gateway: first connection sent there
	Whole       *Millis `json:"whole_ms"`        // every gateway sees every member alive and the service in every cluster
}

// Event is one line of the story.
type Event struct {
	At   Millis    `json:"at_ms"`
	Kind EventKind `json:"kind"`
	Text string    `json:"text"`
}

// EventKind groups events for the eye.
type EventKind string

// The kinds of events.
const (
	FaultEvent  EventKind = "fault"
	HealEvent   EventKind = "heal"
	NoticeEvent EventKind = "notice" // somebody noticed a loss
	ReturnEvent EventKind = "return" // somebody noticed a return
	DeathEvent  EventKind = "death"  // a process ended that nobody had asked to
)

// settleTime is how long a fault must have lasted before a missing notice of it is held against an observer: several times
// what the slowest verdict takes.
const settleTime = 10 * time.Second

// Judge fills in OK and appends to Problems what the figures say. Problems that only the experiment can know (a process
// that ended by itself) are there already.
func (r *Result) Judge() {
	r.judgeRequests()
	r.judgeNotices()
	r.judgeReturn()
	if late := r.Requests.LateMax; len(r.Problems) > 0 && late.Duration() > busy {
		r.problem("the probers themselves were up to %s late: this machine was too busy for these figures to be the mesh's alone", late)
	}
	r.OK = len(r.Problems) == 0
}

// busy is how late a prober may be before the machine is named beside what went wrong.
const busy = 100 * time.Millisecond

func (r *Result) judgeRequests() {
	r.Troubles = troubles(r)
	asked, where := r.Requests.Verdicts, ""
	if r.Fault != nil && r.Fault.Kind == FaultOwnGateway { // what that costs at home is a figure, with a limit of its own
		own := r.in(r.Fault.Cluster)
		asked, where = asked.without(own), " in the other clusters"
	}
	if asked.Failed > 0 {
		r.problem("%d of %d requests failed%s", asked.Failed, asked.Sent, where)
	}
	if asked.Hung > 0 {
		r.problem("%d of %d requests hung for over %s%s", asked.Hung, asked.Sent, HungAfter, where)
	}
	if asked.Sent == 0 {
		r.problem("no request was sent%s", where)
	}
}

func (r *Result) in(cluster string) Verdicts {
	for _, c := range r.ByCluster {
		if c.Cluster == cluster {
			return c.Verdicts
		}
	}
	return Verdicts{}
}

// judgeReturn holds the heal against the mesh, where there was time enough for it.
func (r *Result) judgeReturn() {
	if r.Heal == nil || (r.Duration-r.Heal.At).Duration() < settleTime {
		return
	}
	if r.Heal.FirstAnswer == nil && r.Fault.Kind.Separates() && r.crossed(r.Fault.Cluster) {
		r.problem("%s answered nobody after it was healed", r.Fault.Cluster)
	}
	if r.Heal.Whole == nil {
		r.problem("the mesh was not whole again %s after the heal", r.Duration-r.Heal.At)
	}
}

// Crossed tells whether any request was answered by another cluster than it was asked in. Where each cluster serves itself first,
// none is, and the loss of a cluster is only its own.
func (r *Result) Crossed() bool {
	return slices.ContainsFunc(r.Clusters, r.crossed)
}

// crossed tells whether other clusters ever got answers from this one.
func (r *Result) crossed(cluster string) bool {
	for _, c := range r.ByCluster {
		if c.Cluster != cluster && c.Served[cluster] > 0 {
			return true
		}
	}
	return len(r.ByCluster) == 0
}

func (r *Result) judgeNotices() {
	if r.Fault == nil || r.Fault.Fleeting || !r.Fault.Kind.Separates() {
		return
	}
	end := r.Duration
	if r.Heal != nil {
		end = r.Heal.At
	}
	if (end - r.Fault.At).Duration() < settleTime {
		return
	}
	for _, o := range r.Observers {
		if o.LinkDown == nil {
			r.problem("%s never saw its links to %s go down", o.Gateway, r.Fault.Cluster)
		}
		if o.RingDead == nil {
			r.problem("%s never heard from the ring that %s was gone", o.Gateway, r.Fault.Cluster)
		}
	}
}

func (r *Result) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

func (r *Result) faultAt() time.Time {
	if r.Fault == nil {
		return time.Time{}
	}
	return r.Begun.Add(r.Fault.At.Duration())
}

// healAt may only be called where there was a heal.
func (r *Result) healAt() time.Time { return r.Begun.Add(r.Heal.At.Duration()) }

// SlotWidth is the resolution of the series, which is the same for all observers.
func (r *Result) SlotWidth() Millis {
	for _, s := range r.Series {
		return MillisOf(s.Width)
	}
	return MillisOf(firstWidth)
}
