package stubzone

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/grapevine-mesh/grapevine/registry/kube"
)

const plainCorefile = ".:53 {\n    errors\n    reload\n}\n"

func deployment(name, image string) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: name}}
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: name, Image: image}}
	return d
}

// apiServer is an API server that holds some objects.
func apiServer(objects ...runtime.Object) (*kube.Client, *fake.Clientset) {
	core := fake.NewClientset(objects...)
	return &kube.Client{Core: core}, core
}

func coreDNSObjects() []runtime.Object {
	found := holding(coreDNSName, corefileKey, plainCorefile)
	return []runtime.Object{found.ConfigMaps[coreDNSName], deployment(coreDNSName, "registry.k8s.io/coredns/coredns:v1.12.1")}
}

func read(t *testing.T, client *kube.Client, name string) *corev1.ConfigMap {
	object, err := client.Core.CoreV1().ConfigMaps(systemNamespace).Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	return object
}

// TestApplyAndRemove writes once, and takes out what it wrote.
func TestApplyAndRemove(t *testing.T) {
	client, core := apiServer(coreDNSObjects()...)
	preview, err := Preview(t.Context(), client, wanted)
	require.NoError(t, err)
	require.Equal(t, plainCorefile, read(t, client, coreDNSName).Data[corefileKey], "a preview writes nothing")

	plan, err := Apply(t.Context(), client, wanted)
	require.NoError(t, err)
	require.Equal(t, preview, plan)
	require.True(t, plan.Restart)
	require.Contains(t, read(t, client, coreDNSName).Data[corefileKey], "forward . 10.96.1.5 {")

	core.ClearActions()
	plan, err = Apply(t.Context(), client, wanted)
	require.NoError(t, err)
	require.Empty(t, plan.Changes)
	for _, action := range core.Actions() {
		require.Contains(t, []string{"get", "list"}, action.GetVerb(), "applied again it only reads")
	}

	plan, err = Apply(t.Context(), client, Options{Remove: true})
	require.NoError(t, err)
	require.Len(t, plan.Changes, 1)
	require.Equal(t, plainCorefile, read(t, client, coreDNSName).Data[corefileKey])
}

// TestWhatWasCreatedIsDeleted, and not before it is empty.
func TestWhatWasCreatedIsDeleted(t *testing.T) {
	objects := coreDNSObjects()
	objects[0].(*corev1.ConfigMap).Data[corefileKey] += "import custom/*.server\n"
	client, _ := apiServer(objects...)
	_, err := Apply(t.Context(), client, wanted)
	require.NoError(t, err)
	created := read(t, client, customName)
	created.Data["corp.server"] = "corp.example {\n}\n"
	_, err = client.Core.CoreV1().ConfigMaps(systemNamespace).Update(t.Context(), created, metav1.UpdateOptions{})
	require.NoError(t, err)

	_, err = Apply(t.Context(), client, Options{Remove: true})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"corp.server": "corp.example {\n}\n"}, read(t, client, customName).Data)

	shared := read(t, client, customName)
	delete(shared.Data, "corp.server")
	_, err = client.Core.CoreV1().ConfigMaps(systemNamespace).Update(t.Context(), shared, metav1.UpdateOptions{})
	require.NoError(t, err)
	_, err = Apply(t.Context(), client, wanted)
	require.NoError(t, err)
	_, err = Apply(t.Context(), client, Options{Remove: true})
	require.NoError(t, err)
	_, err = client.Core.CoreV1().ConfigMaps(systemNamespace).Get(t.Context(), customName, metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err))
}

// TestNothingOfOthersIsLost lets somebody write between our read and our write.
func TestNothingOfOthersIsLost(t *testing.T) {
	client, core := apiServer(coreDNSObjects()...)
	refusals := 0
	core.PrependReactor("update", "configmaps", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if refusals > 0 {
			return false, nil, nil
		}
		refusals++
		configMaps := corev1.SchemeGroupVersion.WithResource("configmaps")
		object, err := core.Tracker().Get(configMaps, systemNamespace, coreDNSName)
		require.NoError(t, err)
		theirs := object.(*corev1.ConfigMap).DeepCopy()
		theirs.Data[corefileKey] += "corp.example {\n}\n"
		require.NoError(t, core.Tracker().Update(configMaps, theirs, systemNamespace))
		return true, nil, apierrors.NewConflict(schema.GroupResource{Resource: "configmaps"}, coreDNSName, errors.New("the object has been modified"))
	})
	plan, err := Apply(t.Context(), client, wanted)
	require.NoError(t, err)
	require.Len(t, plan.Changes, 1)
	text := read(t, client, coreDNSName).Data[corefileKey]
	require.Contains(t, text, "corp.example {")
	require.Contains(t, text, "federated:53")
}

// TestApplyGivesUp where others write all the time, or where it may not write.
func TestApplyGivesUp(t *testing.T) {
	for want, refusal := range map[string]error{
		"given up after 5 attempts":       apierrors.NewConflict(schema.GroupResource{Resource: "configmaps"}, coreDNSName, errors.New("modified")),
		"configmap kube-system/coredns: ": apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, coreDNSName, errors.New("no")),
	} {
		client, core := apiServer(coreDNSObjects()...)
		core.PrependReactor("update", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, refusal })
		_, err := Apply(t.Context(), client, wanted)
		require.ErrorContains(t, err, want)
	}
	client, core := apiServer(coreDNSObjects()...)
	core.PrependReactor("get", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, coreDNSName, errors.New("no"))
	})
	_, err := Preview(t.Context(), client, wanted)
	require.ErrorContains(t, err, "configmap kube-system/coredns", "what may not be read isn't missing")
}

// TestServers finds the gateways' name servers, in the order of their names.
func TestServers(t *testing.T) {
	service := func(name, role, ip string) *corev1.Service {
		return &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "grapevine", Name: name, Labels: map[string]string{"grapevine.dev/role": role}},
			Spec:       corev1.ServiceSpec{ClusterIP: ip},
		}
	}
	client, _ := apiServer(service("grapevine-dns-1", "dns", "10.96.1.6"), service("grapevine-dns-0", "dns", "10.96.1.5"),
		service("grapevine-dns", "dns", "None"), service("grapevine-0", "mesh", "10.96.1.7"))
	servers, err := Servers(t.Context(), client, "grapevine")
	require.NoError(t, err)
	require.Equal(t, []netip.AddrPort{netip.MustParseAddrPort("10.96.1.5:53"), netip.MustParseAddrPort("10.96.1.6:53")}, servers)
	_, err = Servers(t.Context(), client, "elsewhere")
	require.ErrorContains(t, err, "namespace elsewhere has no Service labelled grapevine.dev/role=dns; install Grapevine first")
}

// TestRestart does what `kubectl rollout restart` does.
func TestRestart(t *testing.T) {
	client, core := apiServer(coreDNSObjects()...)
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	require.NoError(t, Restart(t.Context(), client, now))
	d, err := core.AppsV1().Deployments(systemNamespace).Get(t.Context(), coreDNSName, metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, "2030-01-02T03:04:05Z", d.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"])
	require.Len(t, d.Spec.Template.Spec.Containers, 1)
	client, _ = apiServer()
	require.ErrorContains(t, Restart(t.Context(), client, now), "deployment kube-system/coredns")
}
