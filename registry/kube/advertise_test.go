package kube

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAdvertise(t *testing.T) {
	const mesh = `ports: [{name: dns, port: 53, protocol: UDP}, {name: mesh, port: 7946, protocol: UDP, nodePort: 30946}]`
	for _, c := range []struct {
		what    string
		service string // empty: there is none
		want    string // addresses, or the error
	}{
		{"no Service: the Pod is in its node's network", ``, "192.0.2.7:7000"},
		{"a load balancer", `{spec: {type: LoadBalancer, ` + mesh + `}, status: {loadBalancer: {ingress: [{ip: 203.0.113.7}]}}}`, "203.0.113.7:7946"},
		{"one with names and both families", `{spec: {type: LoadBalancer, ` + mesh + `}, status: {loadBalancer: {ingress: [{ip: 203.0.113.7}, {ip: "2001:db8::7"}, {hostname: gw.example.com}]}}}`,
			"203.0.113.7:7946 [2001:db8::7]:7946 gw.example.com:7946"},
		{"one that isn't there yet", `{metadata: {namespace: grapevine, name: grapevine-0}, spec: {type: LoadBalancer, ` + mesh + `}}`,
			"kubernetes: the load balancer of Service grapevine/grapevine-0 has no address yet"},
		{"a node port", `{spec: {type: NodePort, ` + mesh + `}}`, "192.0.2.7:30946"},
		{"one that isn't allocated yet", `{metadata: {namespace: a, name: b}, spec: {type: NodePort, ports: [{name: mesh, port: 7946, protocol: UDP}]}}`, "kubernetes: Service a/b has no node port yet"},
		{"a Service for inside", `{spec: {type: ClusterIP, clusterIP: None}}`, "192.0.2.7:7000"},
		{"no such port", `{metadata: {namespace: a, name: b}, spec: {type: NodePort, ports: [{name: mesh, port: 7946}]}}`,
			"kubernetes: Service a/b has no UDP port named mesh, such as {name: mesh, port: 7946, protocol: UDP}"},
	} {
		var service *corev1.Service
		if c.service != "" {
			service = parsed[corev1.Service](t, c.service)
		}
		addresses, err := advertise(service, netip.MustParseAddr("192.0.2.7"), 7000)
		if err != nil {
			require.EqualError(t, err, c.want, c.what)
			continue
		}
		require.Equal(t, c.want, strings.Join(addresses, " "), c.what)
	}
	_, err := advertise(nil, netip.Addr{}, 7000)
	require.ErrorContains(t, err, "kubernetes.node-ip: not known")
	addresses, err := advertise(nil, netip.MustParseAddr("2001:db8::1"), 7000)
	require.NoError(t, err)
	require.Equal(t, []string{"[2001:db8::1]:7000"}, addresses)
}

// TestAddressFollowsTheBalancer waits for a load balancer, as every gateway does that is installed into a cloud.
func TestAddressFollowsTheBalancer(t *testing.T) {
	balancer := func(ips ...string) *corev1.Service {
		service := plainService("grapevine-0")
		service.Namespace, service.Spec.Type = home, corev1.ServiceTypeLoadBalancer
		service.Spec.Ports = []corev1.ServicePort{{Name: "mesh", Port: 7946, Protocol: corev1.ProtocolUDP}}
		for _, ip := range ips {
			service.Status.LoadBalancer.Ingress = append(service.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: ip})
		}
		return service
	}
	inWorld(t, func() *fakeCluster { return newFakeCluster(balancer()) }, false, func(w *world) {
		address, err := NewAddress(AddressConfig{Watch: w.watch, Pod: "grapevine-0", Port: 7946})
		require.NoError(t, err)
		<-address.Changed()
		_, err = address.Advertised()
		require.ErrorContains(t, err, "has no address yet")
		_, err = w.core.CoreV1().Services(home).Update(context.Background(), balancer("203.0.113.7"), metav1.UpdateOptions{})
		require.NoError(t, err)
		w.after(time.Second)
		<-address.Changed()
		addresses, err := address.Advertised()
		require.NoError(t, err)
		require.Equal(t, []string{"203.0.113.7:7946"}, addresses)
		w.after(time.Hour)
		require.Empty(t, address.Changed())
	})
	watch, err := NewWatch(WatchConfig{Client: newFakeCluster().client(), Namespace: home})
	require.NoError(t, err)
	address, err := NewAddress(AddressConfig{Watch: watch, Pod: "grapevine-0", Port: 7946})
	require.NoError(t, err)
	_, err = address.Advertised()
	require.ErrorContains(t, err, "aren't known yet")
	_, err = NewAddress(AddressConfig{Watch: watch, Port: 7946})
	require.ErrorContains(t, err, "such as grapevine-0")
}
