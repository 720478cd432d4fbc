package registry

import (
	"hash/maphash"
	"iter"
)

// A tree is an immutable sorted map: a treap, whose shape follows from the keys' hashes alone. A change copies the path to
// it, about 2·log2(n) nodes, and shares all others with the tree before, so a snapshot of 10,000 services costs after a
// change hardly more than one of 100. The seed is the process's own: nobody can choose keys that make a tree deep.
//
// Sharded maps copied on write are faster to look up, and lose here because they have no order and copy whole shards.
type tree[K interface{ Compare(K) int }, V any] struct {
	seed maphash.Seed
	hash func(maphash.Seed, K) uint64
	root *node[K, V]
}

type node[K interface{ Compare(K) int }, V any] struct {
	key         K
	value       V
	weight      uint64 // a parent weighs no less than its children
	left, right *node[K, V]
}

func newTree[K interface {
	comparable
	Compare(K) int
}, V any]() tree[K, V] {
	return tree[K, V]{seed: maphash.MakeSeed(), hash: maphash.Comparable[K]}
}

// get returns the value of a key.
func (t tree[K, V]) get(key K) (value V, ok bool) {
	for n := t.root; n != nil; {
		switch c := key.Compare(n.key); {
		case c < 0:
			n = n.left
		case c > 0:
			n = n.right
		default:
			return n.value, true
		}
	}
	return value, false
}

// put returns the tree with the value of a key set.
func (t tree[K, V]) put(key K, value V) tree[K, V] {
	t.root = t.root.put(&node[K, V]{key: key, value: value, weight: t.hash(t.seed, key)})
	return t
}

// remove returns the tree without a key.
func (t tree[K, V]) remove(key K) tree[K, V] {
	t.root = t.root.remove(key)
	return t
}

// from iterates in order over the keys from first on.
func (t tree[K, V]) from(first K) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { t.root.from(first, yield) }
}

// put takes leaf in. A node that was copied may be turned in place.
func (n *node[K, V]) put(leaf *node[K, V]) *node[K, V] {
	if n == nil {
		return leaf
	}
	top := *n
	switch c := leaf.key.Compare(n.key); {
	case c < 0:
		top.left = n.left.put(leaf)
		if child := top.left; child.weight > top.weight {
			top.left, child.right = child.right, &top
			return child
		}
	case c > 0:
		top.right = n.right.put(leaf)
		if child := top.right; child.weight > top.weight {
			top.right, child.left = child.left, &top
			return child
		}
	default:
		top.value = leaf.value
	}
	return &top
}

func (n *node[K, V]) remove(key K) *node[K, V] {
	if n == nil {
		return nil
	}
	top := *n
	switch c := key.Compare(n.key); {
	case c < 0:
		top.left = n.left.remove(key)
	case c > 0:
		top.right = n.right.remove(key)
	default:
		return join(n.left, n.right)
	}
	return &top
}

// join makes one tree of two, where all keys of left come before those of right.
func join[K interface{ Compare(K) int }, V any](left, right *node[K, V]) *node[K, V] {
	switch {
	case left == nil:
		return right
	case right == nil:
		return left
	case left.weight > right.weight:
		top := *left
		top.right = join(left.right, right)
		return &top
	}
	top := *right
	top.left = join(left, right.left)
	return &top
}

func (n *node[K, V]) from(first K, yield func(K, V) bool) bool {
	if n == nil {
		return true
	}
	if first.Compare(n.key) <= 0 && !(n.left.from(first, yield) && yield(n.key, n.value)) {
		return false
	}
	return n.right.from(first, yield)
}
