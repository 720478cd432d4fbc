package contexts

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// proberName is the name of the prober's Pod. It stands in Grapevine's namespace, which can pull the image.
const proberName = "grapevine-chaos-prober"

// nobody is the user that the prober runs as where the gateways name none.
const nobody = 65532

// maxAge ends a prober that was left behind by somebody who had no time to remove it.
const maxAge = 12 * time.Hour

// manifest is the prober's Pod: the image of the gateways, under Pod Security "restricted". It has no limit on its CPU, because
// a prober that is throttled measures itself.
func (p *place) manifest() []byte {
	gateway := p.set.gateway()
	run := map[string]any{
		"name": "prober", "image": gateway.Image, "imagePullPolicy": gateway.ImagePullPolicy,
		"args":      p.proberArgs(),
		"resources": map[string]any{"requests": map[string]string{"cpu": "50m", "memory": "64Mi"}},
		"securityContext": map[string]any{
			"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": map[string]any{"drop": []string{"ALL"}},
		},
	}
	if len(gateway.Command) > 0 {
		run["command"] = gateway.Command[:1]
	}
	pod := map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": proberName, "namespace": p.Namespace, "labels": map[string]string{"app.kubernetes.io/name": proberName}},
		"spec": map[string]any{
			"containers":       []any{run},
			"imagePullSecrets": p.set.Spec.Template.Spec.ImagePullSecrets,
			"securityContext": map[string]any{
				"runAsNonRoot": true, "runAsUser": p.user(), "seccompProfile": map[string]string{"type": "RuntimeDefault"},
			},
			"automountServiceAccountToken": false, "enableServiceLinks": false,
			"terminationGracePeriodSeconds": 1, "activeDeadlineSeconds": int(maxAge.Seconds()),
		},
	}
	encoded, err := json.Marshal(pod)
	if err != nil {
		panic(err) // strings and numbers
	}
	return encoded
}

func (p *place) proberArgs() []string {
	return append(strings.Fields(ProberCommand), "--name", p.Name(), "--port", strconv.Itoa(int(p.Port)), "--rate", strconv.Itoa(p.Rate),
		"--listen", fmt.Sprintf("127.0.0.1:%d", proberPort))
}

func (p *place) user() int64 {
	for _, user := range []*int64{p.set.gateway().SecurityContext.RunAsUser, p.set.Spec.Template.Spec.SecurityContext.RunAsUser} {
		if user != nil && *user > 0 {
			return *user
		}
	}
	return nobody
}

// podView names what is needed of a Pod.
type podView struct {
	Metadata struct {
		Name, UID         string
		DeletionTimestamp string
	}
	Status struct {
		Phase             string
		Reason, Message   string
		ContainerStatuses []struct {
			Ready        bool
			RestartCount int
			State        struct {
				Waiting struct{ Reason, Message string }
			}
		}
	}
}

// ensureProber makes the prober's Pod be there; one that has ended makes room for another.
func (p *place) ensureProber(ctx context.Context) error {
	there, alive, err := p.findProber(ctx)
	if err != nil {
		return err
	}
	if there && !alive {
		if err := p.removeProber(ctx, "--wait=true", "--timeout=15s"); err != nil {
			return err
		}
	}
	if _, err := p.run(ctx, p.manifest(), "apply", "-f", "-"); err != nil {
		return fmt.Errorf("context %s: the prober's Pod: %w", p.context, err)
	}
	return nil
}

// findProber tells whether there is a prober's Pod, and whether it runs, or is about to.
func (p *place) findProber(ctx context.Context) (there, alive bool, err error) {
	out, err := p.run(ctx, nil, "-n", p.Namespace, "get", "pod", proberName, "--ignore-not-found", "-o", "jsonpath={.status.phase},{.metadata.deletionTimestamp}")
	phase, deleted, _ := strings.Cut(string(out), ",")
	return len(out) > 0, deleted == "" && (phase == "Running" || phase == "Pending"), err
}

func (p *place) removeProber(ctx context.Context, wait ...string) error {
	_, err := p.run(ctx, nil, append([]string{"-n", p.Namespace, "delete", "pod", proberName, "--ignore-not-found", "--now"}, wait...)...)
	return err
}

// strangers refuses a place in which somebody else's prober runs: two experiments would measure one another.
func (p *place) strangers(ctx context.Context) error {
	_, alive, err := p.findProber(ctx)
	if err != nil {
		return err
	}
	if alive {
		return fmt.Errorf("context %s: another experiment runs there, or left its prober behind\nWhere you know of none, try `kubectl --context %s -n %s delete pod %s`", p.context, p.context, p.Namespace, proberName)
	}
	return nil
}

// whyNot says why the prober's Pod doesn't run; nothing where it does.
func (p *place) whyNot(ctx context.Context) string {
	var pod podView
	if err := p.get(ctx, &pod, "-n", p.Namespace, "pod", proberName); err != nil {
		return err.Error()
	}
	for _, c := range pod.Status.ContainerStatuses {
		if waiting := c.State.Waiting; waiting.Reason != "" {
			return strings.TrimSpace(waiting.Reason + ": " + waiting.Message)
		}
	}
	if pod.Status.Phase != "Running" {
		return strings.TrimSpace(pod.Status.Phase + " " + pod.Status.Reason + " " + pod.Status.Message)
	}
	return ""
}
