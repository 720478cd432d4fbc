package mcs

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
)

func TestConditions(t *testing.T) {
	good := &kube.Verdict{Service: shopWeb, ByExport: true, OK: true}
	noService := &kube.Verdict{Service: shopWeb, ByExport: true, Reason: "NoService", Message: "There is no Service web."}
	external := &kube.Verdict{Service: shopWeb, ByExport: true, Reason: "InvalidServiceType", Message: "It is an ExternalName."}
	byLabel := &kube.Verdict{Service: shopWeb, Reason: "InvalidServiceType"}
	was := []meta.Condition{
		{Type: "Valid", Status: "True", Reason: "Valid", ObservedGeneration: 2},
		{Type: "Ready", Status: "True", Reason: "Exported", ObservedGeneration: 2},
		{Type: "Conflict", Status: "True", Reason: "PortConflict", ObservedGeneration: 2},
		{Type: "Pretty", Status: "True", Reason: "Others"},
	}
	east, west := exportOf(1), exportOf(2, headless)
	for _, c := range []struct {
		what       string
		verdict    *kube.Verdict
		east, west *registry.Export
		unready    bool
		have       []meta.Condition
		want       string // type, status, reason
	}{
		{"before anything is known", nil, nil, nil, true, nil, "Ready=Unknown Pending"},
		{"a gateway that starts doesn't unsay", nil, nil, nil, true, was, "Valid=True Valid, Ready=True Exported, Conflict=True PortConflict"},
		{"liked, and not in the registry yet", good, nil, nil, false, nil, "Valid=True Valid, Ready=False Pending"},
		{"withdrawn again", good, nil, nil, false, was, "Valid=True Valid, Ready=False Pending, Conflict=True PortConflict"},
		{"exported", good, east, nil, false, nil, "Valid=True Valid, Ready=True Exported, Conflict=False NoConflicts"},
		{"exported, while others aren't known yet", good, east, nil, true, nil, "Valid=True Valid, Ready=True Exported"},
		{"exported, and only west as well", good, nil, west, false, nil, "Valid=True Valid, Ready=False Pending"},
		{"exported by both alike", good, east, exportOf(2), false, nil, "Valid=True Valid, Ready=True Exported, Conflict=False NoConflicts"},
		{"in conflict", good, east, west, false, nil, "Valid=True Valid, Ready=True Exported, Conflict=True TypeConflict"},
		{"a conflict that ended", good, east, nil, false, was, "Valid=True Valid, Ready=True Exported, Conflict=False NoConflicts"},
		{"export before Service", noService, nil, nil, false, nil, "Valid=False NoService, Ready=False Pending"},
		{"ExternalName", external, nil, nil, false, nil, "Valid=False InvalidServiceType, Ready=False Failed"},
		{"no longer valid has no conflict", external, nil, west, false, was, "Valid=False InvalidServiceType, Ready=False Failed"},
		{"a verdict on a label is another matter", byLabel, east, nil, false, nil, "Ready=True Exported, Conflict=False NoConflicts"},
		{"exported by a label only", good, exportOf(1, func(e *registry.Export) { e.MCS = nil }), nil, false, nil, "Valid=True Valid, Ready=False Pending"},
	} {
		exports := map[registry.Cluster]*registry.Export{}
		if c.east != nil {
			exports["east"] = c.east
		}
		if c.west != nil {
			exports["west"] = c.west
		}
		got := scene{exports: exports, unready: c.unready}.conditions("east", c.verdict, c.have...)
		var all []string
		for _, kind := range []string{"Valid", "Ready", "Conflict", "Pretty"} {
			if found, ok := got[kind]; ok {
				all = append(all, kind+"="+string(found.Status)+" "+found.Reason)
			}
		}
		require.Equal(t, c.want, strings.Join(all, ", "), c.what)
	}
	got := scene{unready: true}.conditions("east", good, was...)
	require.EqualValues(t, 3, got["Valid"].ObservedGeneration)
	require.EqualValues(t, 2, got["Ready"].ObservedGeneration, "of when it was found")
}

func TestConflictMessage(t *testing.T) {
	require.Equal(t, `Ports differ: "east" exported first and counts; 2 of 5 clusters disagree (north, west).`,
		conflictMessage([]registry.Conflict{{Matter: registry.PortConflict, Oldest: "east", Dissent: []registry.Cluster{"west", "north"}, Among: 5}}))
	many := []registry.Cluster{"j", "i", "h", "g", "f", "e", "d", "c", "b"}
	require.Contains(t, conflictMessage([]registry.Conflict{{Matter: registry.TypeConflict, Oldest: "a", Dissent: many, Among: 10}}), "(b, c, d, e, f, g, h, i and 1 more).")
	every := []registry.Matter{
		registry.PortConflict, registry.TypeConflict, registry.SessionAffinityConflict, registry.SessionAffinityConfigConflict,
		registry.InternalTrafficPolicyConflict, registry.TrafficDistributionConflict, registry.LabelsConflict,
		registry.AnnotationsConflict, registry.IPFamilyConflict,
	}
	for _, m := range every {
		require.NotContains(t, differs(m), "Conflict", "%s has no words", m)
	}
}

func TestTimesOfConditions(t *testing.T) {
	earlier, now := meta.NewTime(time.Unix(10, 0)), time.Unix(20, 5)
	have := []meta.Condition{{Type: "Valid", Status: "True", Reason: "Valid", LastTransitionTime: earlier}, {Type: "Ready", Status: "False", LastTransitionTime: earlier}}
	want := []meta.Condition{{Type: "Valid", Status: "True", Reason: "Other"}, {Type: "Ready", Status: "True"}, {Type: "Conflict", Status: "False"}}
	got := stamped(want, have, now)
	require.Equal(t, earlier, got[0].LastTransitionTime, "the status is as it was")
	require.Equal(t, meta.NewTime(time.Unix(20, 0)), got[1].LastTransitionTime)
	require.Equal(t, meta.NewTime(time.Unix(20, 0)), got[2].LastTransitionTime)
	require.Zero(t, want[0].LastTransitionTime)
}

// What users write ends up in verdicts; a condition has to be one that the API server takes.
func TestConditionsAreValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reason := reasonOr(rapid.String().Draw(t, "reason"))
		require.Regexp(t, `^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`, reason)
		message := rapid.StringN(-1, -1, 5000).Draw(t, "message")
		short := shortened(message)
		require.LessOrEqual(t, len(short), 3000)
		require.True(t, strings.HasPrefix(message, strings.TrimSuffix(short, "…")))
	})
	require.Equal(t, "NoService", reasonOr("NoService"))
}
