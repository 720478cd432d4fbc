package kube

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	discoveryapply "k8s.io/client-go/applyconfigurations/discovery/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/grapevine-mesh/grapevine/integration/kube/testcluster"
)

// TestDerivedObjects holds what the importer takes for granted of the API server, on objects of the shape that it writes.
func TestDerivedObjects(t *testing.T) {
	c := testcluster.New(t)
	c.Namespace("grapevine")
	services, slices := c.Client().CoreV1().Services("grapevine"), c.Client().DiscoveryV1().EndpointSlices("grapevine")
	sibling := connect(t, c.Kubeconfig())

	t.Run("an equal apply, by whichever gateway, changes nothing", func(t *testing.T) {
		service, slice := applyDerived(t, c.Client(), "web", "10.1.0.1")
		again, sliceAgain := applyDerived(t, sibling, "web", "10.1.0.1")
		require.Equal(t, service.ResourceVersion, again.ResourceVersion)
		require.Equal(t, slice.ResourceVersion, sliceAgain.ResourceVersion)
		_, changed := applyDerived(t, sibling, "web", "10.1.0.2")
		require.NotEqual(t, slice.ResourceVersion, changed.ResourceVersion)
	})

	t.Run("the address stays through every change", func(t *testing.T) {
		service, _ := applyDerived(t, c.Client(), "api", "10.1.0.1")
		require.NotEmpty(t, service.Spec.ClusterIP)
		wider := derivedService("api")
		wider.Spec.WithPorts(coreapply.ServicePort().WithName("udp-53").WithPort(53).WithProtocol(corev1.ProtocolUDP))
		changed, err := services.Apply(t.Context(), wider, byGrapevine)
		require.NoError(t, err)
		require.Len(t, changed.Spec.Ports, 2)
		require.Equal(t, service.Spec.ClusterIPs, changed.Spec.ClusterIPs)
		narrow, err := services.Apply(t.Context(), derivedService("api"), byGrapevine)
		require.NoError(t, err)
		require.Len(t, narrow.Spec.Ports, 1, "a port that isn't applied any more goes")
		require.Equal(t, service.Spec.ClusterIPs, narrow.Spec.ClusterIPs)
	})

	t.Run("slices come before their Service, and the cluster's own controller leaves them", func(t *testing.T) {
		slice, err := slices.Apply(t.Context(), derivedSlice("early", "10.1.0.1"), byGrapevine)
		require.NoError(t, err)
		_, err = services.Apply(t.Context(), derivedService("early"), byGrapevine)
		require.NoError(t, err)
		theControllerIsThrough(t, c)
		found, err := slices.List(t.Context(), metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=early"})
		require.NoError(t, err)
		require.Len(t, found.Items, 1)
		require.Equal(t, slice.ResourceVersion, found.Items[0].ResourceVersion)
		require.NoError(t, services.Delete(t.Context(), "early", metav1.DeleteOptions{}))
		theControllerIsThrough(t, c)
		_, err = slices.Get(t.Context(), slice.Name, metav1.GetOptions{})
		require.NoError(t, err, "without an owner it stays when the Service goes")
	})

	t.Run("one request removes a gateway's slices, and no others", func(t *testing.T) {
		for _, name := range []string{"a", "b"} {
			_, err := slices.Apply(t.Context(), derivedSlice(name, "10.1.0.1"), byGrapevine)
			require.NoError(t, err)
		}
		other := derivedSlice("c", "10.1.0.2").WithLabels(map[string]string{gatewayLabel: "grapevine-1"})
		_, err := slices.Apply(t.Context(), other, byGrapevine)
		require.NoError(t, err)
		require.NoError(t, slices.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: gatewayLabel + "=grapevine-0"}))
		left, err := slices.List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		require.Len(t, left.Items, 1)
		require.Equal(t, "c-grapevine-0", left.Items[0].Name)
	})

	t.Run("what was made anew under the same name isn't deleted for what it replaced", func(t *testing.T) {
		former := types.UID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
		applyDerived(t, c.Client(), "anew", "10.1.0.1")
		err := services.Delete(t.Context(), "anew", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &former}})
		require.True(t, apierrors.IsConflict(err), "%v", err)
	})

	t.Run("what others set in our fields is ours again at the next apply, and their own fields stay", func(t *testing.T) {
		service, _ := applyDerived(t, c.Client(), "meddled", "10.1.0.1")
		service.Spec.Ports[0].Name, service.Annotations = "other", map[string]string{"example.com/note": "mine"}
		_, err := services.Update(t.Context(), service, metav1.UpdateOptions{FieldManager: "somebody"})
		require.NoError(t, err)
		mended, _ := applyDerived(t, c.Client(), "meddled", "10.1.0.1")
		require.Equal(t, "tcp-80", mended.Spec.Ports[0].Name)
		require.Equal(t, "mine", mended.Annotations["example.com/note"])
	})

	// Ports are told apart by number and protocol, so a renumbered one is another's, beside which ours has a name twice.
	t.Run("a port that others renumbered can't be applied back", func(t *testing.T) {
		service, _ := applyDerived(t, c.Client(), "renumbered", "10.1.0.1")
		service.Spec.Ports[0].Port = 81
		_, err := services.Update(t.Context(), service, metav1.UpdateOptions{FieldManager: "somebody"})
		require.NoError(t, err)
		_, err = services.Apply(t.Context(), derivedService("renumbered"), byGrapevine)
		require.True(t, apierrors.IsInvalid(err), "%v", err)
	})

	for addr, why := range map[string]string{"127.0.0.1": "loopback", "169.254.1.1": "link-local", "224.0.0.1": "multicast"} {
		t.Run("an endpoint can't be "+why, func(t *testing.T) {
			_, err := slices.Apply(t.Context(), derivedSlice("odd", addr), byGrapevine)
			require.True(t, apierrors.IsInvalid(err), "%v", err)
		})
	}
}

const gatewayLabel = "grapevine.dev/gateway"

var byGrapevine = metav1.ApplyOptions{FieldManager: "grapevine", Force: true}

func applyDerived(t *testing.T, client kubernetes.Interface, name, addr string) (*corev1.Service, *discoveryv1.EndpointSlice) {
	t.Helper()
	slice, err := client.DiscoveryV1().EndpointSlices("grapevine").Apply(t.Context(), derivedSlice(name, addr), byGrapevine)
	require.NoError(t, err)
	service, err := client.CoreV1().Services("grapevine").Apply(t.Context(), derivedService(name), byGrapevine)
	require.NoError(t, err)
	return service, slice
}

func derivedService(name string) *coreapply.ServiceApplyConfiguration {
	return coreapply.Service(name, "grapevine").
		WithLabels(map[string]string{"app.kubernetes.io/managed-by": "grapevine"}).
		WithSpec(coreapply.ServiceSpec().WithIPFamilyPolicy(corev1.IPFamilyPolicyPreferDualStack).
			WithPorts(coreapply.ServicePort().WithName("tcp-80").WithPort(80).WithProtocol(corev1.ProtocolTCP)))
}

func derivedSlice(service, addr string) *discoveryapply.EndpointSliceApplyConfiguration {
	return discoveryapply.EndpointSlice(service+"-grapevine-0", "grapevine").
		WithLabels(map[string]string{
			discoveryv1.LabelServiceName: service, discoveryv1.LabelManagedBy: "grapevine.dev", gatewayLabel: "grapevine-0",
		}).
		WithAddressType(discoveryv1.AddressTypeIPv4).
		WithEndpoints(discoveryapply.Endpoint().WithAddresses(addr).WithConditions(discoveryapply.EndpointConditions().WithReady(true))).
		WithPorts(discoveryapply.EndpointPort().WithName("tcp-80").WithPort(10007).WithProtocol(corev1.ProtocolTCP))
}

// theControllerIsThrough waits until the controller of slices has seen everything that was done so far: it has dealt with
// something that was done later.
func theControllerIsThrough(t *testing.T, c *testcluster.Cluster) {
	t.Helper()
	marker, err := c.Client().CoreV1().Services("default").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "marker-"},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "marker"}, Ports: service("").Spec.Ports},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	c.Run(testcluster.Pod{
		Namespace: "default", Name: marker.Name, Labels: map[string]string{"app": "marker"}, Addrs: []netip.Addr{netip.MustParseAddr("10.1.0.9")},
	})
	eventually(t, func() bool { return len(endpoints(t, c, "default", marker.Name)) > 0 }, "the marker's slices")
}
