package testcluster

import (
	"net/netip"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// node is where all Pods are said to run. Without a node the controller of slices passes a Pod over.
const node = "node"

// Pod is a Pod that nothing runs: its status says what the test wants it to say.
type Pod struct {
	Namespace, Name string
	Labels          map[string]string
	Addrs           []netip.Addr
	Ports           []corev1.ContainerPort
	Hostname        string // with Subdomain, for a headless Service of this name
	Subdomain       string
}

func (c *Cluster) addNode() {
	c.t.Helper()
	_, err := c.client.CoreV1().Nodes().Create(c.t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node}}, metav1.CreateOptions{})
	require.NoError(c.t, err)
}

// Namespace makes a namespace and waits until Pods can be made in it.
func (c *Cluster) Namespace(name string) {
	c.t.Helper()
	_, err := c.client.CoreV1().Namespaces().Create(c.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	require.NoError(c.t, err)
	c.eventually("a service account in "+name, func() error {
		_, err := c.client.CoreV1().ServiceAccounts(name).Get(c.t.Context(), "default", metav1.GetOptions{})
		return err
	})
}

// Run makes a Pod that is running and ready.
func (c *Cluster) Run(p Pod) {
	c.t.Helper()
	none := int64(0) // no kubelet will ever say that it has stopped
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name, Labels: p.Labels},
		Spec: corev1.PodSpec{
			NodeName: node, Hostname: p.Hostname, Subdomain: p.Subdomain, TerminationGracePeriodSeconds: &none,
			Containers: []corev1.Container{{Name: "main", Image: "none", Ports: p.Ports}},
		},
	}
	pods := c.client.CoreV1().Pods(p.Namespace)
	made, err := pods.Create(c.t.Context(), pod, metav1.CreateOptions{})
	require.NoError(c.t, err)
	made.Status.Phase = corev1.PodRunning
	for _, addr := range p.Addrs {
		made.Status.PodIPs = append(made.Status.PodIPs, corev1.PodIP{IP: addr.String()})
	}
	made.Status.PodIP = made.Status.PodIPs[0].IP
	made.Status.Conditions = []corev1.PodCondition{readiness(true)}
	_, err = pods.UpdateStatus(c.t.Context(), made, metav1.UpdateOptions{})
	require.NoError(c.t, err)
}

// SetReady says of a Pod whether it is ready.
func (c *Cluster) SetReady(namespace, name string, ready bool) {
	c.t.Helper()
	pods := c.client.CoreV1().Pods(namespace)
	pod, err := pods.Get(c.t.Context(), name, metav1.GetOptions{})
	require.NoError(c.t, err)
	pod.Status.Conditions = []corev1.PodCondition{readiness(ready)}
	_, err = pods.UpdateStatus(c.t.Context(), pod, metav1.UpdateOptions{})
	require.NoError(c.t, err)
}

func readiness(ready bool) corev1.PodCondition {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	return corev1.PodCondition{Type: corev1.PodReady, Status: status}
}
