package mcs

import (
	"fmt"
	"strings"

	"github.com/grapevine-mesh/grapevine/registry"
)

// conflictReasons joins the reasons by commas, as the API wants it.
func conflictReasons(conflicts []registry.Conflict) string {
	var reasons []string
	for _, c := range conflicts {
		reasons = append(reasons, string(c.Matter))
	}
	return strings.Join(reasons, ",")
}

// conflictMessage says of each matter who counts and who disagrees, such as
//
//	Ports differ: "east" exported first and counts; 2 of 5 clusters disagree (north, west).
func conflictMessage(conflicts []registry.Conflict) string {
	var sentences []string
	for _, c := range conflicts {
		disagree := "disagree"
		if len(c.Dissent) == 1 {
			disagree = "disagrees"
		}
		sentences = append(sentences, fmt.Sprintf("%s: %q exported first and counts; %d of %d clusters %s (%s).",
			differs(c.Matter), c.Oldest, len(c.Dissent), c.Among, disagree, names(c.Dissent)))
	}
	return strings.Join(sentences, " ")
}

func differs(m registry.Matter) string {
	switch m {
	case registry.PortConflict:
		return "Ports differ"
	case registry.TypeConflict:
		return "Some are headless and some aren't"
	case registry.SessionAffinityConflict:
		return "Session affinity differs"
	case registry.SessionAffinityConfigConflict:
		return "The timeout of session affinity differs"
	case registry.InternalTrafficPolicyConflict:
		return "Internal traffic policy differs"
	case registry.TrafficDistributionConflict:
		return "Traffic distribution differs"
	case registry.LabelsConflict:
		return "Exported labels differ"
	case registry.AnnotationsConflict:
		return "Exported annotations differ"
	case registry.IPFamilyConflict:
		return "IP families differ, and clients go to the endpoints themselves"
	}
	return string(m)
}
