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
	MCS       *MCS   // of the oldest that was made by a ServiceExport; nil: none was
	Conflicts []Conflict
}

// Conflict is one matter in which clusters disagree.
type Conflict struct {
	Matter  Matter
	Oldest  Cluster   // whose word counts: of matters that only a ServiceExport speaks of, that of the oldest such
	Dissent []Cluster // those that say something else, by age
	Among   int       // of how many that say anything
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
	if first := slices.IndexFunc(offers, Offer.byServiceExport); first >= 0 {
		u.MCS = offers[first].Export.MCS
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

// For leaves out what callers of a cluster may not use. What the cluster exports itself is its own business.
func (s Service) For(caller Cluster) Service {
	s.Offers = slices.DeleteFunc(slices.Clone(s.Offers), func(o Offer) bool {
		return o.Cluster != caller && !o.Export.Allows(caller)
	})
	return s
}

func (o Offer) byServiceExport() bool { return o.Export.MCS != nil }

// conflicts compares offers, the oldest first. A service that is federated by a label says nothing of what only a
// ServiceExport speaks of, so it disagrees with nobody there.
func conflicts(offers []Offer) []Conflict {
	silent := func(o Offer) bool { return !o.byServiceExport() }
	return append(disagreements(offers, matters), disagreements(slices.DeleteFunc(slices.Clone(offers), silent), mcsMatters)...)
}

// disagreements compares each of the offers with the first.
func disagreements(offers []Offer, matters []matter) []Conflict {
	if len(offers) == 0 {
		return nil
	}
	var found []Conflict
	for _, m := range matters {
		c := Conflict{Matter: m.name, Oldest: offers[0].Cluster, Among: len(offers)}
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

type matter struct {
	name Matter
	same func(a, b *Export) bool
}

var matters = []matter{
	{PortConflict, func(a, b *Export) bool { return samePorts(a.Ports, b.Ports) }},
	{TypeConflict, func(a, b *Export) bool { return a.Headless == b.Headless }},
}

var mcsMatters = []matter{
	{SessionAffinityConflict, func(a, b *Export) bool { return a.MCS.SessionAffinity == b.MCS.SessionAffinity }},
	{SessionAffinityConfigConflict, func(a, b *Export) bool { // of two kinds of affinity the settings can't be compared
		return a.MCS.SessionAffinity != b.MCS.SessionAffinity || a.MCS.SessionAffinitySeconds == b.MCS.SessionAffinitySeconds
	}},
	{InternalTrafficPolicyConflict, func(a, b *Export) bool { return a.MCS.InternalTrafficPolicy == b.MCS.InternalTrafficPolicy }},
	{TrafficDistributionConflict, func(a, b *Export) bool { return a.MCS.TrafficDistribution == b.MCS.TrafficDistribution }},
	{LabelsConflict, func(a, b *Export) bool { return maps.Equal(a.MCS.Labels, b.MCS.Labels) }},
	{AnnotationsConflict, func(a, b *Export) bool { return maps.Equal(a.MCS.Annotations, b.MCS.Annotations) }},
	{IPFamilyConflict, sameFamilies},
}

// sameFamilies tells whether clients of either IP family reach the backends of both. Through gateways they always do, for
// a gateway dials a backend by whatever family that has; straight to the endpoints they need the endpoints' own.
func sameFamilies(a, b *Export) bool {
	return a.Reach != Flat && b.Reach != Flat || sameSet(a.MCS.IPFamilies, b.MCS.IPFamilies)
}

func samePorts(a, b []Port) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(p Port) bool { return !slices.Contains(b, p) })
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
