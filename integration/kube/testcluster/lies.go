package testcluster

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// emptyFor is how long a watch says nothing more after it has begun with an empty list.
const emptyFor = 2 * time.Second

// Gone answers a list or a watch with 410: the version that the client knows of isn't kept any more.
func Gone(resource string) Lie {
	return Lie{
		To: func(r *http.Request) bool { return asksFor(r, resource) },
		Answer: func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusGone, metav1.StatusReasonExpired, "too old resource version")
		},
	}
}

// Refused answers a list or a watch with 403, as where a role was taken away.
func Refused(resource string) Lie {
	return Lie{
		To: func(r *http.Request) bool { return asksFor(r, resource) },
		Answer: func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden, resource+" is forbidden")
		},
	}
}

// Empty answers a list with none, of the version that the true list has. A client may list in two ways: with one answer, or
// with a watch that begins with what there is. Who asks for a list page by page hears the truth.
func (p *Proxy) Empty(resource string) Lie {
	return Lie{
		To: func(r *http.Request) bool { return asksFor(r, resource) && lists(r) && !r.URL.Query().Has("limit") },
		Answer: func(w http.ResponseWriter, r *http.Request) {
			truth, err := p.truth(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			if watches(r) {
				truth.beginEmpty(w, r)
				return
			}
			writeJSON(w, map[string]any{
				"kind": truth.Kind, "apiVersion": truth.APIVersion, "items": []any{},
				"metadata": map[string]any{"resourceVersion": truth.ResourceVersion},
			})
		},
	}
}

// Unstreamed answers every watch that would begin with what there is with 422, as an API server does that can list in one answer
// only (Kubernetes before 1.32).
func Unstreamed(resource string) Lie {
	return Lie{
		Always: true,
		To:     func(r *http.Request) bool { return asksFor(r, resource) && watches(r) && lists(r) },
		Answer: func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "sendInitialEvents is forbidden for watch")
		},
	}
}

// list is what lists of any kind have.
type list struct {
	metav1.TypeMeta
	metav1.ListMeta `json:"metadata"`
}

// beginEmpty says in a watch that there was nothing, and then nothing for a while.
func (l list) beginEmpty(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, map[string]any{"type": "BOOKMARK", "object": map[string]any{
		"kind": strings.TrimSuffix(l.Kind, "List"), "apiVersion": l.APIVersion,
		"metadata": map[string]any{
			"resourceVersion": l.ResourceVersion,
			"annotations":     map[string]any{metav1.InitialEventsAnnotationKey: "true"},
		},
	}})
	_ = http.NewResponseController(w).Flush()
	select {
	case <-r.Context().Done():
	case <-time.After(emptyFor):
	}
}

// truth asks the API server itself for the list that r asks for.
func (p *Proxy) truth(r *http.Request) (found list, err error) {
	client, err := rest.HTTPClientFor(p.cluster.config)
	if err != nil {
		return found, err
	}
	ask, err := http.NewRequestWithContext(r.Context(), http.MethodGet, p.cluster.config.Host+r.URL.Path, nil)
	if err != nil {
		return found, err
	}
	answer, err := client.Do(ask)
	if err != nil {
		return found, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return found, fmt.Errorf("%s: %s", r.URL.Path, answer.Status)
	}
	return found, json.NewDecoder(answer.Body).Decode(&found)
}

// asksFor tells whether r reads all objects of a resource, such as `services`, in one namespace or in all.
func asksFor(r *http.Request, resource string) bool {
	return r.Method == http.MethodGet && path.Base(r.URL.Path) == resource
}

func watches(r *http.Request) bool { return isTrue(r, "watch") }

func lists(r *http.Request) bool { return !watches(r) || isTrue(r, "sendInitialEvents") }

func isTrue(r *http.Request, parameter string) bool {
	value := r.URL.Query().Get(parameter)
	return value == "true" || value == "1"
}

func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	writeJSON(w, metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message,
	})
}

func writeJSON(w http.ResponseWriter, value any) {
	_ = json.NewEncoder(w).Encode(value) // who doesn't listen any more misses nothing
}
