package registry

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// key is a service name in one of few namespaces, so that prefixes matter.
var keys = rapid.Custom(func(t *rapid.T) ServiceName {
	return ServiceName{rapid.SampledFrom([]string{"a", "aa", "b"}).Draw(t, "namespace"), rapid.SampledFrom([]string{"x", "y", "yy", "z"}).Draw(t, "name")}
})

func TestATreeIsAMapThatKeepsItsPast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := newTree[ServiceName, int]()
		model := map[ServiceName]int{}
		var trees []func()
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				k, v := keys.Draw(t, "key"), rapid.Int().Draw(t, "value")
				tree, model[k] = tree.put(k, v), v
			},
			"remove": func(t *rapid.T) {
				k := keys.Draw(t, "key")
				tree = tree.remove(k)
				delete(model, k)
			},
			"keep": func(*rapid.T) {
				kept, then := tree, maps.Clone(model)
				trees = append(trees, func() { require.Equal(t, then, maps.Collect(kept.from(ServiceName{}))) })
			},
			"": func(t *rapid.T) {
				k := keys.Draw(t, "key")
				got, ok := tree.get(k)
				want, exists := model[k]
				require.Equal(t, exists, ok)
				require.Equal(t, want, got)

				inOrder := slices.SortedFunc(maps.Keys(model), ServiceName.Compare)
				first, _ := slices.BinarySearchFunc(inOrder, k, ServiceName.Compare)
				var walked []ServiceName
				for key := range tree.from(k) {
					walked = append(walked, key)
				}
				require.Equal(t, len(inOrder)-first, len(walked))
				require.True(t, slices.Equal(inOrder[first:], walked))
			},
		})
		for _, unchanged := range trees {
			unchanged()
		}
	})
}

func TestWalkingATreeStopsWhenAsked(t *testing.T) {
	tree := newTree[ServiceName, int]()
	for i, e := range numbered(100) {
		tree = tree.put(e.Service, i)
	}
	walked := 0
	for range tree.from(ServiceName{}) {
		if walked++; walked == 10 {
			break
		}
	}
	require.Equal(t, 10, walked)
}

func TestATreeStaysShallow(t *testing.T) {
	tree := newTree[ServiceName, int]()
	for i, e := range numbered(10_000) { // in no helpful order
		tree = tree.put(e.Service, i)
	}
	require.Less(t, depth(tree.root), 60) // log2 is 13.3; a list would be 10,000
}

func depth(n *node[ServiceName, int]) int {
	if n == nil {
		return 0
	}
	return 1 + max(depth(n.left), depth(n.right))
}
