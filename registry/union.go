package registry

import (
	"cmp"
	"maps"
	"slices"
)

// Union is what a service is to those who import it, out of what all clusters that federate it say (KEP-1645, "Constraints
// and conflict resolution"): where they disagree the oldest export is right, and each disagreement is told.
type Union struct {
	Oldest    Cluster // whose word counts
	Clusters  []Cluster
	Headless  bool
	Ports     []Port // of all clusters; of one name, or of one number, the oldest's
	MCS       MCS    // the oldest's
	Conflicts []Conflict
}

// Conflict is one matter in which clusters disagree.
type Conflict struct {
	Matter  Matter
	Dissent []Cluster // those that say something else than the oldest
}

// Matter is what clusters can disagree about, in the words of the Multi-Cluster Services API's condition reasons.
type Matter string

// The matters of a conflict.
const (
	PortConflict                  Matter = "PortConflict"
	TypeConflict                  Matter = "TypeConflict"
	SessionAffinityConflict       Matter = "SessionAffinityConflict"
	SessionAffinityConfigConflict Matter = "SessionAffinityConfigConflict"
	InternalTrafficPolicyConflict Matter = "InternalTrafficPolicyConflict"
	TrafficDistributionConflict   Matter = "TrafficDistributionConflict"
	LabelsConflict                Matter = "LabelsConflict"
	AnnotationsConflict           Matter = "AnnotationsConflict"
	IPFamilyConflict              Matter = "IPFamilyConflict"
)

// Union joins the federated exports of a service for which keep is true. ok is false where there are none.
func (s Service) Union(keep func(*Export) bool) (u Union, ok bool) {
	var offers []Offer
	for _, offer := range s.Offers {
		if offer.Export.Visibility.Federated() && keep(&offer.Export) {
			offers = append(offers, offer)
			u.Clusters = append(u.Clusters, offer.Cluster)
		}
	}
	if len(offers) == 0 {
		return Union{}, false
	}
	slices.SortStableFunc(offers, older)
	oldest := offers[0]
	u.Oldest, u.Headless = oldest.Cluster, oldest.Export.Headless
	if oldest.Export.MCS != nil {
		u.MCS = *oldest.Export.MCS
	}
	for _, offer := range offers {
		for _, port := range offer.Export.Ports {
			if !slices.ContainsFunc(u.Ports, port.collides) {
				u.Ports = append(u.Ports, port)
			}
		}
	}
	u.Conflicts = conflicts(offers)
	return u, true
}

// older orders offers by age, those of unknown age last, and those of one second by cluster, which every gateway knows alike.
func older(a, b Offer) int {
	return cmp.Or(
		compareBool(a.Export.Since == 0, b.Export.Since == 0),
		cmp.Compare(a.Export.Since, b.Export.Since),
		cmp.Compare(a.Cluster, b.Cluster),
	)
}

// collides tells whether a service can't have both ports.
func (p Port) collides(other Port) bool { return p.Name == other.Name || p.Number() == other.Number() }

// conflicts compares each of the offers with the oldest, the first.
func conflicts(offers []Offer) []Conflict {
	var found []Conflict
	for _, m := range matters {
		c := Conflict{Matter: m.matter}
		for _, offer := range offers[1:] {
			if !m.same(&offers[0].Export, &offer.Export) {
				c.Dissent = append(c.Dissent, offer.Cluster)
			}
		}
		if len(c.Dissent) > 0 {
			found = append(found, c)
		}
	}
	return found
}

var matters = []struct {
	matter Matter
	same   func(a, b *Export) bool
}{
	{PortConflict, func(a, b *Export) bool { return samePorts(a.Ports, b.Ports) }},
	{TypeConflict, func(a, b *Export) bool { return a.Headless == b.Headless }},
	{SessionAffinityConflict, func(a, b *Export) bool { return a.mcs().SessionAffinity == b.mcs().SessionAffinity }},
	{SessionAffinityConfigConflict, func(a, b *Export) bool {
		return a.mcs().SessionAffinitySeconds == b.mcs().SessionAffinitySeconds
	}},
	{InternalTrafficPolicyConflict, func(a, b *Export) bool {
		return a.mcs().InternalTrafficPolicy == b.mcs().InternalTrafficPolicy
	}},
	{TrafficDistributionConflict, func(a, b *Export) bool { return a.mcs().TrafficDistribution == b.mcs().TrafficDistribution }},
	{LabelsConflict, func(a, b *Export) bool { return maps.Equal(a.mcs().Labels, b.mcs().Labels) }},
	{AnnotationsConflict, func(a, b *Export) bool { return maps.Equal(a.mcs().Annotations, b.mcs().Annotations) }},
	{IPFamilyConflict, func(a, b *Export) bool { return sameSet(a.mcs().IPFamilies, b.mcs().IPFamilies) }},
}

func (e *Export) mcs() MCS {
	if e.MCS == nil {
		return MCS{}
	}
	return *e.MCS
}

func samePorts(a, b []Port) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(p Port) bool { return !slices.Contains(b, p) })
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
