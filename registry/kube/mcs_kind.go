package kube

import (
	"cmp"

	discovery "k8s.io/api/discovery/v1"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// mcsKind is what a change writes: an object, or its status.
type mcsKind int

// The kinds, in the order in which they are written: names are answered by imports, so their endpoints go first.
const (
	mcsSlice mcsKind = iota
	mcsImport
	mcsImportStatus
	mcsExportStatus
)

// mcsTerm is what Kubernetes calls a kind.
type mcsTerm struct {
	group, version, kind, resource string
}

func (k mcsKind) term() mcsTerm {
	switch k {
	case mcsSlice:
		return mcsTerm{discovery.GroupName, discovery.SchemeGroupVersion.String(), "EndpointSlice", "endpointslices"}
	case mcsImport:
		return mcsTerm{mcs.GroupName, mcs.GroupVersion.String(), mcs.ServiceImportKindName, mcs.ServiceImportPluralName}
	case mcsImportStatus:
		return mcsTerm{mcs.GroupName, mcs.GroupVersion.String(), mcs.ServiceImportKindName, mcs.ServiceImportPluralName + "/status"}
	}
	return mcsTerm{mcs.GroupName, mcs.GroupVersion.String(), mcs.ServiceExportKindName, mcs.ServiceExportPluralName + "/status"}
}

// mcsKey names what a change writes.
type mcsKey struct {
	kind            mcsKind
	namespace, name string
}

// String is such as serviceimports shop/web.
func (k mcsKey) String() string { return k.kind.term().resource + " " + k.namespace + "/" + k.name }

func (k mcsKey) compare(other mcsKey) int {
	return cmp.Or(cmp.Compare(k.kind, other.kind), cmp.Compare(k.namespace, other.namespace), cmp.Compare(k.name, other.name))
}
