package kube

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/pager"
)

const (
	listPage    = 500
	listTimeout = time.Minute
)

// confirm asks after what vanished, until ctx ends. An answer that can't be had changes nothing, and is asked for again.
func (r *resource) confirm(ctx context.Context) {
	for ctx.Err() == nil {
		at, any := r.view.due()
		if !any {
			select {
			case <-ctx.Done():
			case <-r.view.doubt:
			}
			continue
		}
		sleep(ctx, time.Until(at))
		if ctx.Err() == nil && r.ask(ctx) != nil {
			sleep(ctx, confirmAfter)
		}
	}
}

// ask reads the second list, from etcd rather than from an API server's memory, and has it decide.
func (r *resource) ask(ctx context.Context) error {
	asked := r.view.asked()
	if len(asked) == 0 {
		return nil // they came back in the meantime
	}
	found, err := r.find(ctx, asked)
	if err != nil {
		return err
	}
	gone, err := r.view.decide(asked, found)
	r.log.Warn().Int("gone", gone).Int("found", len(found)).AnErr("error", err).
		Msg("asked again after objects that were missing in a list")
	return err
}

// find returns those of the keys' objects that exist.
func (r *resource) find(ctx context.Context, keys map[string]bool) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	pages := pager.New(r.list)
	pages.PageSize = listPage
	found := map[string]any{}
	err := pages.EachListItemWithAlloc(ctx, metav1.ListOptions{}, func(object runtime.Object) error {
		key, err := cache.MetaNamespaceKeyFunc(object)
		if err == nil && keys[key] {
			found[key] = object
		}
		return err
	})
	return found, err
}
