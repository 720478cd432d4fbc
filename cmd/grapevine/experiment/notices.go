package experiment

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// notices listens to the gateways' events and tells the story of who noticed what. Of what was hit on purpose it tells each
// observer's verdict once, when it is complete; everything else it tells as it comes.
type notices struct {
	story *story

	mu       sync.Mutex
	hit      *hit
	events   []chaos.MeshEvent
	lastSent map[string]map[string]time.Time // observer → victim
	told     map[string]bool
}

// hit is what was done on purpose.
type hit struct {
	fault  chaos.Fault
	at     time.Time
	healed time.Time // zero: not yet
	whole  bool      // as before again
}

// what names what was hit, in the story.
func (h *hit) what() string {
	if h.fault.Kind.OneGateway() {
		return h.fault.Target()
	}
	return h.fault.Cluster
}

// misses tells whether an observer is one who should miss what was hit: the gateways that were hit don't, nor those behind
// the same cut.
func (h *hit) misses(observer string) bool {
	if h.fault.Kind.OneGateway() {
		return !slices.Contains(h.fault.Gateways, observer)
	}
	return h.fault.Kind.Separates() && !strings.HasPrefix(observer, h.fault.Cluster+"/")
}

func newNotices(s *story) *notices {
	return &notices{story: s, lastSent: make(map[string]map[string]time.Time), told: make(map[string]bool)}
}

// strike begins the time in which the victims are missed, and mend that in which they come back.
func (n *notices) strike(h hit) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hit = &h
}

func (n *notices) mend(at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hit.healed = at
}

func (n *notices) whole() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hit.whole = true
}

// maxHeard bounds the events that are kept; a calm mesh tells of a dozen per fault.
const maxHeard = 20_000

// hear takes one event of one observer.
func (n *notices) hear(e chaos.MeshEvent) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.events) < maxHeard {
		n.events = append(n.events, e)
	}
	if n.story.begun.IsZero() || e.Time.Before(n.story.begun) {
		return
	}
	switch h := n.hit; {
	case h == nil || h.whole:
		n.tellPlain(e)
	case slices.Contains(h.fault.Gateways, e.Observer): // it comes back, and greets everybody
	case !slices.Contains(h.fault.Gateways, e.Gateway) || !h.misses(e.Observer):
		n.tellPlain(e)
	case h.healed.IsZero() || e.Time.Before(h.healed):
		n.tellLoss(e)
	case h.fault.Fleeting: // it is noticed while it comes back
		n.tellLoss(e)
		n.tellReturn(e)
	default:
		n.tellReturn(e)
	}
}

// tellPlain tells of something that nobody did on purpose.
func (n *notices) tellPlain(e chaos.MeshEvent) {
	subject := map[string]string{"link": "link to " + e.Gateway, "member": "ring: " + e.Gateway}[e.Type]
	if subject == "" {
		return
	}
	kind := chaos.NoticeEvent
	if e.State == "up" || e.State == "alive" {
		kind = chaos.ReturnEvent
	}
	reason := ""
	if e.Reason != "" {
		reason = " (" + e.Reason + ")"
	}
	n.story.tell(e.Time, kind, "%s: %s %s%s", e.Observer, subject, e.State, reason)
}

// tellLoss tells what the observer now knows of all victims and didn't know before.
func (n *notices) tellLoss(e chaos.MeshEvent) {
	o := chaos.Observe(e.Observer, n.hit.fault.Gateways, n.hit.at, e.Time, n.events, nil)
	for _, verdict := range []struct {
		at   *chaos.Millis
		text string
	}{
		{o.LinkSuspect, "sends nothing new to %s"},
		{o.LinkDown, "links to %s down"},
		{o.RingDead, "the ring has lost %s"},
	} {
		key := e.Observer + verdict.text
		if verdict.at == nil || n.told[key] {
			continue
		}
		n.told[key] = true
		n.story.tell(e.Time, chaos.NoticeEvent, "%s: "+verdict.text+" after %s", e.Observer, n.hit.what(), *verdict.at)
	}
}

// tellReturn tells once that the observer has all victims back.
func (n *notices) tellReturn(e chaos.MeshEvent) {
	for _, verdict := range []struct{ kind, state, text string }{
		{"link", "up", "links to %s up"},
		{"member", "alive", "the ring has %s back"},
	} {
		key := e.Observer + verdict.text
		if n.told[key] || !n.allBack(e.Observer, verdict.kind, verdict.state) {
			continue
		}
		n.told[key] = true
		n.story.tell(e.Time, chaos.ReturnEvent, "%s: "+verdict.text+" after %s", e.Observer, n.hit.what(), chaos.MillisOf(e.Time.Sub(n.hit.healed)))
	}
}

func (n *notices) allBack(observer, kind, state string) bool {
	for _, victim := range n.hit.fault.Gateways {
		if !slices.ContainsFunc(n.events, func(e chaos.MeshEvent) bool {
			return e.Observer == observer && e.Gateway == victim && e.Type == kind && e.State == state && !e.Time.Before(n.hit.healed)
		}) {
			return false
		}
	}
	return true
}

// sent remembers when an observer last sent a connection to each gateway.
func (n *notices) sent(observer string, links []chaos.LinkView) {
	n.mu.Lock()
	defer n.mu.Unlock()
	last := n.lastSent[observer]
	if last == nil {
		last = make(map[string]time.Time)
		n.lastSent[observer] = last
	}
	for _, link := range links {
		if link.LastOpened.After(last[link.Gateway]) {
			last[link.Gateway] = link.LastOpened
		}
	}
}
