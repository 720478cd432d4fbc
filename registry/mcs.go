package registry

import "fmt"

// MCS is what an export says in the terms of the Multi-Cluster Services API (KEP-1645), where it was made by a ServiceExport:
// the fields of a Service that others repeat in their ServiceImport. Texts are Kubernetes' own and aren't interpreted here.
type MCS struct {
	SessionAffinity        string            `cbor:"1,keyasint,omitempty" json:"session_affinity,omitempty"`
	SessionAffinitySeconds int32             `cbor:"2,keyasint,omitempty" json:"session_affinity_seconds,omitempty"`
	InternalTrafficPolicy  string            `cbor:"3,keyasint,omitempty" json:"internal_traffic_policy,omitempty"`
	TrafficDistribution    string            `cbor:"4,keyasint,omitempty" json:"traffic_distribution,omitempty"`
	IPFamilies             []string          `cbor:"5,keyasint,omitempty" json:"ip_families,omitempty"`
	Labels                 map[string]string `cbor:"6,keyasint,omitempty" json:"labels,omitempty"`      // ServiceExport's exportedLabels
	Annotations            map[string]string `cbor:"7,keyasint,omitempty" json:"annotations,omitempty"` // and exportedAnnotations
}

const (
	maxTerm      = 63  // bytes of one of Kubernetes' own words
	maxLabels    = 64  // exported labels, and annotations
	maxLabelText = 317 // bytes of a label's key: a DNS name of 253, "/", and 63
)

func (m *MCS) validate() error {
	if m == nil {
		return nil
	}
	for _, term := range append([]string{m.SessionAffinity, m.InternalTrafficPolicy, m.TrafficDistribution}, m.IPFamilies...) {
		if len(term) > maxTerm {
			return fmt.Errorf("mcs: a word of %d bytes: want %d at most", len(term), maxTerm)
		}
	}
	if len(m.IPFamilies) > 2 {
		return fmt.Errorf("mcs: %d IP families: want 2 at most", len(m.IPFamilies))
	}
	if len(m.Labels) > maxLabels || len(m.Annotations) > maxLabels {
		return fmt.Errorf("mcs: more than %d exported labels or annotations", maxLabels)
	}
	for _, texts := range []map[string]string{m.Labels, m.Annotations} {
		for key := range texts {
			if len(key) > maxLabelText {
				return fmt.Errorf("mcs: an exported key of %d bytes: want %d at most", len(key), maxLabelText)
			}
		}
	}
	return nil
}
