package kube

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/grapevine-mesh/grapevine/registry"
)

// What users write on a Service: one label, by which it is exported, and annotations, which say how.
const (
	ExportLabel             = "grapevine.dev/export"         // federated, mirrored or both
	ReachAnnotation         = "grapevine.dev/reach"          // gateway (the default) or flat
	AffinityAnnotation      = "grapevine.dev/affinity"       // local (the default), nearest or spread
	WeightAnnotation        = "grapevine.dev/weight"         // for spread; the default is the ready endpoints
	PriorityAnnotation      = "grapevine.dev/priority"       // lower is tried first; the default is 0
	AllowClustersAnnotation = "grapevine.dev/allow-clusters" // who may use it, such as "east,north"; the default is all

	annotationPrefix = "grapevine.dev/"
)

// A policy is what label and annotations say.
type policy struct {
	visibility registry.Visibility
	reach      registry.Reach
	affinity   registry.Affinity
	weight     uint32
	priority   int32
	allow      []registry.Cluster
}

// complaints collects all that is wrong, so that a user mends it at once. Nothing that is written wrongly has a default: a
// service that should be closed to all but one cluster must not be open to all for the sake of a typing error.
type complaints []string

func (c *complaints) add(key, value, want, example string) {
	*c = append(*c, fmt.Sprintf(`%s: %.64q: want %s, such as %s: %q`, key, value, want, key, example))
}

// readPolicy reads the Service's label and annotations. A ServiceExport alone makes a federated service.
func readPolicy(service *corev1.Service, byExport bool) (policy, complaints) {
	var wrong complaints
	p := policy{
		visibility: readVisibility(&wrong, service, byExport),
		reach:      oneOf(&wrong, service, ReachAnnotation, registry.ThroughGateway, registry.Flat),
		affinity:   oneOf(&wrong, service, AffinityAnnotation, registry.Local, registry.Nearest, registry.Spread),
		weight:     uint32(number(&wrong, service, WeightAnnotation, 0, 1<<32-1, "10")),
		priority:   int32(number(&wrong, service, PriorityAnnotation, -1<<31, 1<<31-1, "1")),
		allow:      readClusters(&wrong, service),
	}
	known := []string{AffinityAnnotation, AllowClustersAnnotation, PriorityAnnotation, ReachAnnotation, WeightAnnotation}
	for _, key := range slices.Sorted(maps.Keys(service.Annotations)) {
		if strings.HasPrefix(key, annotationPrefix) && !slices.Contains(known, key) {
			wrong = append(wrong, fmt.Sprintf("%.128s: unknown annotation: want one of %s", key, strings.Join(known, ", ")))
		}
	}
	return p, wrong
}

// readVisibility joins what the label says with the ServiceExport.
func readVisibility(wrong *complaints, service *corev1.Service, byExport bool) registry.Visibility {
	label, labelled := service.Labels[ExportLabel]
	visibility := registry.Visibility(label)
	switch {
	case !labelled:
		return registry.Federated
	case !visibility.Federated() && !visibility.Mirrored():
		wrong.add("label "+ExportLabel, label, "federated, mirrored or both", "federated")
	case byExport && visibility.Mirrored():
		return registry.Both
	}
	return visibility
}

// oneOf returns the annotation's value, or the first of the choices where there is none.
func oneOf[T ~string](wrong *complaints, service *corev1.Service, key string, choices ...T) T {
	value, written := service.Annotations[key]
	if !written {
		return choices[0]
	}
	if !slices.Contains(choices, T(value)) {
		last := len(choices) - 1
		texts := make([]string, len(choices))
		for i, choice := range choices {
			texts[i] = string(choice)
		}
		wrong.add(key, value, strings.Join(texts[:last], ", ")+" or "+texts[last], texts[last])
	}
	return T(value)
}

func number(wrong *complaints, service *corev1.Service, key string, least, most int64, example string) int64 {
	value, written := service.Annotations[key]
	if !written {
		return 0
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < least || n > most {
		wrong.add(key, value, fmt.Sprintf("a whole number from %d to %d", least, most), example)
		return 0
	}
	return n
}

// readClusters reads a list such as "east,north". An empty one could mean nobody as well as everybody, so it is refused.
func readClusters(wrong *complaints, service *corev1.Service) []registry.Cluster {
	value, written := service.Annotations[AllowClustersAnnotation]
	if !written {
		return nil
	}
	var clusters []registry.Cluster
	for name := range strings.SplitSeq(value, ",") {
		clusters = append(clusters, registry.Cluster(strings.TrimSpace(name)))
	}
	slices.Sort(clusters)
	clusters = slices.Compact(clusters)
	bad := slices.ContainsFunc(clusters, func(c registry.Cluster) bool { return registry.CheckLabel(string(c)) != nil })
	if bad || len(clusters) > registry.MaxAllow {
		wrong.add(AllowClustersAnnotation, value, fmt.Sprintf("1 to %d names of clusters with commas between them", registry.MaxAllow), "east,north")
		return nil
	}
	return clusters
}
