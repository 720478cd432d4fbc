package chart

import (
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// TestSamples: what is exported, how, and that behind each Service there are Pods with its ports.
func TestSamples(t *testing.T) {
	rendered := render(t, samples, "{cluster: east, flat: true, replicas: 3}")
	exported := make(map[string]string)
	for _, service := range all[*corev1.Service](rendered) {
		exported[service.Name] = service.Labels["grapevine.dev/export"] + service.Annotations["grapevine.dev/reach"]
		template := templateOf(t, rendered, service.Name)
		require.True(t, labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(template.Labels)), service.Name)
		requirePorts(t, service, template.Spec.Containers[0])
		require.Contains(t, template.Spec.Containers[0].Args, "--answer=east $(POD_NAME) $(POD_IP)")
	}
	require.Equal(t, map[string]string{"frontend": "federated", "analytics": "mirrored", "api": "federatedflat", "db": "both", "echo": "federated"}, exported)
	require.Equal(t, corev1.ClusterIPNone, get[*corev1.Service](t, rendered, "Service db").Spec.ClusterIP)
	require.Contains(t, rendered, "Deployment client")
}

func templateOf(t *testing.T, rendered objects, name string) corev1.PodTemplateSpec {
	t.Helper()
	if set, stateful := rendered["StatefulSet "+name].(*appsv1.StatefulSet); stateful {
		require.Equal(t, name, set.Spec.ServiceName)
		return set.Spec.Template
	}
	return get[*appsv1.Deployment](t, rendered, "Deployment "+name).Spec.Template
}

func TestSamplesForSomeClusters(t *testing.T) {
	plain := render(t, samples, "cluster: east")
	require.NotContains(t, plain, "Service api", "without routes between Pods, a flat service is one that hangs")
	exporting := render(t, samples, "{cluster: east, mcs: true}")
	get[*mcs.ServiceExport](t, exporting, "ServiceExport frontend")
	require.NotContains(t, get[*corev1.Service](t, exporting, "Service frontend").Labels, "grapevine.dev/export", "exported once")
	_, err := runHelm(t, "{cluster: East}", "template", "samples", samples)
	require.ErrorContains(t, err, "at '/cluster'")
}
