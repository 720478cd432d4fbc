package kube

import (
	discoveryv1 "k8s.io/api/discovery/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	mcslisters "sigs.k8s.io/mcs-api/pkg/client/listers/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Services returns the known Services of all namespaces. What lists return must not be changed.
func (w *Watch) Services() corelisters.ServiceLister {
	return corelisters.NewServiceLister(w.services.view.indexer)
}

// EndpointSlices returns the known EndpointSlices of all namespaces.
func (w *Watch) EndpointSlices() discoverylisters.EndpointSliceLister {
	return discoverylisters.NewEndpointSliceLister(w.slices.view.indexer)
}

// SlicesOf returns the EndpointSlices labelled with the service's name, in no order.
func (w *Watch) SlicesOf(service registry.ServiceName) []*discoveryv1.EndpointSlice {
	objects, err := w.slices.view.indexer.ByIndex(byService, service.Namespace+"/"+service.Name)
	if err != nil {
		panic("kube: " + err.Error()) // there is such an index
	}
	slices := make([]*discoveryv1.EndpointSlice, len(objects))
	for i, object := range objects {
		slices[i] = object.(*discoveryv1.EndpointSlice)
	}
	return slices
}

// ServiceExports returns the known ServiceExports; none where the cluster has no such resource.
func (w *Watch) ServiceExports() mcslisters.ServiceExportLister {
	return mcslisters.NewServiceExportLister(w.exports.view.indexer)
}

// ServiceImports returns the known ServiceImports; none unless they are watched.
func (w *Watch) ServiceImports() mcslisters.ServiceImportLister {
	return mcslisters.NewServiceImportLister(w.imports.view.indexer)
}

// Namespaces returns the known Namespaces; none unless they are watched.
func (w *Watch) Namespaces() corelisters.NamespaceLister {
	return corelisters.NewNamespaceLister(w.namespaces.view.indexer)
}
