package testcluster

import (
	"bytes"
	"errors"
	"io"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/mcs-api/config/crd"
)

// Apply applies the objects of YAML documents, as kubectl apply --server-side would.
func (c *Cluster) Apply(documents []byte) {
	c.t.Helper()
	groups, err := restmapper.GetAPIGroupResources(c.client.Discovery())
	require.NoError(c.t, err)
	mapper := restmapper.NewDiscoveryRESTMapper(groups)
	client, err := dynamic.NewForConfig(c.config)
	require.NoError(c.t, err)
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(documents), 4096)
	for {
		var object unstructured.Unstructured
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(c.t, err)
		if object.Object == nil { // nothing between two separators
			continue
		}
		kind := object.GroupVersionKind()
		mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		require.NoError(c.t, err)
		target := client.Resource(mapping.Resource).Namespace(object.GetNamespace())
		_, err = target.Apply(c.t.Context(), object.GetName(), &object, metav1.ApplyOptions{FieldManager: "test", Force: true})
		require.NoError(c.t, err, "%s %s", kind.Kind, object.GetName())
	}
}

// InstallMCS installs the Multi-Cluster Services API and waits until it is served.
func (c *Cluster) InstallMCS() {
	c.t.Helper()
	c.Apply(crd.ServiceExportCRD)
	c.Apply(crd.ServiceImportCRD)
	for _, version := range []string{"v1alpha1", "v1beta1"} {
		c.eventually("the Multi-Cluster Services API "+version, func() error {
			list, err := c.client.Discovery().ServerResourcesForGroupVersion("multicluster.x-k8s.io/" + version)
			if err == nil && len(list.APIResources) < 4 { // two, each with its status
				err = errors.New("not all of it is served yet")
			}
			return err
		})
	}
}

func (c *Cluster) eventually(what string, condition func() error) {
	c.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := condition()
		if err == nil {
			return
		}
		require.True(c.t, time.Now().Before(deadline), "no %s after %s: %v", what, patience, err)
		time.Sleep(20 * time.Millisecond)
	}
}
