package stubzone

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// roleSelector finds the Services of the gateways' name servers: one for each gateway.
const roleSelector = kube.LabelRole + "=" + kube.RoleDNS

// Servers returns the addresses of the gateways' name servers in Grapevine's namespace.
func Servers(ctx context.Context, client *kube.Client, namespace string) ([]netip.AddrPort, error) {
	services, err := client.Core.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{LabelSelector: roleSelector})
	if err != nil {
		return nil, fmt.Errorf("services labelled %s: %w", roleSelector, err)
	}
	slices.SortFunc(services.Items, func(a, b corev1.Service) int { return strings.Compare(a.Name, b.Name) })
	var servers []netip.AddrPort
	for _, service := range services.Items {
		if addr, err := netip.ParseAddr(service.Spec.ClusterIP); err == nil {
			servers = append(servers, netip.AddrPortFrom(addr, dnsPort))
		}
	}
	if len(servers) == 0 {
		return nil, fmt.Errorf("namespace %s has no Service labelled %s; install Grapevine first, or say where its DNS is, such as --to 10.96.1.5,10.96.1.6", namespace, roleSelector)
	}
	return servers, nil
}

// Preview decides what would be done.
func Preview(ctx context.Context, client *kube.Client, o Options) (Plan, error) {
	found, err := Look(ctx, client.Core)
	if err != nil {
		return Plan{}, err
	}
	return Decide(found, o)
}

// attempts bounds how often somebody else may be quicker.
const attempts = 5

// Apply does what is to be done, and returns it. Each object is written as it was read and changed, or not at all: where
// somebody else wrote it in between, all is read and decided again.
func Apply(ctx context.Context, client *kube.Client, o Options) (Plan, error) {
	var done []Change
	for range attempts {
		plan, err := Preview(ctx, client, o)
		if err != nil {
			return plan, err
		}
		var written []Change
		if written, err = write(ctx, client, plan.Changes); err == nil {
			plan.Changes = append(done, written...)
			return plan, nil
		}
		done = append(done, written...)
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) && !apierrors.IsNotFound(err) {
			return plan, err
		}
	}
	return Plan{}, fmt.Errorf("somebody else keeps changing what is to be changed: given up after %d attempts", attempts)
}

// write returns what it has written, which is all of it unless it fails.
func write(ctx context.Context, client *kube.Client, changes []Change) ([]Change, error) {
	for i, change := range changes {
		var err error
		configMaps := client.Core.CoreV1().ConfigMaps(systemNamespace)
		switch change.Action() {
		case "create":
			_, err = configMaps.Create(ctx, change.After, metav1.CreateOptions{})
		case "update":
			_, err = configMaps.Update(ctx, change.After, metav1.UpdateOptions{})
		case "delete":
			err = configMaps.Delete(ctx, change.Former.Name, metav1.DeleteOptions{
				Preconditions: &metav1.Preconditions{UID: &change.Former.UID, ResourceVersion: &change.Former.ResourceVersion},
			})
		}
		if err != nil {
			return changes[:i], fmt.Errorf("%s: %w", change.Name(), err)
		}
	}
	return changes, nil
}

// Restart starts CoreDNS's Pods anew, a few at a time, as `kubectl rollout restart` does.
func Restart(ctx context.Context, client *kube.Client, now time.Time) error {
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{
		"annotations": map[string]string{"kubectl.kubernetes.io/restartedAt": now.Format(time.RFC3339)},
	}}}})
	if err != nil {
		return err
	}
	_, err = client.Core.AppsV1().Deployments(systemNamespace).Patch(ctx, coreDNSName, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("deployment %s/%s: %w", systemNamespace, coreDNSName, err)
	}
	return nil
}
