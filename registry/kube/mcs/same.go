package mcs

import (
	discovery "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// Only what we apply is compared. What others add beside it is theirs, and would make us write for ever.

func sliceAsWanted(have, want *discovery.EndpointSlice) bool {
	return includes(have.Labels, want.Labels) && have.AddressType == want.AddressType &&
		equality.Semantic.DeepEqual(have.Endpoints, want.Endpoints) && equality.Semantic.DeepEqual(have.Ports, want.Ports)
}

// importAsWanted also notices by the hash among the annotations that something isn't wanted any more.
func importAsWanted(have, want *mcs.ServiceImport) bool {
	there := have.Spec
	if want.Spec.SessionAffinity == "" {
		there.SessionAffinity = ""
	}
	if want.Spec.SessionAffinityConfig == nil {
		there.SessionAffinityConfig = nil
	}
	if want.Spec.InternalTrafficPolicy == nil {
		there.InternalTrafficPolicy = nil
	}
	if want.Spec.TrafficDistribution == nil {
		there.TrafficDistribution = nil
	}
	return includes(have.Labels, want.Labels) && includes(have.Annotations, want.Annotations) && equality.Semantic.DeepEqual(there, want.Spec)
}

func importStatusAsWanted(have, want *mcs.ServiceImportStatus) bool {
	return have.EndpointSliceObjects == want.EndpointSliceObjects && equality.Semantic.DeepEqual(have.Clusters, want.Clusters) &&
		sameConditions(have.Conditions, want.Conditions, mcs.ServiceImportConditionReady)
}
