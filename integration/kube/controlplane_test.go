package kube

import (
	"maps"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/grapevine-mesh/grapevine/integration/kube/testcluster"
)

// TestRestarts holds that nothing is lost by a stop, nor by a sudden death in the middle of work, and that tokens and
// certificates go on being good.
func TestRestarts(t *testing.T) {
	c := testcluster.New(t)
	c.Namespace("shop")
	account := connect(t, c.ServiceAccount("shop", "reader"))
	allow(c, "shop", "reader", "get", "", "services")

	for _, end := range []func(){c.Stop, c.Kill} {
		create(t, c, "shop", service("web"))
		end()
		_, err := account.CoreV1().Services("shop").Get(t.Context(), "web", metav1.GetOptions{})
		require.Error(t, err)
		c.Start()
		_, err = account.CoreV1().Services("shop").Get(t.Context(), "web", metav1.GetOptions{})
		require.NoError(t, err)
		remove(t, c, "shop", "web")
	}
}

// TestFreeze holds that a frozen API server leaves its clients waiting, and answers them after.
func TestFreeze(t *testing.T) {
	c := testcluster.New(t)
	c.Freeze()
	answered := make(chan error)
	go func() {
		_, err := c.Client().CoreV1().Services("default").List(t.Context(), metav1.ListOptions{})
		answered <- err
	}()
	select {
	case err := <-answered:
		require.Fail(t, "answered", "%v", err)
	default:
	}
	c.Thaw()
	require.NoError(t, <-answered)
}

// TestRestore holds that a snapshot brings back the state and the resource versions of its moment.
func TestRestore(t *testing.T) {
	c := testcluster.New(t)
	before := create(t, c, "default", service("before"))
	snapshot := c.Snapshot()
	after := create(t, c, "default", service("after"))

	c.Restore(snapshot)
	services := c.Client().CoreV1().Services("default")
	found, err := services.Get(t.Context(), "before", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, before.ResourceVersion, found.ResourceVersion)
	_, err = services.Get(t.Context(), "after", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "%v", err)
	list, err := services.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	t.Logf("resource version %s of what is lost, %s of the present", after.ResourceVersion, list.ResourceVersion)
}

// TestAudit holds that rights are RBAC's, and that what was asked for is recorded whether it was granted or not.
func TestAudit(t *testing.T) {
	c := testcluster.New(t)
	c.Namespace("shop")
	account := connect(t, c.ServiceAccount("shop", "reader"))
	_, err := account.CoreV1().Services("").List(t.Context(), metav1.ListOptions{})
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	allow(c, "shop", "reader", "list", "", "services")
	_, err = account.CoreV1().Services("").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	_, err = account.CoreV1().Services("shop").Create(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}}, metav1.CreateOptions{})
	require.True(t, apierrors.IsForbidden(err), "%v", err)

	const user = "system:serviceaccount:shop:reader"
	list := testcluster.Access{Verb: "list", Resource: "services"}
	create := testcluster.Access{Verb: "create", Resource: "services", Namespace: "shop"}
	require.Equal(t, []testcluster.Request{
		{User: user, Access: list, Code: 403},
		{User: user, Access: list, Code: 200},
		{User: user, Access: create, Code: 403},
	}, of(c.Audit(), user))
}

// TestPodsMakeSlices holds that the stand-ins for Pods are real to the controllers: slices for each family follow them.
func TestPodsMakeSlices(t *testing.T) {
	c := testcluster.New(t)
	c.Namespace("shop")
	dual := corev1.IPFamilyPolicyRequireDualStack
	web := service("web")
	web.Spec.IPFamilyPolicy, web.Spec.Selector = &dual, map[string]string{"app": "web"}
	web.Spec.Ports[0].TargetPort = intstr.FromString("main")
	require.Len(t, create(t, c, "shop", web).Spec.ClusterIPs, 2)
	require.Empty(t, endpoints(t, c, "shop", "web"))

	c.Run(testcluster.Pod{
		Namespace: "shop", Name: "web-0", Labels: map[string]string{"app": "web"},
		Addrs: []netip.Addr{netip.MustParseAddr("10.1.0.1"), netip.MustParseAddr("fd01::1")},
		Ports: []corev1.ContainerPort{{Name: "main", ContainerPort: 8080}},
	})
	ready := map[string]bool{"10.1.0.1:8080": true, "[fd01::1]:8080": true}
	eventually(t, func() bool { return maps.Equal(ready, endpoints(t, c, "shop", "web")) }, "ready endpoints of both families")
	c.SetReady("shop", "web-0", false)
	unready := map[string]bool{"10.1.0.1:8080": false, "[fd01::1]:8080": false}
	eventually(t, func() bool { return maps.Equal(unready, endpoints(t, c, "shop", "web")) }, "the endpoints are no longer ready")
	require.NoError(t, c.Client().CoreV1().Pods("shop").Delete(t.Context(), "web-0", metav1.DeleteOptions{}))
	eventually(t, func() bool { return len(endpoints(t, c, "shop", "web")) == 0 }, "the endpoints are gone")
	require.NoError(t, c.Client().CoreV1().Namespaces().Delete(t.Context(), "shop", metav1.DeleteOptions{}))
	eventually(t, func() bool {
		_, err := c.Client().CoreV1().Namespaces().Get(t.Context(), "shop", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	}, "the namespace is gone")
}
