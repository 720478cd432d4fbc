package kube

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/grapevine-mesh/grapevine/integration/kube/testcluster"
)

// limit is how long a test waits for what must happen. Nothing takes a tenth of it; the machine may be busy.
const limit = time.Minute

func eventually(t *testing.T, condition func() bool, what string, args ...any) {
	t.Helper()
	for deadline := time.Now().Add(limit); !condition(); time.Sleep(20 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "not within %s: %s", limit, fmt.Sprintf(what, args...))
	}
}

func create(t *testing.T, c *testcluster.Cluster, namespace string, service *corev1.Service) *corev1.Service {
	t.Helper()
	made, err := c.Client().CoreV1().Services(namespace).Create(t.Context(), service, metav1.CreateOptions{})
	require.NoError(t, err)
	return made
}

func remove(t *testing.T, c *testcluster.Cluster, namespace, name string) {
	t.Helper()
	require.NoError(t, c.Client().CoreV1().Services(namespace).Delete(t.Context(), name, metav1.DeleteOptions{}))
}

// service is one that selects nothing.
func service(name string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
	}
}

// allow lets a service account of a namespace do one thing everywhere.
func allow(c *testcluster.Cluster, namespace, account, verb, group, resource string) {
	c.Apply(fmt.Appendf(nil, `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: %[1]s}
rules: [{verbs: [%[3]q], apiGroups: [%[4]q], resources: [%[5]q]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: %[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %[1]s}
subjects: [{kind: ServiceAccount, namespace: %[2]s, name: %[1]s}]
`, account, namespace, verb, group, resource))
}

// of returns the requests of one user.
func of(requests []testcluster.Request, user string) []testcluster.Request {
	return slices.DeleteFunc(requests, func(r testcluster.Request) bool { return r.User != user })
}

// endpoints returns the addresses in a Service's slices, each with whether it is ready.
func endpoints(t *testing.T, c *testcluster.Cluster, namespace, service string) map[string]bool {
	t.Helper()
	slices, err := c.Client().DiscoveryV1().EndpointSlices(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=" + service})
	require.NoError(t, err)
	found := make(map[string]bool)
	for _, slice := range slices.Items {
		for _, port := range slice.Ports {
			for _, endpoint := range slice.Endpoints {
				addr := netip.MustParseAddr(endpoint.Addresses[0])
				found[netip.AddrPortFrom(addr, uint16(*port.Port)).String()] = *endpoint.Conditions.Ready
			}
		}
	}
	return found
}

func connect(t *testing.T, kubeconfig string) kubernetes.Interface {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	require.NoError(t, err)
	client, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	return client
}
