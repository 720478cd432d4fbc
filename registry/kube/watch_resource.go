package kube

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const (
	probePause   = 30 * time.Second // between looks whether a missing resource has been installed
	retryFirst   = 500 * time.Millisecond
	retryMost    = 10 * time.Second // client-go would wait for up to a minute, while an API server is back within seconds
	retryForgets = 2 * time.Minute  // well for this long: the next failure is the first
)

// A resource is one kind of objects, and how they are followed.
type resource struct {
	name     string // as RBAC has it
	example  runtime.Object
	source   cache.ListerWatcher
	optional bool // the cluster may have no such resource, or get it later
	view     *view
	contact  *contact
	log      zerolog.Logger

	lists  sync.WaitGroup // the reflector doesn't wait for a list when it is told to stop
	absent atomic.Bool    // the API server said that there is no such resource

	goesOn atomic.Pointer[time.Time] // from when on a watch may begin where the last request ended; nil: never
}

func (w *Watch) newResource(name string, example runtime.Object, from cache.ListerWatcher, indexers cache.Indexers) *resource {
	r := &resource{
		name: name, example: example, source: from, view: newView(indexers, time.Now), contact: w.contact,
		log: w.config.Log.With().Str("resource", name).Logger(),
	}
	r.view.lost = func(kept int) {
		r.log.Warn().Int("objects", kept).Dur("for", confirmAfter).
			Msg("objects are missing in a list: kept until another list confirms it")
	}
	r.view.filled = func() { w.levels.raise(TopicSources, TopicOwn, TopicMCS); w.enter() }
	return r
}

// ready tells whether all objects are known, or that there are none, as there is no such resource.
func (r *resource) ready() bool {
	select {
	case <-r.view.listed:
		return true
	default:
		return r.absent.Load()
	}
}

// served tells whether the cluster is known to have the resource.
func (r *resource) served() bool { return r.ready() && !r.absent.Load() }

// follow keeps the view up to date until ctx ends.
func (r *resource) follow(ctx context.Context) {
	defer r.lists.Wait()
	ctx = klog.NewContext(ctx, klogTo(r.log))
	if r.optional && !r.appears(ctx) {
		return
	}
	reflector := r.newReflector()
	for failures := 0; ctx.Err() == nil; failures++ {
		began := time.Now()
		_ = reflector.ListAndWatchWithContext(ctx) // it ends with every trouble, which was noted where it was met
		if time.Since(began) > retryForgets {
			failures = 0
		}
		sleep(ctx, retryPause(failures))
	}
}

// retryPause returns how long to wait after that many failures in a row and one more.
func retryPause(failures int) time.Duration { return min(retryFirst<<min(failures, 16), retryMost) }

func (r *resource) newReflector() *cache.Reflector {
	log := klogTo(r.log)
	watched := cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: r.listAll, WatchFuncWithContext: r.watch,
	}, r.source)
	return cache.NewReflectorWithOptions(watched, r.example, r.view, cache.ReflectorOptions{
		Logger: &log, Name: r.name,
		Backoff: &wait.Backoff{Duration: retryFirst, Factor: 2, Jitter: 0.5, Steps: 20, Cap: retryMost},
	})
}

// listAll is the list that a watch goes on from.
func (r *resource) listAll(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	list, err := r.list(ctx, options)
	if err == nil {
		r.goesOn.Store(new(time.Now()))
	}
	return list, err
}

func (r *resource) list(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	r.lists.Add(1)
	defer r.lists.Done()
	list, err := cache.ToListerWatcherWithContext(r.source).ListWithContext(ctx, options)
	r.contact.note(ctx, r.name, err)
	return list, err
}

// watch goes on from what was seen only where the last watch lasted for as long as it was asked to. One that ended before its
// time may have ended because etcd was restored, and no comparison of versions tells: it may have passed the one that was seen
// by the time that we can ask. From a version that it hasn't reached again yet, a watch would be silent until then. So whoever
// was interrupted lists anew.
func (r *resource) watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	goesOn, began := r.goesOn.Swap(nil), time.Now()
	if listsFirst := options.SendInitialEvents != nil; !listsFirst && (goesOn == nil || began.Before(*goesOn)) {
		return nil, apierrors.NewResourceExpired("the last watch was interrupted: listing anew")
	}
	watching, err := cache.ToListerWatcherWithContext(r.source).WatchWithContext(ctx, options)
	r.contact.note(ctx, r.name, err)
	if err == nil && options.TimeoutSeconds != nil {
		r.goesOn.Store(new(began.Add(time.Duration(*options.TimeoutSeconds) * time.Second)))
	}
	return watching, err
}

// appears waits until the cluster has the resource. Only the API server's word that it hasn't is taken for that; whoever may
// not ask, or can't, waits as for any other resource.
func (r *resource) appears(ctx context.Context) bool {
	for failures := 0; ctx.Err() == nil; failures++ {
		_, err := r.list(ctx, metav1.ListOptions{Limit: 1, ResourceVersion: "0"})
		if err == nil {
			r.absent.Store(false)
			return true
		}
		pause := retryPause(failures)
		if apierrors.IsNotFound(err) {
			pause = probePause
			if !r.absent.Swap(true) {
				r.view.filled()
			}
		}
		sleep(ctx, pause)
	}
	return false
}

func sleep(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
