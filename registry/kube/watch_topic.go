package kube

import (
	"sync"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Topic is a kind of news, for nobody to be woken by what doesn't concern them.
type Topic int

// The topics of a [Watch].
const (
	TopicSources  Topic = iota // what users made: Services, their EndpointSlices, ServiceExports
	TopicOwn                   // Services in Grapevine's own namespace, and the EndpointSlices there that Grapevine made
	TopicVerdicts              // what [Source.Verdicts] returns
	TopicMCS                   // ServiceExports, ServiceImports, Namespaces, and the EndpointSlices that Grapevine made elsewhere
)

// levels are the channels of those who want to know.
type levels struct {
	mu sync.Mutex
	of map[Topic][]chan struct{}
}

// Subscribe returns a channel of one slot that has something in it when objects of one of the topics have changed since it
// was read. It begins raised, and is raised again when everything is known.
func (w *Watch) Subscribe(topics ...Topic) <-chan struct{} {
	level := make(chan struct{}, 1)
	level <- struct{}{}
	w.levels.mu.Lock()
	defer w.levels.mu.Unlock()
	if w.levels.of == nil {
		w.levels.of = map[Topic][]chan struct{}{}
	}
	for _, topic := range topics {
		w.levels.of[topic] = append(w.levels.of[topic], level)
	}
	return level
}

func (l *levels) raise(topics ...Topic) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, topic := range topics {
		for _, level := range l.of[topic] {
			raiseLevel(level)
		}
	}
}

func raiseLevel(level chan struct{}) {
	select {
	case level <- struct{}{}:
	default:
	}
}

// A journal collects the names of services that something happened to, so that only these are looked at again.
type journal struct {
	level chan struct{}

	mu    sync.Mutex
	names map[registry.ServiceName]bool
}

// newJournal returns a journal of what happens from now on.
func (w *Watch) newJournal() *journal {
	j := &journal{level: make(chan struct{}, 1), names: map[registry.ServiceName]bool{}}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.journals = append(w.journals, j)
	return j
}

func (w *Watch) enter(names ...registry.ServiceName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range w.journals {
		j.enter(names...)
	}
}

func (j *journal) enter(names ...registry.ServiceName) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, name := range names {
		j.names[name] = true
	}
	raiseLevel(j.level)
}

// take returns the names, and begins anew.
func (j *journal) take() map[registry.ServiceName]bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	taken := j.names
	j.names = map[registry.ServiceName]bool{}
	return taken
}
