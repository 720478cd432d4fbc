package mcs

import (
	"slices"
	"strings"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// exportView is a ServiceExport of this cluster, and all that decides its conditions.
type exportView struct {
	export  *mcs.ServiceExport
	verdict *kube.Verdict    // of the source; nil: none yet
	service registry.Service // as the whole mesh has it; without offers: nobody exports it
	self    registry.Cluster
	ready   bool // the directory is all that the mesh has
}

// conditions returns the conditions of an export that are ours, without their times. What can't be said yet stays as it
// was: a gateway that starts doesn't know less than the one before it.
func (v *exportView) conditions() []meta.Condition {
	var all []meta.Condition
	for _, c := range []*meta.Condition{v.valid(), v.exported(), v.conflict()} {
		if c != nil {
			all = append(all, *c)
		}
	}
	return all
}

// valid repeats what the source found.
func (v *exportView) valid() *meta.Condition {
	switch {
	case v.verdict == nil:
		return v.former(mcs.ServiceExportConditionValid)
	case v.verdict.OK:
		return v.say(mcs.ServiceExportConditionValid, meta.ConditionTrue, mcs.ServiceExportReasonValid, v.verdict.Message)
	}
	return v.say(mcs.ServiceExportConditionValid, meta.ConditionFalse, mcs.ServiceExportConditionReason(reasonOr(v.verdict.Reason)), v.verdict.Message)
}

// exported is the condition Ready. Its texts don't tell which gateway looked, since every gateway may be the one that writes.
func (v *exportView) exported() *meta.Condition {
	const ready = mcs.ServiceExportConditionReady
	switch {
	case v.refused() && v.verdict.Reason == string(mcs.ServiceExportReasonNoService):
		return v.say(ready, meta.ConditionFalse, mcs.ServiceExportReasonPending, "Exported once there is a Service of this name.")
	case v.refused():
		return v.say(ready, meta.ConditionFalse, mcs.ServiceExportReasonFailed, v.verdict.Message)
	case v.offered():
		return v.say(ready, meta.ConditionTrue, mcs.ServiceExportReasonExported, "Every cluster of the mesh can import it from "+string(v.self)+".")
	case v.ready:
		return v.say(ready, meta.ConditionFalse, mcs.ServiceExportReasonPending, "On its way into the registry of the mesh.")
	case v.former(ready) != nil:
		return v.former(ready)
	}
	return v.say(ready, meta.ConditionUnknown, mcs.ServiceExportReasonPending, "The gateway is still joining the mesh.")
}

// conflict is told to all exporters alike, those whose word counts too (KEP-1645, "Constraints and conflict resolution").
func (v *exportView) conflict() *meta.Condition {
	switch {
	case v.refused():
		return nil
	case !v.ready || !v.offered():
		return v.former(mcs.ServiceExportConditionConflict)
	}
	union, _ := v.service.Union(func(*registry.Export) bool { return true })
	if len(union.Conflicts) == 0 {
		return v.say(mcs.ServiceExportConditionConflict, meta.ConditionFalse, mcs.ServiceExportReasonNoConflicts,
			"All clusters that export it agree.")
	}
	return v.say(mcs.ServiceExportConditionConflict, meta.ConditionTrue,
		mcs.ServiceExportConditionReason(conflictReasons(union.Conflicts)), conflictMessage(union.Conflicts))
}

func (v *exportView) refused() bool { return v.verdict != nil && !v.verdict.OK }

// offered tells whether the registry holds our own cluster's export.
func (v *exportView) offered() bool {
	return slices.ContainsFunc(v.service.Offers, func(o registry.Offer) bool {
		return o.Cluster == v.self && o.Export.MCS != nil && o.Export.Visibility.Federated()
	})
}

// former returns the condition as it stands, or nil.
func (v *exportView) former(kind mcs.ServiceExportConditionType) *meta.Condition {
	if c := conditionOf(v.export.Status.Conditions, string(kind)); c != nil {
		former := *c
		return &former
	}
	return nil
}

func (v *exportView) say(kind mcs.ServiceExportConditionType, status meta.ConditionStatus, reason mcs.ServiceExportConditionReason, message string) *meta.Condition {
	return &meta.Condition{
		Type: string(kind), Status: status, Reason: string(reason), Message: shortened(message),
		ObservedGeneration: v.export.Generation,
	}
}

func conditionOf(all []meta.Condition, kind string) *meta.Condition {
	if at := slices.IndexFunc(all, func(c meta.Condition) bool { return c.Type == kind }); at >= 0 {
		return &all[at]
	}
	return nil
}

// sameConditions tells whether the conditions of the given kinds are there as wanted, whenever that began, and no other of
// these kinds.
func sameConditions[K ~string](have, want []meta.Condition, kinds ...K) bool {
	return !slices.ContainsFunc(kinds, func(kind K) bool {
		a, b := conditionOf(have, string(kind)), conditionOf(want, string(kind))
		if a == nil || b == nil {
			return a != b
		}
		one, other := *a, *b
		one.LastTransitionTime, other.LastTransitionTime = meta.Time{}, meta.Time{}
		return one != other
	})
}

// stamped gives conditions their times: now, or the one that stands there where the status is what it was.
func stamped(want, have []meta.Condition, now time.Time) []meta.Condition {
	want = slices.Clone(want)
	for i := range want {
		want[i].LastTransitionTime = meta.NewTime(now.Truncate(time.Second))
		if former := conditionOf(have, want[i].Type); former != nil && former.Status == want[i].Status {
			want[i].LastTransitionTime = former.LastTransitionTime
		}
	}
	return want
}

// reasonOr returns what the API server takes for a condition's reason.
func reasonOr(reason string) string {
	alien := func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }
	if reason == "" || len(reason) > 256 || strings.ContainsFunc(reason, alien) {
		return "Invalid"
	}
	return reason
}

// shortened bounds a message, which may repeat what users wrote. The API server takes 32 KiB.
func shortened(message string) string {
	const most = 2048
	if len(message) <= most {
		return message
	}
	return strings.ToValidUTF8(message[:most], "") + "…"
}
