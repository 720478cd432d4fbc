package chart

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

var update = flag.Bool("update", false, "writes testdata anew")

// TestPodsAreRestricted evaluates every Pod the way the admission plugin does.
func TestPodsAreRestricted(t *testing.T) {
	for name, values := range installations {
		pod := statefulSet(t, render(t, gateways, values)).Spec.Template
		if pod.Spec.HostNetwork {
			require.ElementsMatch(t, []string{"host namespaces", "hostPort"}, withHostPorts(t, pod), "the host's network is all that is asked for: %s", name)
			continue
		}
		require.Empty(t, violations(t, pod), name)
	}
	rendered := render(t, samples, "{cluster: east, flat: true}")
	for _, deployment := range all[*appsv1.Deployment](rendered) {
		require.Empty(t, violations(t, deployment.Spec.Template), deployment.Name)
	}
	for _, set := range all[*appsv1.StatefulSet](rendered) {
		require.Empty(t, violations(t, set.Spec.Template), set.Name)
	}
}

// withHostPorts is violations for a Pod of the host's network, whose ports the API server copies to hostPort.
func withHostPorts(t *testing.T, pod corev1.PodTemplateSpec) []string {
	t.Helper()
	pod = *pod.DeepCopy()
	for i, port := range pod.Spec.Containers[0].Ports {
		pod.Spec.Containers[0].Ports[i].HostPort = port.ContainerPort
	}
	return violations(t, pod)
}

func violations(t *testing.T, pod corev1.PodTemplateSpec) []string {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	require.NoError(t, err)
	var reasons []string
	for _, result := range evaluator.EvaluatePod(api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}, &pod.ObjectMeta, &pod.Spec) {
		if !result.Allowed {
			reasons = append(reasons, result.ForbiddenReason)
		}
	}
	return reasons
}

// TestTheFileSystemIsReadOnly: Pod Security doesn't ask for it, and we do.
func TestTheFileSystemIsReadOnly(t *testing.T) {
	require.True(t, *container(t, render(t, gateways, "cluster: east")).SecurityContext.ReadOnlyRootFilesystem)
	for _, deployment := range all[*appsv1.Deployment](render(t, samples, "cluster: east")) {
		require.True(t, *deployment.Spec.Template.Spec.Containers[0].SecurityContext.ReadOnlyRootFilesystem)
		require.False(t, *deployment.Spec.Template.Spec.AutomountServiceAccountToken, "samples don't speak to the API")
	}
}

// TestPermissions holds the permissions as text, so that a wider one is seen in review.
func TestPermissions(t *testing.T) {
	for _, row := range []struct{ file, values string }{
		{"rbac.txt", "cluster: east"},
		{"rbac-mcs.txt", "{cluster: east, mcs: {enabled: true}}"},
	} {
		text := permissions(t, render(t, gateways, row.values))
		require.NotContains(t, text, "secrets")
		require.NotContains(t, text, "*")
		path := filepath.Join("testdata", row.file)
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o755))
			require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), text, "go test ./chart -update writes it anew")
	}
	require.Empty(t, permissions(t, render(t, gateways, installations["as little as can be"])))
}

func permissions(t *testing.T, rendered objects) string {
	t.Helper()
	var lines []string
	for _, binding := range all[*rbacv1.ClusterRoleBinding](rendered) {
		requireOurAccount(t, rendered, binding.Subjects)
		lines = append(lines, lined("cluster", get[*rbacv1.ClusterRole](t, rendered, "ClusterRole "+binding.RoleRef.Name).Rules)...)
	}
	for _, binding := range all[*rbacv1.RoleBinding](rendered) {
		requireOurAccount(t, rendered, binding.Subjects)
		role := get[*rbacv1.Role](t, rendered, "Role "+binding.RoleRef.Name)
		require.Equal(t, "grapevine", role.Namespace)
		lines = append(lines, lined("own namespace", role.Rules)...)
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func requireOurAccount(t *testing.T, rendered objects, subjects []rbacv1.Subject) {
	t.Helper()
	require.Len(t, subjects, 1)
	require.Equal(t, "grapevine", subjects[0].Namespace)
	require.Equal(t, statefulSet(t, rendered).Spec.Template.Spec.ServiceAccountName, subjects[0].Name)
	require.Contains(t, rendered, "ServiceAccount "+subjects[0].Name)
}

func lined(where string, rules []rbacv1.PolicyRule) []string {
	var lines []string
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				lines = append(lines, fmt.Sprintf("%-13s %-42s %s\n", where, strings.TrimSuffix(resource+"."+group, "."), strings.Join(rule.Verbs, " ")))
			}
		}
	}
	return lines
}
