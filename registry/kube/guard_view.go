package kube

import (
	"reflect"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/cache"
)

// A view is what is known of one kind of objects. A reflector writes it: what the watch says counts at once, and a list
// replaces everything, except that what it lacks is kept until it is confirmed to be gone.
type view struct {
	indexer cache.Indexer
	changed func(before, after any) // called with every change; one of them is nil where there was none, or is none
	lost    func(kept int)          // called when a list lacked objects
	filled  func()                  // called after the first list
	now     func() time.Time
	listed  chan struct{} // closed after the first list
	doubt   chan struct{} // a level: something is missing that wasn't

	mu    sync.Mutex // of writers; readers go to the indexer
	guard guard
}

func newView(indexers cache.Indexers, now func() time.Time) *view {
	all := cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}
	for name, index := range indexers {
		all[name] = index
	}
	return &view{
		indexer: cache.NewIndexer(cache.MetaNamespaceKeyFunc, all), now: now,
		listed: make(chan struct{}), doubt: make(chan struct{}, 1),
	}
}

// Transformer lets the reflector trim objects while it still collects them.
func (v *view) Transformer() cache.TransformFunc { return trim }

// Resync has no meaning here.
func (v *view) Resync() error { return nil }

// Add takes an object that the watch told of.
func (v *view) Add(object any) error { return v.Update(object) }

// Update takes an object that the watch told of.
func (v *view) Update(object any) error {
	if _, err := trim(object); err != nil {
		return err
	}
	key, err := cache.MetaNamespaceKeyFunc(object)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.guard.settled(key)
	return v.putLocked(key, object)
}

// Delete takes an object that the watch said is deleted.
func (v *view) Delete(object any) error {
	key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.guard.settled(key)
	return v.dropLocked(key)
}

// Replace takes a list.
func (v *view) Replace(objects []any, _ string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	seen := make(map[string]bool, len(objects))
	for _, object := range objects {
		if _, err := trim(object); err != nil {
			return err
		}
		key, err := cache.MetaNamespaceKeyFunc(object)
		if err != nil {
			return err
		}
		seen[key] = true
		v.guard.settled(key)
		if err := v.putLocked(key, object); err != nil {
			return err
		}
	}
	v.missLocked(seen)
	select {
	case <-v.listed:
	default:
		close(v.listed)
		v.filled()
	}
	return nil
}

// missLocked keeps what isn't among seen, and has it asked after.
func (v *view) missLocked(seen map[string]bool) {
	kept := 0
	for _, key := range v.indexer.ListKeys() {
		if !seen[key] {
			v.guard.missed(key, v.now())
			kept++
		}
	}
	if kept > 0 {
		v.lost(kept)
		raiseLevel(v.doubt)
	}
}

func (v *view) putLocked(key string, object any) error {
	before, known, err := v.indexer.GetByKey(key)
	if err != nil {
		return err
	}
	if err := v.indexer.Update(object); err != nil {
		return err
	}
	switch {
	case !known:
		v.changed(nil, object)
	case !sameVersion(before, object):
		v.changed(before, object)
	}
	return nil
}

func (v *view) dropLocked(key string) error {
	before, known, err := v.indexer.GetByKey(key)
	if err != nil || !known {
		return err
	}
	if err := v.indexer.Delete(before); err != nil {
		return err
	}
	v.changed(before, nil)
	return nil
}

// sameVersion tells whether two states of an object are one. A version alone doesn't: an etcd that was restored gives the same
// ones once more. A fake API server gives none: then nothing is.
func sameVersion(before, after any) bool {
	a, errA := meta.Accessor(before)
	b, errB := meta.Accessor(after)
	return errA == nil && errB == nil && a.GetResourceVersion() != "" && a.GetResourceVersion() == b.GetResourceVersion() &&
		reflect.DeepEqual(before, after)
}

// due returns when something has to be asked after.
func (v *view) due() (time.Time, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.guard.due()
}

// asked returns the keys that a list which begins now decides.
func (v *view) asked() map[string]bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	keys := map[string]bool{}
	for _, key := range v.guard.asked(v.now()) {
		keys[key] = true
	}
	return keys
}

// decide ends the doubt about the keys that were asked after: found are those objects of them that the second list has. What
// the watch told of in the meantime is beyond doubt already.
func (v *view) decide(asked map[string]bool, found map[string]any) (gone int, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for key := range asked {
		if _, doubtful := v.guard.missing[key]; !doubtful {
			continue
		}
		v.guard.settled(key)
		if object, there := found[key]; there {
			err = v.putLocked(key, object)
		} else {
			gone++
			err = v.dropLocked(key)
		}
		if err != nil {
			return gone, err
		}
	}
	return gone, nil
}
