package mcs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grapevine-mesh/grapevine/registry"
)

func labelledAs(labels, annotations map[string]string) func(*registry.Export) {
	return func(e *registry.Export) {
		m := *e.MCS
		m.Labels, m.Annotations = labels, annotations
		e.MCS = &m
	}
}

func TestExportedLabels(t *testing.T) {
	for _, c := range []struct {
		what, key, value  string
		label, annotation bool
	}{
		{"a plain one", "tier", "front", true, true},
		{"one with a domain", "example.com/tier", "front", true, true},
		{"a long value", "tier", strings.Repeat("x", 64), false, true},
		{"a value with spaces", "tier", "a b", false, true},
		{"no key", "", "x", false, false},
		{"a key with spaces", "a b", "x", false, false},
		{"a key in capitals", "Tier", "x", true, true},
		{"who made it", "app.kubernetes.io/managed-by", "helm", false, false},
		{"an application", "app.kubernetes.io/name", "web", true, true},
		{"ours", "grapevine.dev/applied", "x", false, false},
		{"the API's", "multicluster.kubernetes.io/derived-service", "x", false, false},
		{"kubectl's", "kubectl.kubernetes.io/last-applied-configuration", "{}", false, false},
		{"more than fits", "tier", strings.Repeat("x", 200<<10), false, false},
	} {
		all := map[string]string{c.key: c.value}
		labels, left := exportedLabels(all)
		require.Equal(t, []bool{c.label, !c.label}, []bool{len(labels) == 1, len(left) == 1}, c.what)
		annotations, left := exportedAnnotations(all)
		require.Equal(t, []bool{c.annotation, !c.annotation}, []bool{len(annotations) == 1, len(left) == 1}, c.what)
	}
}

func TestImportTellsWhatItLeftOut(t *testing.T) {
	bad := map[string]string{"a b": "", "c d": "", "e f": "", "g h": "", "i j": "", "k l": ""}
	for message, labels := range map[string]map[string]string{
		"Imported from west.": {"tier": "front"},
		`Imported from west. Left out, as reserved or not valid as a label or annotation: ["a b"].`:                                    {"a b": "", "tier": "front"},
		`Imported from west. Left out, as reserved or not valid as a label or annotation: ["a b" "c d" "e f" "g h" "i j"] and 1 more.`: bad,
	} {
		i, _ := scene{
			exports: map[registry.Cluster]*registry.Export{"west": exportOf(1, labelledAs(labels, nil))},
			vips:    map[registry.VIPName]string{webVIP: "10.0.0.7"},
		}.imported()
		require.Equal(t, message, i.Status.Conditions[0].Message)
		require.Equal(t, "grapevine", i.Labels["app.kubernetes.io/managed-by"])
	}
}

func TestImportReady(t *testing.T) {
	six := hosts([2]string{"", "fd09::1"})
	for what, c := range map[string]struct {
		west   *registry.Export
		vip    string
		status meta.ConditionStatus
		reason string
	}{
		"placed":                            {exportOf(1), "10.0.0.7", meta.ConditionTrue, "Ready"},
		"not placed":                        {exportOf(1), "", meta.ConditionFalse, "Pending"},
		"headless needs no VIP":             {exportOf(1, headless), "", meta.ConditionTrue, "Ready"},
		"headless, of a family that's here": {exportOf(1, headless, flat, six), "fd00::7", meta.ConditionTrue, "Ready"},
		"headless, of another family":       {exportOf(1, headless, flat, six), "10.0.0.7", meta.ConditionFalse, "IPFamilyNotSupported"},
	} {
		i, _ := scene{exports: map[registry.Cluster]*registry.Export{"west": c.west}, vips: map[registry.VIPName]string{webVIP: c.vip}}.imported()
		require.Equal(t, []any{c.status, c.reason}, []any{i.Status.Conditions[0].Status, i.Status.Conditions[0].Reason}, what)
	}
}
