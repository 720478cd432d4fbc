package mcs

import (
	"cmp"

	discovery "k8s.io/api/discovery/v1"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// objectKind is what a change writes: an object, or its status.
type objectKind int

// The kinds, in the order in which they are written: names are answered by imports, so their endpoints go first.
const (
	kindSlice objectKind = iota
	kindImport
	kindImportStatus
	kindExportStatus
)

// term is what Kubernetes calls a kind.
type term struct {
	group, version, kind, resource string
}

func (k objectKind) term() term {
	switch k {
	case kindSlice:
		return term{discovery.GroupName, discovery.SchemeGroupVersion.String(), "EndpointSlice", "endpointslices"}
	case kindImport:
		return term{mcs.GroupName, mcs.GroupVersion.String(), mcs.ServiceImportKindName, mcs.ServiceImportPluralName}
	case kindImportStatus:
		return term{mcs.GroupName, mcs.GroupVersion.String(), mcs.ServiceImportKindName, mcs.ServiceImportPluralName + "/status"}
	}
	return term{mcs.GroupName, mcs.GroupVersion.String(), mcs.ServiceExportKindName, mcs.ServiceExportPluralName + "/status"}
}

// objectKey names what a change writes.
type objectKey struct {
	kind            objectKind
	namespace, name string
}

// String is such as serviceimports shop/web.
func (k objectKey) String() string { return k.kind.term().resource + " " + k.namespace + "/" + k.name }

func (k objectKey) compare(other objectKey) int {
	return cmp.Or(cmp.Compare(k.kind, other.kind), cmp.Compare(k.namespace, other.namespace), cmp.Compare(k.name, other.name))
}
