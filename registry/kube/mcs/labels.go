package mcs

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// appliedAnnotation has a hash of what was applied; another one tells that labels have gone.
const appliedAnnotation = "grapevine.dev/applied"

// All annotations of an object may have 256 KiB; this leaves room for those of others.
const maxExportedAnnotations = 128 << 10

// reserved tells whether a key isn't for exporters to set: those by which we and others know our objects.
func reserved(key string) bool {
	domain, _, _ := strings.Cut(key, "/")
	return key == kube.LabelManagedBy || domain == "grapevine.dev" || domain == "multicluster.kubernetes.io" ||
		domain == "kubectl.kubernetes.io"
}

// exportedLabels returns those of the labels that an object can have, and the keys of the others: the exporting cluster's
// API server doesn't check them, and ours would refuse the whole object for one.
func exportedLabels(all map[string]string) (good map[string]string, left []string) {
	good = map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if reserved(key) || len(validation.IsQualifiedName(key)) > 0 || len(validation.IsValidLabelValue(all[key])) > 0 {
			left = append(left, key)
			continue
		}
		good[key] = all[key]
	}
	return good, left
}

// exportedAnnotations is [exportedLabels] for annotations, whose values are free and whose sum is bounded.
func exportedAnnotations(all map[string]string) (good map[string]string, left []string) {
	good = map[string]string{}
	size := 0
	for _, key := range slices.Sorted(maps.Keys(all)) {
		size += len(key) + len(all[key])
		if reserved(key) || len(validation.IsQualifiedName(strings.ToLower(key))) > 0 || size > maxExportedAnnotations {
			left = append(left, key)
			continue
		}
		good[key] = all[key]
	}
	return good, left
}

// texts are the exported labels and annotations of a service, sorted out.
type texts struct {
	labels, annotations         map[string]string
	leftLabels, leftAnnotations []string
}

func (s *imported) texts() texts {
	var t texts
	t.labels, t.leftLabels = exportedLabels(s.union.MCS.Labels)
	t.annotations, t.leftAnnotations = exportedAnnotations(s.union.MCS.Annotations)
	t.labels[kube.LabelManagedBy] = kube.ManagedBy
	return t
}

// leftOut says which exported labels and annotations an import doesn't have, or nothing.
func (t *texts) leftOut() string {
	keys := slices.Concat(t.leftLabels, t.leftAnnotations)
	if len(keys) == 0 {
		return ""
	}
	const shown = 5
	more := ""
	if len(keys) > shown {
		more = fmt.Sprintf(" and %d more", len(keys)-shown)
		keys = keys[:shown]
	}
	return fmt.Sprintf(" Left out, as reserved or not valid as a label or annotation: %q%s.", keys, more)
}

// sliceLabels are the labels of the EndpointSlices of one source cluster. The label kubernetes.io/service-name isn't among
// them: with it kube-proxy would take them for those of the Service of that name, which users may have beside the import.
func (s *imported) sliceLabels(source string) map[string]string {
	return map[string]string{
		mcs.LabelServiceName:   s.name.Name,
		mcs.LabelSourceCluster: source,
		mcsSliceManagedByLabel: kube.SliceManagedBy,
		kube.LabelManagedBy:    kube.ManagedBy,
	}
}
