package mcs

import (
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
)

// importStatus is the status of a service's import, as far as it is ours to say. The time of its condition isn't set.
func (s *imported) importStatus(imported []*discovery.EndpointSlice, generation int64) mcs.ServiceImportStatus {
	status := mcs.ServiceImportStatus{
		EndpointSliceObjects: mcs.EndpointSliceObjectsAbsent,
		Conditions:           []meta.Condition{s.importReady(imported, generation)},
	}
	if len(imported) > 0 {
		status.EndpointSliceObjects = mcs.EndpointSliceObjectsPresent
	}
	for _, cluster := range slices.Sorted(slices.Values(s.union.Clusters)) {
		status.Clusters = append(status.Clusters, mcs.ClusterStatus{Cluster: string(cluster)})
	}
	return status
}

func (s *imported) importReady(imported []*discovery.EndpointSlice, generation int64) meta.Condition {
	texts := s.texts()
	ready := meta.Condition{
		Type: string(mcs.ServiceImportConditionReady), Status: meta.ConditionTrue, Reason: string(mcs.ServiceImportReasonReady),
		Message: fmt.Sprintf("Imported from %s.%s", names(s.union.Clusters), texts.leftOut()), ObservedGeneration: generation,
	}
	switch {
	case !s.union.Headless && len(s.vip) == 0:
		ready.Status, ready.Reason = meta.ConditionFalse, string(mcs.ServiceImportReasonPending)
		ready.Message = "No address yet: the Service that it is an address of isn't there."
	case s.union.Headless && s.otherFamilies(imported):
		ready.Status, ready.Reason = meta.ConditionFalse, string(mcs.ServiceImportReasonIPFamilyNotSupported)
		ready.Message = fmt.Sprintf("All endpoints are %s, which this cluster doesn't have.", imported[0].AddressType)
	}
	return ready
}

// otherFamilies tells whether endpoints are all of an IP family that this cluster's own Services don't have.
func (s *imported) otherFamilies(imported []*discovery.EndpointSlice) bool {
	if len(imported) == 0 || len(s.vip) == 0 {
		return false
	}
	_, here := importAddresses(s.vip)
	return !slices.ContainsFunc(imported, func(slice *discovery.EndpointSlice) bool {
		return slices.Contains(here, core.IPFamily(slice.AddressType))
	})
}

// names lists clusters for people, sorted, and no more than they would read.
func names(clusters []registry.Cluster) string {
	const shown = 8
	var all []string
	for _, cluster := range slices.Sorted(slices.Values(clusters)) {
		all = append(all, string(cluster))
	}
	if len(all) > shown {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:shown], ", "), len(all)-shown)
	}
	return strings.Join(all, ", ")
}
