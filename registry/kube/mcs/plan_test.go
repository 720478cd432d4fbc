package mcs

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// do makes changes as an API server would, for objects whose fields are all ours.
func do(t require.TestingT, f *facts, changes []change) {
	for _, c := range changes {
		body, err := json.Marshal(c.body)
		require.NoError(t, err)
		switch c.key.kind {
		case kindSlice:
			f.slices = replaced(t, f.slices, c, body, new(discovery.EndpointSlice))
		case kindImport:
			i := new(mcs.ServiceImport)
			if at := find(f.imports, c.key); at >= 0 {
				i.Status = f.imports[at].Status
			}
			f.imports = replaced(t, f.imports, c, body, i)
		case kindImportStatus:
			i := f.imports[find(f.imports, c.key)]
			i.Status = mcs.ServiceImportStatus{}
			require.NoError(t, json.Unmarshal(body, i))
		case kindExportStatus:
			e := f.exports[find(f.exports, c.key)]
			e.Status = mcs.ServiceExportStatus{}
			require.NoError(t, json.Unmarshal(body, e))
		}
	}
}

func find[T meta.Object](all []T, key objectKey) int {
	return slices.IndexFunc(all, func(o T) bool { return o.GetNamespace() == key.namespace && o.GetName() == key.name })
}

func replaced[T meta.Object](t require.TestingT, all []T, c change, body []byte, made T) []T {
	if at := find(all, c.key); at >= 0 {
		require.True(t, isOurs(all[at]), "%s is somebody else's", c.key)
		require.True(t, c.seen)
		all = slices.Delete(slices.Clone(all), at, at+1)
	}
	if c.body == nil {
		return all
	}
	require.NoError(t, json.Unmarshal(body, made))
	return append(all, made)
}

// Whatever is exported and whatever is there: a plan leaves nothing to do but the status of an import that wasn't there
// before, which the next plan does; and objects of others stay as they are.
func TestPlanConverges(t *testing.T) {
	clusters := []registry.Cluster{"east", "west", "north"}
	rapid.Check(t, func(t *rapid.T) {
		f := drawFacts(t, clusters)
		// Earlier times have left objects behind.
		earlier := drawFacts(t, clusters)
		for range 3 {
			do(t, earlier, earlier.plan().changes)
		}
		f.imports, f.slices = earlier.imports, earlier.slices
		var others []string
		for _, o := range f.imports {
			if rapid.IntRange(0, 3).Draw(t, "somebody else's import") == 0 {
				o.Labels[kube.LabelManagedBy] = "somebody"
			}
		}
		for _, o := range f.slices {
			if rapid.IntRange(0, 3).Draw(t, "somebody else's slice") == 0 {
				delete(o.Labels, kube.LabelManagedBy)
			}
		}
		others = foreigners(t, f)
		for range 2 {
			do(t, f, f.plan().changes)
		}
		require.Empty(t, f.plan().changes)
		require.Equal(t, others, foreigners(t, f))
	})
}

func foreigners(t require.TestingT, f *facts) (all []string) {
	add := func(o meta.Object) {
		if !isOurs(o) {
			text, err := json.Marshal(o)
			require.NoError(t, err)
			all = append(all, string(text))
		}
	}
	for _, i := range f.imports {
		add(i)
	}
	for _, s := range f.slices {
		add(s)
	}
	slices.Sort(all)
	return all
}

// drawFacts draws what three clusters export under four names, and who is alive.
func drawFacts(t *rapid.T, clusters []registry.Cluster) *facts {
	atlas := registry.NewAtlas(registry.Gateway{Cluster: "east", Name: "g-0"})
	f := &facts{self: "east", now: scene{}.see().now}
	alive := map[registry.Gateway]registry.Liveness{}
	for _, cluster := range clusters {
		g := registry.Gateway{Cluster: cluster, Name: "g-0"}
		if rapid.IntRange(0, 3).Draw(t, "dead") > 0 {
			alive[g] = registry.Liveness{Alive: true, Synced: true, Link: registry.LinkUp}
		}
		for i := range 4 {
			if rapid.Bool().Draw(t, "exported") {
				e := drawExport(t, fmt.Sprintf("n%d", i%2), fmt.Sprintf("s%d", i))
				atlas.Apply([]registry.Change{{Owner: g, Service: e.Service, Export: e}})
			}
		}
	}
	for i := range 4 {
		name := registry.ServiceName{Namespace: fmt.Sprintf("n%d", i%2), Name: fmt.Sprintf("s%d", i)}
		f.exports = append(f.exports, &mcs.ServiceExport{ObjectMeta: meta.ObjectMeta{Namespace: name.Namespace, Name: name.Name}})
		if rapid.Bool().Draw(t, "judged") {
			f.verdicts = append(f.verdicts, kube.Verdict{Service: name, ByExport: true, OK: rapid.Bool().Draw(t, "liked"), Reason: "NoService"})
		}
	}
	atlas.SetLiveness(alive)
	atlas.SetReady(rapid.IntRange(0, 4).Draw(t, "ready") > 0)
	f.directory = atlas.Directory()
	for _, n := range []string{"n0", "n1"}[:rapid.IntRange(0, 2).Draw(t, "namespaces")] {
		f.namespaces = append(f.namespaces, &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: n}})
	}
	placed := map[registry.VIPName]bool{}
	f.vip = func(name registry.VIPName) (v4, v6 netip.Addr) {
		if _, known := placed[name]; !known {
			placed[name] = rapid.Bool().Draw(t, "placed")
		}
		if placed[name] {
			v4 = netip.AddrFrom4([4]byte{10, 0, byte(len(name.Hostname)), byte(name.Service.Name[1])})
		}
		return v4, netip.Addr{}
	}
	return f
}

func drawExport(t *rapid.T, namespace, name string) *registry.Export {
	e := exportOf(rapid.Int64Range(0, 3).Draw(t, "since"))
	e.Service = registry.ServiceName{Namespace: namespace, Name: name}
	if rapid.Bool().Draw(t, "headless") {
		headless(e)
	}
	if rapid.Bool().Draw(t, "flat") {
		flat(e)
	}
	if rapid.Bool().Draw(t, "hosts") {
		hosts([2]string{"a-0", "10.9.0.1"}, [2]string{"", "fd00::1"}, [2]string{"a-0", "fd00::2"})(e)
	}
	if rapid.Bool().Draw(t, "other ports") {
		e.Ports = []registry.Port{{Name: "tcp", Port: 43, Protocol: registry.TCP, AppProtocol: "not a name"}}
	}
	labels := rapid.MapOf(rapid.SampledFrom([]string{"a", "b c", "app.kubernetes.io/managed-by"}), rapid.SampledFrom([]string{"x", "y z"})).Draw(t, "labels")
	labelledAs(maps.Clone(labels), labels)(e)
	e.MCS.SessionAffinity = rapid.SampledFrom([]string{"", "None", "ClientIP"}).Draw(t, "affinity")
	e.MCS.SessionAffinitySeconds = rapid.Int32Range(-1, 10).Draw(t, "seconds")
	if rapid.IntRange(0, 4).Draw(t, "by label") == 0 {
		e.MCS = nil
	}
	return e
}
