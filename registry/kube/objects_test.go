package kube

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
	"sigs.k8s.io/yaml"
)

// parsed reads an object as users write it.
func parsed[T any](t testing.TB, text string) *T {
	var object T
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), &object), text)
	return &object
}

var born = metav1.NewTime(time.Unix(1_700_000_000, 0))

func meta1(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-of-" + name), CreationTimestamp: born}
}

// exporting is a Service of one port with the label that exports it.
func exporting(name string) *corev1.Service {
	service := &corev1.Service{ObjectMeta: meta1(name), Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.96.0.7",
		Ports: []corev1.ServicePort{{Name: "http", Port: 80, Protocol: corev1.ProtocolTCP}},
	}}
	service.Labels = map[string]string{ExportLabel: "federated"}
	return service
}

func plainService(name string) *corev1.Service {
	service := exporting(name)
	service.Labels = nil
	return service
}

func serviceExport(name string) *mcsv1beta1.ServiceExport {
	export := &mcsv1beta1.ServiceExport{ObjectMeta: meta1(name)}
	export.CreationTimestamp = metav1.NewTime(born.Add(time.Hour))
	return export
}

// sliceOf has one ready Pod for each of the addresses.
func sliceOf(service string, addresses ...string) *discoveryv1.EndpointSlice {
	name, port, protocol := "http", int32(8080), corev1.ProtocolTCP
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: meta1(service + "-1"), AddressType: discoveryv1.AddressTypeIPv4,
		Ports: []discoveryv1.EndpointPort{{Name: &name, Port: &port, Protocol: &protocol}},
	}
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: service}
	for i, address := range addresses {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{address}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: fmt.Sprintf("%s-%d", service, i)},
		})
	}
	return slice
}
