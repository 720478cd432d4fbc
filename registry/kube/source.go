package kube

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/grapevine-mesh/grapevine/registry"
)

// collectFor is how long changes are collected before they are looked at: a rollout changes the same few objects many times
// within moments. It delays the news that endpoints have gone, so it isn't longer.
const collectFor = 50 * time.Millisecond

// SourceConfig says what to make exports of, and whom to tell.
type SourceConfig struct {
	Watch    *Watch               // required; it must be running for anything to be found
	Self     registry.Gateway     // required; Kubernetes Events are said to be from its Pod
	OnChange func([]registry.Own) // required; the whole set, sorted by name, whenever it changed; called by Run alone
	First    func() bool          // whether this gateway speaks for its cluster now, in Events; nil: it never does
	Log      zerolog.Logger       // tells what is exported, and why something isn't
}

// Source finds what this cluster exports.
type Source struct {
	config  SourceConfig
	journal *journal
	herald  *herald
	release <-chan time.Time // when a hold ends; nil: there is none

	conversions map[registry.ServiceName]conversion
	started     bool // there was a report
	reported    int  // how many exports it had
	hold        hold

	mu       sync.Mutex
	verdicts []Verdict
}

// NewSource checks the configuration, and starts nothing.
func NewSource(config SourceConfig) (*Source, error) {
	if config.Watch == nil || config.OnChange == nil {
		return nil, errors.New("kubernetes: a watch and an on-change function are required")
	}
	if err := config.Self.Validate(); err != nil {
		return nil, err
	}
	return &Source{
		config: config, journal: config.Watch.newJournal(), conversions: map[registry.ServiceName]conversion{},
		herald: newHerald(config.Watch.config.Client.Core, config.Self.Name, config.Log),
	}, nil
}

// Verdicts returns what became of each ServiceExport and labelled Service, in order; nothing before the first report. The
// watch's [TopicVerdicts] tells when it has changed.
func (s *Source) Verdicts() []Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.verdicts
}

// Run reports until ctx ends. The first report comes when everything is known: to begin with less would withdraw, at every
// restart, what the other gateways still know to be there.
func (s *Source) Run(ctx context.Context) error {
	var telling sync.WaitGroup
	defer telling.Wait()
	telling.Go(func() { s.herald.run(ctx) })
	s.journal.enter(s.known()...)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.journal.level:
		case <-s.release:
			s.release = nil
		}
		sleep(ctx, collectFor)
		if ctx.Err() == nil && s.config.Watch.Synced() {
			s.step(time.Now())
		}
	}
}

// known returns the services that there were before the journal began.
func (s *Source) known() []registry.ServiceName {
	var known []registry.ServiceName
	services, _ := s.config.Watch.Services().List(labels.Everything())
	for _, service := range services {
		known = append(known, registry.ServiceName{Namespace: service.Namespace, Name: service.Name})
	}
	exports, _ := s.config.Watch.ServiceExports().List(labels.Everything())
	for _, export := range exports {
		known = append(known, registry.ServiceName{Namespace: export.Namespace, Name: export.Name})
	}
	return known
}

// step looks again at what something happened to, and reports if that made a difference.
func (s *Source) step(now time.Time) {
	exported, judged := false, false
	for name := range s.journal.take() {
		w := s.wish(name)
		before, after := s.conversions[name], convert(w)
		if reflect.DeepEqual(before, after) {
			continue
		}
		s.conversions[name] = after
		if len(after.verdicts) == 0 {
			delete(s.conversions, name)
		}
		exported = exported || !reflect.DeepEqual(before.own, after.own)
		if !slices.Equal(before.verdicts, after.verdicts) {
			judged = true
			s.tell(w, before, after)
		}
	}
	if judged {
		s.judge()
	}
	if exported || !s.started || s.hold.holding() {
		s.report(now)
	}
}

// wish collects what there is of one service.
func (s *Source) wish(name registry.ServiceName) wish {
	w := wish{name: name, home: s.config.Watch.config.Namespace, slices: s.config.Watch.SlicesOf(name)}
	w.service, _ = s.config.Watch.Services().Services(name.Namespace).Get(name.Name) // the only error: there is none
	w.export, _ = s.config.Watch.ServiceExports().ServiceExports(name.Namespace).Get(name.Name)
	return w
}

func (s *Source) report(now time.Time) {
	held := s.hold.holding()
	exports := s.exports()
	if s.hold.keeps(now, s.reported, len(exports)) {
		if !held {
			s.release = time.After(s.hold.until.Sub(now))
			s.warn()
		}
		return
	}
	if held {
		s.config.Log.Warn().Int("before", s.reported).Int("now", len(exports)).Msg("withdrawals are no longer held")
	}
	if !s.started {
		s.config.Log.Info().Int("services", len(exports)).Msg("this cluster's exports are known")
	}
	s.started, s.reported, s.release = true, len(exports), nil
	s.config.OnChange(exports)
}

// judge makes the verdicts known.
func (s *Source) judge() {
	var verdicts []Verdict
	for _, name := range inOrder(s.conversions) {
		verdicts = append(verdicts, s.conversions[name].verdicts...)
	}
	s.mu.Lock()
	s.verdicts = verdicts
	s.mu.Unlock()
	s.config.Watch.levels.raise(TopicVerdicts)
}

// exports returns what there is to report, in order.
func (s *Source) exports() []registry.Own {
	var owns []registry.Own
	for _, name := range inOrder(s.conversions) {
		if own := s.conversions[name].own; own != nil {
			owns = append(owns, *own)
		}
	}
	return owns
}

func inOrder(conversions map[registry.ServiceName]conversion) []registry.ServiceName {
	return slices.SortedFunc(maps.Keys(conversions), registry.ServiceName.Compare)
}
