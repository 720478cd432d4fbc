package imports

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

const (
	fieldManager   = "grapevine"
	requestTimeout = 10 * time.Second
)

var errNotAsWritten = errors.New("the API server keeps it otherwise than it was written: somebody else sets its fields")

// A writer makes changes, and counts them.
type writer struct {
	client    kubernetes.Interface
	namespace string

	mu       sync.Mutex
	writes   map[Write]uint64
	failures map[Write]uint64
}

// Write is a kind of request to the API server.
type Write struct {
	Kind string // Service or EndpointSlice
	Verb string // apply, delete or deletecollection
}

func newWriter(client kubernetes.Interface, namespace string) *writer {
	return &writer{client: client, namespace: namespace, writes: map[Write]uint64{}, failures: map[Write]uint64{}}
}

// make makes a change, and returns the object as the API server has it now, which is nil where there is none any more.
func (w *writer) make(ctx context.Context, c *change) (*derived, *slice, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	service, written, err := w.request(ctx, c)
	err = explain(err, c, w.namespace)
	w.mu.Lock()
	defer w.mu.Unlock()
	count := w.writes
	if err != nil {
		count = w.failures
	}
	count[Write{c.kind(), string(c.verb)}]++
	return service, written, err
}

func (w *writer) request(ctx context.Context, c *change) (*derived, *slice, error) {
	services, slices := w.client.CoreV1().Services(w.namespace), w.client.DiscoveryV1().EndpointSlices(w.namespace)
	// Fields that others set in our objects become ours again: there is nobody to come to terms with.
	options := metav1.ApplyOptions{FieldManager: fieldManager, Force: true}
	switch {
	case c.verb == clearAll:
		return nil, nil, slices.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: selector(c.clear)})
	case c.verb == remove && c.service != nil:
		return nil, nil, gone(services.Delete(ctx, c.service.object, only(c.service.uid)))
	case c.verb == remove:
		return nil, nil, gone(slices.Delete(ctx, c.slice.object, only(c.slice.uid)))
	case c.service != nil:
		written, err := c.service.asWritten(services.Apply(ctx, c.service.configuration(w.namespace), options))
		if c.service.uid != "" && (apierrors.IsInvalid(err) || errors.Is(err, errNotAsWritten)) {
			written, err = w.overwrite(ctx, c.service)
		}
		return written, nil, err
	}
	object, err := slices.Apply(ctx, c.slice.configuration(w.namespace), options)
	if err != nil {
		return nil, nil, err
	}
	written := readSlice(object)
	if written.foreign || written.odd || !written.same(c.slice) {
		err = errNotAsWritten
	}
	return nil, written, err
}

// overwrite replaces the ports and the selector of a Service whatever others have made of them. An apply can't: it leaves a port that
// others have added, and one that they renumbered is such a port too, beside which ours would have its name twice.
func (w *writer) overwrite(ctx context.Context, wanted *derived) (*derived, error) {
	patch, err := json.Marshal(wanted.overwriting(w.namespace))
	if err != nil {
		return nil, err
	}
	options := metav1.PatchOptions{FieldManager: fieldManager}
	return wanted.asWritten(w.client.CoreV1().Services(w.namespace).Patch(ctx, wanted.object, types.MergePatchType, patch, options))
}

// asWritten reads what the API server answered to a write of d, and tells whether it is d.
func (d *derived) asWritten(object *corev1.Service, err error) (*derived, error) {
	if err != nil {
		return nil, err
	}
	written := readDerived(object)
	if written.foreign || written.odd || !written.same(d) {
		err = errNotAsWritten
	}
	return written, err
}

// only has an object deleted that is still the one that was seen, and not what somebody made in its place.
func only(uid types.UID) metav1.DeleteOptions {
	if uid == "" {
		return metav1.DeleteOptions{}
	}
	return metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}}
}
