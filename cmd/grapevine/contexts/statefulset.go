package contexts

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// setName is the StatefulSet of the gateways, which the first container of each Pod is one of.
const setName = "grapevine"

// statefulSet names what is needed of one.
type statefulSet struct {
	Metadata struct{ Generation int64 }
	Spec     struct {
		Replicas int
		Selector struct{ MatchLabels map[string]string }
		Template struct {
			Spec podSpec
		}
	}
	Status struct {
		ObservedGeneration, ReadyReplicas, UpdatedReplicas int64
		CurrentRevision, UpdateRevision                    string
	}
}

type podSpec struct {
	Containers       []container
	ImagePullSecrets []map[string]string
	SecurityContext  struct{ RunAsUser *int64 }
}

type container struct {
	Name            string
	Image           string
	ImagePullPolicy string
	Command         []string
	SecurityContext struct{ RunAsUser *int64 }
}

// gateway returns the container that is the gateway.
func (s *statefulSet) gateway() container {
	all := s.Spec.Template.Spec.Containers
	if i := slices.IndexFunc(all, func(c container) bool { return c.Name == setName }); i >= 0 {
		return all[i]
	}
	return all[0]
}

// selector selects its Pods.
func (s *statefulSet) selector() string {
	var pairs []string
	for key, value := range s.Spec.Selector.MatchLabels {
		pairs = append(pairs, key+"="+value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, ",")
}

// read reads what the cluster is, and refuses one that no experiment can be made on.
func (p *place) read(ctx context.Context) error {
	var version struct{ ServerVersion struct{ GitVersion string } }
	if out, err := p.run(ctx, nil, "version", "-o", "json"); err != nil {
		return fmt.Errorf("context %s can't be used: %w\nTry `kubectl --context %s get nodes`; `kubectl config get-contexts` lists the contexts", p.context, err, p.context)
	} else if err := json.Unmarshal(out, &version); err != nil {
		return fmt.Errorf("context %s: the versions: %w", p.context, err)
	}
	p.server = version.ServerVersion.GitVersion
	if err := p.get(ctx, &p.set, "-n", p.Namespace, "statefulset", setName); err != nil {
		return fmt.Errorf("context %s has no gateways: %w\n`deploy/up.sh --contexts …` installs them; --namespace says where they are (%s)", p.context, err, p.Namespace)
	}
	if len(p.set.Spec.Template.Spec.Containers) == 0 {
		return fmt.Errorf("context %s: the StatefulSet %s has no container", p.context, setName)
	}
	if p.set.Spec.Replicas < 2 {
		return fmt.Errorf("context %s has %d gateway: with fewer than two, one that is replaced is missed\nTry `kubectl --context %s -n %s scale statefulset %s --replicas=2`",
			p.context, p.set.Spec.Replicas, p.context, p.Namespace, setName)
	}
	return p.readNodes(ctx)
}

// settled tells whether all gateways are ready and none is about to be replaced.
func (p *place) settled(ctx context.Context) error {
	var set statefulSet
	if err := p.get(ctx, &set, "-n", p.Namespace, "statefulset", setName); err != nil {
		return fmt.Errorf("context %s: %w", p.context, err)
	}
	want := int64(set.Spec.Replicas)
	switch {
	case set.Status.ReadyReplicas < want:
		return fmt.Errorf("context %s: %d of %d gateways are ready; `kubectl --context %s -n %s get pods` shows why", p.context, set.Status.ReadyReplicas, want, p.context, p.Namespace)
	case set.Status.ObservedGeneration < set.Metadata.Generation || set.Status.CurrentRevision != set.Status.UpdateRevision:
		return fmt.Errorf("context %s: the gateways are being replaced; `kubectl --context %s -n %s rollout status statefulset %s` waits for the end", p.context, p.context, p.Namespace, setName)
	}
	return nil
}

// readNodes says what the nodes run, alike ones together. Who may not list nodes only lacks that in the report.
func (p *place) readNodes(ctx context.Context) error {
	var list struct {
		Items []struct {
			Status struct {
				NodeInfo struct{ KubeletVersion, OSImage, ContainerRuntimeVersion string }
			}
		}
	}
	if err := p.get(ctx, &list, "nodes"); err != nil {
		p.nodes = []string{"unknown"}
		return ctx.Err()
	}
	count := make(map[string]int)
	for _, node := range list.Items {
		info := node.Status.NodeInfo
		count[fmt.Sprintf("%s, %s, %s", info.KubeletVersion, info.OSImage, info.ContainerRuntimeVersion)]++
	}
	p.nodes = nil
	for kind, n := range count {
		p.nodes = append(p.nodes, fmt.Sprintf("%d × %s", n, kind))
	}
	slices.Sort(p.nodes)
	return nil
}
