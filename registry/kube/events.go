package kube

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

const (
	eventsPerSecond = 5
	eventsAtOnce    = 25
	eventsWaiting   = 1000 // objects that an Event waits for; above this they are left out: the log has them
	eventTimeout    = 10 * time.Second
	eventText       = 1000 // bytes; Kubernetes takes 1024
	eventComponent  = "grapevine"
)

// A notice is what one Event says.
type notice struct {
	about   corev1.ObjectReference
	warning bool
	reason  string
	message string
}

// A herald writes Events, slowly. Of each object only the last notice counts, so what flaps isn't told again and again.
//
// An Event's name comes from what it says. Saying it again, as after a restart or by another gateway, refreshes the one that
// there is. client-go's recorders would keep caches, goroutines and a queue for the same, and forget all at a restart.
type herald struct {
	client   kubernetes.Interface
	instance string // this gateway's Pod
	log      zerolog.Logger
	limit    *rate.Limiter

	mu      sync.Mutex
	waiting map[corev1.ObjectReference]notice
	level   chan struct{}
}

func newHerald(client kubernetes.Interface, instance string, log zerolog.Logger) *herald {
	return &herald{
		client: client, instance: instance, log: log, limit: rate.NewLimiter(eventsPerSecond, eventsAtOnce),
		waiting: map[corev1.ObjectReference]notice{}, level: make(chan struct{}, 1),
	}
}

// say has the notice written when its turn comes.
func (h *herald) say(n notice) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.waiting[n.about]; !known && len(h.waiting) >= eventsWaiting {
		return
	}
	h.waiting[n.about] = n
	raiseLevel(h.level)
}

// run writes notices until ctx ends.
func (h *herald) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.level:
		}
		for n, any := h.next(); any; n, any = h.next() {
			if h.limit.Wait(ctx) != nil {
				return
			}
			if err := h.write(ctx, n, time.Now()); err != nil {
				h.log.Debug().Err(err).Str("about", n.about.Namespace+"/"+n.about.Name).Msg("event not written")
			}
		}
	}
}

func (h *herald) next() (notice, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for about, n := range h.waiting {
		delete(h.waiting, about)
		return n, true
	}
	return notice{}, false
}

func (h *herald) write(ctx context.Context, n notice, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	event := h.event(n, metav1.NewTime(now))
	events := h.client.CoreV1().Events(n.about.Namespace)
	_, err := events.Create(ctx, event, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	patch, err := json.Marshal(map[string]any{"lastTimestamp": event.LastTimestamp})
	if err != nil {
		return err
	}
	_, err = events.Patch(ctx, event.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

func (h *herald) event(n notice, now metav1.Time) *corev1.Event {
	kind := corev1.EventTypeNormal
	if n.warning {
		kind = corev1.EventTypeWarning
	}
	text := strings.ToValidUTF8(n.message[:min(len(n.message), eventText)], "")
	said := sha256.Sum256([]byte(n.about.Kind + "\n" + string(n.about.UID) + "\n" + n.reason + "\n" + text))
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: n.about.Namespace, Name: n.about.Name + "." + hex.EncodeToString(said[:8])},
		InvolvedObject: n.about, Type: kind, Reason: n.reason, Message: text,
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
		Source:              corev1.EventSource{Component: eventComponent},
		ReportingController: eventComponent, ReportingInstance: h.instance,
	}
}
