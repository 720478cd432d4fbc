package mcs

import (
	"context"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// look does what is due. It returns when to look again at the latest, and how long it took to decide.
func (m *MCS) look(ctx context.Context, directory *registry.Directory) (wait, cost time.Duration) {
	notes := notes{was: m.told, now: map[string]bool{}}
	defer func() { m.told = notes.now }()
	if !m.config.Served() {
		if notes.first("not served") {
			m.config.Log.Info().Msg("the Multi-Cluster Services API isn't installed here, and is taken up once it is")
		}
		return relook, 0
	}
	facts, err := m.facts(directory)
	if err != nil {
		m.config.Log.Error().Err(err).Msg("multi-cluster services can't be read")
		return relook, 0
	}
	plan := facts.plan()
	due, wait := m.queue.due(plan.changes, m.config.First(), facts.now)
	for _, key := range plan.foreign {
		if notes.first(key.String()) {
			m.config.Log.Warn().Stringer("object", key).Msg("somebody else's object stands where an import should be, and is left alone")
		}
	}
	m.count(func(s *Stats) {
		s.Imports, s.Slices, s.Exports = ours(facts.imports), ours(facts.slices), len(facts.exports)
		s.Foreign, s.Waiting = len(plan.foreign), len(plan.changes)
	})
	cost = time.Since(facts.now)
	failures := m.writeAll(ctx, due)
	for i, err := range failures {
		if kube.Away(err) {
			m.queue.putOff(due[i], time.Now())
		}
	}
	m.report(ctx, due, failures)
	if wait == 0 {
		wait = relook
	}
	if plan.unplaced {
		wait = min(wait, vipLook)
	}
	return min(wait, relook), cost
}

// facts reads the caches. What they hold is shared, and isn't changed.
func (m *MCS) facts(directory *registry.Directory) (*facts, error) {
	f := &facts{
		self: m.config.Self.Cluster, directory: directory, verdicts: m.config.Verdicts(), vip: m.config.VIP, now: time.Now(),
	}
	ofThisAPI, err := labels.NewRequirement(mcs.LabelServiceName, selection.Exists, nil)
	if err == nil {
		f.slices, err = m.config.Slices.List(labels.NewSelector().Add(*ofThisAPI))
	}
	if err == nil {
		f.imports, err = m.config.Imports.List(labels.Everything())
	}
	if err == nil {
		f.exports, err = m.config.Exports.List(labels.Everything())
	}
	if err == nil {
		f.namespaces, err = m.config.Namespaces.List(labels.Everything())
	}
	return f, err
}

func ours[T meta.Object](objects []T) (n int) {
	for _, o := range objects {
		if isOurs(o) {
			n++
		}
	}
	return n
}

// notes keeps the log to what is new: what was told and still holds isn't told again.
type notes struct {
	was, now map[string]bool
}

func (n *notes) first(what string) bool {
	told := n.was[what] || n.now[what]
	n.now[what] = true
	return !told
}
