package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
)

// A typedClient is what Kubernetes' generated clients have for each kind; L is its list.
type typedClient[L runtime.Object] interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// reads makes a generated client what a reflector reads from. Whether the API server can stream its lists is asked of one
// client for all kinds.
func reads[L runtime.Object](w *Watch, client typedClient[L]) cache.ListerWatcher {
	return cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return client.List(ctx, options)
		},
		WatchFuncWithContext: client.Watch,
	}, w.config.Client.Core)
}

func (w *Watch) newServices() *resource {
	r := w.newResource("services", &corev1.Service{}, reads(w, w.config.Client.Core.CoreV1().Services("")), nil)
	r.view.changed = func(before, after any) {
		service := newer(before, after).(*corev1.Service)
		own := service.Namespace == w.config.Namespace
		if own {
			w.levels.raise(TopicOwn)
		}
		if own && isOurs(service) && (before == nil || isOurs(before.(*corev1.Service))) {
			return
		}
		w.enter(registry.ServiceName{Namespace: service.Namespace, Name: service.Name})
		w.levels.raise(TopicSources)
	}
	return r
}

// byService is the index of EndpointSlices by what they belong to, "namespace/name".
const byService = "service"

func (w *Watch) newSlices() *resource {
	client := w.config.Client.Core.DiscoveryV1().EndpointSlices("")
	r := w.newResource("endpointslices", &discoveryv1.EndpointSlice{}, reads(w, client), cache.Indexers{
		byService: func(object any) ([]string, error) {
			slice := object.(*discoveryv1.EndpointSlice)
			if name := slice.Labels[discoveryv1.LabelServiceName]; name != "" {
				return []string{slice.Namespace + "/" + name}, nil
			}
			return nil, nil
		},
	})
	r.view.changed = func(before, after any) {
		for _, object := range []any{before, after} {
			slice, ok := object.(*discoveryv1.EndpointSlice)
			switch {
			case !ok: // there was none, or is none any more
			case isOurSlice(slice) && slice.Namespace == w.config.Namespace:
				w.levels.raise(TopicOwn)
			case isOurSlice(slice):
				w.levels.raise(TopicMCS)
			case slice.Labels[discoveryv1.LabelServiceName] != "":
				w.enter(registry.ServiceName{Namespace: slice.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]})
				w.levels.raise(TopicSources)
			}
		}
	}
	return r
}

func (w *Watch) newExports() *resource {
	client := w.config.Client.MCS.MulticlusterV1beta1().ServiceExports("")
	r := w.newResource("serviceexports", &mcsv1beta1.ServiceExport{}, reads(w, client), nil)
	r.optional = true
	r.view.changed = func(before, after any) {
		export := newer(before, after).(*mcsv1beta1.ServiceExport)
		w.enter(registry.ServiceName{Namespace: export.Namespace, Name: export.Name})
		w.levels.raise(TopicSources, TopicMCS)
	}
	return r
}

func (w *Watch) newImports() *resource {
	client := w.config.Client.MCS.MulticlusterV1beta1().ServiceImports("")
	r := w.newResource("serviceimports", &mcsv1beta1.ServiceImport{}, reads(w, client), nil)
	r.optional = true
	r.view.changed = func(any, any) { w.levels.raise(TopicMCS) }
	return r
}

func (w *Watch) newNamespaces() *resource {
	r := w.newResource("namespaces", &corev1.Namespace{}, reads(w, w.config.Client.Core.CoreV1().Namespaces()), nil)
	r.view.changed = func(any, any) { w.levels.raise(TopicMCS) }
	return r
}

// newer returns the object after a change, or the last known where it is gone.
func newer(before, after any) any {
	if after == nil {
		return before
	}
	return after
}

// trim drops what nobody here reads, before it is kept: who last wrote which field is about half of an object.
func trim(object any) (any, error) {
	m, err := meta.Accessor(object)
	if err != nil {
		return nil, err
	}
	m.SetManagedFields(nil)
	delete(m.GetAnnotations(), corev1.LastAppliedConfigAnnotation)
	delete(m.GetAnnotations(), corev1.EndpointsLastChangeTriggerTime)
	return object, nil
}
