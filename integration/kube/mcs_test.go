package kube

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
	mcs "sigs.k8s.io/mcs-api/pkg/client/clientset/versioned"

	"github.com/grapevine-mesh/grapevine/integration/kube/testcluster"
)

// TestMCSObjects holds what is taken for granted of the Multi-Cluster Services API's own resources, as their module ships
// them: that they can be applied as Kubernetes' own can, and that both versions show the same object.
func TestMCSObjects(t *testing.T) {
	c := testcluster.New(t)
	c.InstallMCS()
	client, err := mcs.NewForConfig(c.Config())
	require.NoError(t, err)
	imports, exports := client.MulticlusterV1beta1().ServiceImports("default"), client.MulticlusterV1beta1().ServiceExports("default")
	applied := metav1.PatchOptions{FieldManager: "grapevine-mcs", Force: new(true)}

	t.Run("an import and its status are applied apart, and an equal apply changes nothing", func(t *testing.T) {
		spec := object("ServiceImport", "web", map[string]any{
			"spec": map[string]any{
				"type": "ClusterSetIP", "ips": []string{"10.96.0.9", "fd00:96::9"}, "ipFamilies": []string{"IPv4", "IPv6"},
				"ports": []any{map[string]any{"name": "http", "protocol": "TCP", "port": 80}},
			},
		})
		status := object("ServiceImport", "web", map[string]any{"status": map[string]any{
			"endpointSliceObjects": "Present", "clusters": []any{map[string]any{"cluster": "east"}},
		}})
		made, err := imports.Patch(t.Context(), "web", types.ApplyPatchType, encode(t, spec), applied)
		require.NoError(t, err)
		require.Empty(t, made.Status.Clusters)
		made, err = imports.Patch(t.Context(), "web", types.ApplyPatchType, encode(t, status), applied, "status")
		require.NoError(t, err)
		require.Equal(t, []v1beta1.ClusterStatus{{Cluster: "east"}}, made.Status.Clusters)
		require.EqualValues(t, "Present", made.Status.EndpointSliceObjects)

		again, err := imports.Patch(t.Context(), "web", types.ApplyPatchType, encode(t, spec), applied)
		require.NoError(t, err)
		require.Equal(t, made.ResourceVersion, again.ResourceVersion)
		require.Equal(t, made.Status, again.Status)
		again, err = imports.Patch(t.Context(), "web", types.ApplyPatchType, encode(t, status), applied, "status")
		require.NoError(t, err)
		require.Equal(t, made.ResourceVersion, again.ResourceVersion)

		older, err := client.MulticlusterV1alpha1().ServiceImports("default").Get(t.Context(), "web", metav1.GetOptions{})
		require.NoError(t, err)
		require.Equal(t, made.Spec.IPs, older.Spec.IPs)
	})

	t.Run("conditions of one kind are ours, and others' beside them stay", func(t *testing.T) {
		export := &v1beta1.ServiceExport{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
		made, err := exports.Create(t.Context(), export, metav1.CreateOptions{})
		require.NoError(t, err)
		made.Status.Conditions = []metav1.Condition{{Type: "example.com/Seen", Status: metav1.ConditionTrue, Reason: "Seen", LastTransitionTime: metav1.Now()}}
		_, err = exports.UpdateStatus(t.Context(), made, metav1.UpdateOptions{FieldManager: "somebody"})
		require.NoError(t, err)

		valid := object("ServiceExport", "web", map[string]any{"status": map[string]any{"conditions": []any{map[string]any{
			"type": "Valid", "status": "True", "reason": "Valid", "message": "", "lastTransitionTime": "2026-01-02T03:04:05Z",
		}}}})
		first, err := exports.Patch(t.Context(), "web", types.ApplyPatchType, encode(t, valid), applied, "status")
		require.NoError(t, err)
		require.Len(t, first.Status.Conditions, 2)
		again, err := exports.Patch(t.Context(), "web", types.ApplyPatchType, encode(t, valid), applied, "status")
		require.NoError(t, err)
		require.Equal(t, first.ResourceVersion, again.ResourceVersion)
	})

	t.Run("what isn't of the API's shape is refused", func(t *testing.T) {
		for _, spec := range []map[string]any{
			{"type": "ClusterSetIP", "ips": []string{"10.96.0.9", "10.96.0.8", "10.96.0.7"}, "ports": []any{}},
			{"type": "Anycast", "ports": []any{}},
		} {
			_, err := imports.Patch(t.Context(), "odd", types.ApplyPatchType, encode(t, object("ServiceImport", "odd", map[string]any{"spec": spec})), applied)
			require.ErrorContains(t, err, "spec.")
		}
	})

	t.Run("the objects outlive a restart", func(t *testing.T) {
		c.Kill()
		c.Start()
		_, err := imports.Get(t.Context(), "web", metav1.GetOptions{})
		require.NoError(t, err)
	})
}

func object(kind, name string, content map[string]any) map[string]any {
	content["apiVersion"], content["kind"] = v1beta1.GroupVersion.String(), kind
	content["metadata"] = map[string]any{"name": name}
	return content
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	data, err := json.Marshal(value)
	require.NoError(t, err)
	return data
}
