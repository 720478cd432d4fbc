package contexts

import (
	"context"
	"fmt"
	"time"
)

// scales are how many replicas each Deployment had.
type scales map[string]int

// goneWithin bounds a planned shutdown: a gateway may drain for as long as its Pod's grace period says.
const goneWithin = 5 * time.Minute

// shutDown scales the gateways to nothing, and then the workloads of the service's namespace. The service goes on until the
// gateways have drained, as whoever plans a shutdown lets it.
func (st *Stage) shutDown(ctx context.Context, p *place, began func(time.Time)) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, goneWithin)
	defer cancel()
	var err error
	if st.replicas, err = p.readScales(ctx); err != nil {
		return time.Time{}, err
	}
	began(time.Now())
	if _, err := p.run(ctx, nil, "-n", p.Namespace, "scale", "statefulset", setName, "--replicas=0"); err != nil {
		return time.Time{}, err
	}
	if _, err := p.await(ctx, nil, "-n", p.Namespace, "wait", "--for=delete", "pod", "-l", p.set.selector(), "--timeout=4m"); err != nil {
		return time.Time{}, err
	}
	for name := range st.replicas {
		if _, err := p.run(ctx, nil, "-n", p.Space, "scale", "deployment", name, "--replicas=0"); err != nil {
			return time.Time{}, err
		}
	}
	return time.Now(), nil
}

// bringBack scales everything as it was.
func (st *Stage) bringBack(ctx context.Context, p *place) (string, error) {
	for name, replicas := range st.replicas {
		if _, err := p.run(ctx, nil, "-n", p.Space, "scale", "deployment", name, fmt.Sprintf("--replicas=%d", replicas)); err != nil {
			return "", err
		}
	}
	if _, err := p.run(ctx, nil, "-n", p.Namespace, "scale", "statefulset", setName, fmt.Sprintf("--replicas=%d", p.set.Spec.Replicas)); err != nil {
		return "", err
	}
	return "the workloads and the gateways scaled as they were", nil
}

// readScales reads the workloads of the service's namespace. Those that have no replicas anyway are left alone.
func (p *place) readScales(ctx context.Context) (scales, error) {
	var list struct {
		Items []struct {
			Metadata struct{ Name string }
			Spec     struct{ Replicas int }
		}
	}
	if err := p.get(ctx, &list, "-n", p.Space, "deployments"); err != nil {
		return nil, err
	}
	found := make(scales)
	for _, item := range list.Items {
		if item.Spec.Replicas > 0 {
			found[item.Metadata.Name] = item.Spec.Replicas
		}
	}
	return found, nil
}
