package stubzone

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Change is what becomes of one ConfigMap.
type Change struct {
	Former *corev1.ConfigMap // as it was read; nil: it is created
	After  *corev1.ConfigMap // nil: it is deleted
}

// Our mark on ConfigMaps that wouldn't be there without us.
const (
	managedByLabel = "app.kubernetes.io/managed-by"
	managedBy      = "grapevine"
)

// edit changes a copy of a ConfigMap. It returns nil where that changes nothing.
func (f Found) edit(name string, change func(*corev1.ConfigMap) error) (*Change, error) {
	former := f.ConfigMaps[name]
	after := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: systemNamespace, Name: name, Labels: map[string]string{managedByLabel: managedBy},
	}}
	if former != nil {
		after = former.DeepCopy()
	}
	if after.Data == nil {
		after.Data = make(map[string]string)
	}
	if err := change(after); err != nil {
		return nil, fmt.Errorf("configmap %s/%s: %w", systemNamespace, name, err)
	}
	empty := len(after.Data)+len(after.BinaryData) == 0
	switch {
	case former == nil && empty:
		return nil, nil
	case former != nil && maps.Equal(former.Data, after.Data) && maps.Equal(former.Annotations, after.Annotations):
		return nil, nil
	case empty && after.Labels[managedByLabel] == managedBy:
		return &Change{Former: former}, nil
	}
	return &Change{Former: former, After: after}, nil
}

// Name returns what changes, such as "configmap kube-system/coredns".
func (c Change) Name() string {
	object := c.After
	if object == nil {
		object = c.Former
	}
	return "configmap " + object.Namespace + "/" + object.Name
}

// Action is create, update or delete.
func (c Change) Action() string {
	switch {
	case c.Former == nil:
		return "create"
	case c.After == nil:
		return "delete"
	}
	return "update"
}

// Diff returns the change as a unified diff of the object as it is written in YAML.
func (c Change) Diff() string {
	from, to := c.Name(), c.Name()
	if c.Former == nil {
		from = "/dev/null"
	}
	if c.After == nil {
		to = "/dev/null"
	}
	text := diff.Diff(from, []byte(render(c.Former)), to, []byte(render(c.After)))
	_, text, _ = bytes.Cut(text, []byte("\n")) // a line of its own about the names, which follow anyway
	return string(text)
}

// render writes what a person sees of a ConfigMap.
func render(object *corev1.ConfigMap) string {
	if object == nil {
		return ""
	}
	var text strings.Builder
	fmt.Fprintf(&text, "metadata:\n  name: %s\n  namespace: %s\n", object.Name, object.Namespace)
	annotations := maps.Clone(object.Annotations)
	delete(annotations, corev1.LastAppliedConfigAnnotation) // the whole object again, in one line
	renderTexts(&text, "  annotations", "    ", annotations)
	renderTexts(&text, "  labels", "    ", object.Labels)
	renderTexts(&text, "data", "  ", object.Data)
	return text.String()
}

func renderTexts(text *strings.Builder, name, indent string, texts map[string]string) {
	if len(texts) == 0 {
		return
	}
	fmt.Fprintf(text, "%s:\n", name)
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		value := texts[key]
		if !strings.Contains(value, "\n") {
			fmt.Fprintf(text, "%s%s: %s\n", indent, key, value)
			continue
		}
		style := "|"
		if !strings.HasSuffix(value, "\n") {
			style = "|-"
		}
		fmt.Fprintf(text, "%s%s: %s\n", indent, key, style)
		for line := range strings.Lines(value) {
			text.WriteString(strings.TrimRight(indent+"  "+strings.TrimSuffix(line, "\n"), " ") + "\n")
		}
	}
}
