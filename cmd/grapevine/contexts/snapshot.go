package contexts

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// gatewayPods says of each gateway's Pod which one it is, and how often it has been started.
type gatewayPods map[string]string

// readPods reads the gateways' Pods.
func (p *place) readPods(ctx context.Context) (gatewayPods, error) {
	var list struct{ Items []podView }
	if err := p.get(ctx, &list, "-n", p.Namespace, "pods", "-l", p.set.selector()); err != nil {
		return nil, err
	}
	pods := make(gatewayPods)
	for _, pod := range list.Items {
		restarts := 0
		for _, c := range pod.Status.ContainerStatuses {
			restarts += c.RestartCount
		}
		pods[pod.Metadata.Name] = fmt.Sprintf("%s/%d", pod.Metadata.UID, restarts)
	}
	return pods, nil
}

// disturbed names the gateways that aren't any more what they were, but for those that were hit.
func disturbed(cluster string, before, after gatewayPods, hit []string) []string {
	var problems []string
	for _, pod := range slices.Sorted(maps.Keys(before)) {
		gateway := cluster + "/" + pod
		if slices.Contains(hit, gateway) || before[pod] == after[pod] {
			continue
		}
		problems = append(problems, gateway+" was started anew, though nobody had asked for it")
	}
	return problems
}

// objects are what Grapevine keeps in a cluster, each with its version.
type objects map[string]string

// managedBy is the label of all objects that Grapevine makes.
const managedBy = "app.kubernetes.io/managed-by=grapevine"

// readObjects reads them.
func (p *place) readObjects(ctx context.Context) (objects, error) {
	var list struct {
		Items []struct {
			Kind     string
			Metadata struct{ Namespace, Name, UID, ResourceVersion string }
		}
	}
	if err := p.get(ctx, &list, "services,endpointslices.discovery.k8s.io", "--all-namespaces", "-l", managedBy); err != nil {
		return nil, err
	}
	found := make(objects)
	for _, item := range list.Items {
		found[item.Kind+" "+item.Metadata.Namespace+"/"+item.Metadata.Name] = item.Metadata.UID + "/" + item.Metadata.ResourceVersion
	}
	return found, nil
}

// changed names what was made, removed or written between two looks.
func changed(cluster string, before, after objects) []string {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(before)) {
		switch now, there := after[name]; {
		case !there:
			problems = append(problems, fmt.Sprintf("%s: %s was removed", cluster, name))
		case now != before[name]:
			problems = append(problems, fmt.Sprintf("%s: %s was written", cluster, name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, known := before[name]; !known {
			problems = append(problems, fmt.Sprintf("%s: %s was made", cluster, name))
		}
	}
	return problems
}
