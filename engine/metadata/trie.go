package metadata

import "iter"

const (
	trieBits  = 5
	trieWidth = 1 << trieBits
	trieMask  = trieWidth - 1
)

// edit is the right to change in place what was made under it. Whoever holds
// none sees branches that never change.
type edit struct{ _ byte }

// trie is a persistent map from numbers, dense ones above all, to values. A copy
// of the struct is a snapshot: set and remove copy the path to what they change,
// once an edit. Iteration ascends.
type trie[V any] struct {
	root   *branch[V] // nil: empty
	height int        // levels; 0: empty
	size   int
}

// branch covers trieWidth keys (a leaf, with vals) or subtrees (with kids).
type branch[V any] struct {
	owner *edit
	used  uint32 // slots in use
	kids  *[trieWidth]*branch[V]
	vals  *[trieWidth]V
}

func slot(key uint64, level int) uint64 { return key >> (trieBits * level) & trieMask }

// get finds the value of key.
func (t *trie[V]) get(key uint64) (v V, ok bool) {
	if t.root == nil || key>>(trieBits*t.height) != 0 {
		return v, false
	}
	b := t.root
	for level := t.height - 1; level > 0; level-- {
		if b = b.kids[slot(key, level)]; b == nil {
			return v, false
		}
	}
	s := slot(key, 0)
	if b.used>>s&1 == 0 {
		return v, false
	}
	return b.vals[s], true
}

// set gives key a value.
func (t *trie[V]) set(e *edit, key uint64, v V) {
	for t.height == 0 || key>>(trieBits*t.height) != 0 {
		if t.root != nil {
			up := (*branch[V])(nil).own(e, t.height)
			up.kids[0], up.used = t.root, 1
			t.root = up
		}
		t.height++
	}
	t.root = t.set1(e, t.root, t.height-1, key, v)
}

func (t *trie[V]) set1(e *edit, b *branch[V], level int, key uint64, v V) *branch[V] {
	b = b.own(e, level)
	s := slot(key, level)
	if level > 0 {
		b.kids[s] = t.set1(e, b.kids[s], level-1, key, v)
	} else {
		if b.used>>s&1 == 0 {
			t.size++
		}
		b.vals[s] = v
	}
	b.used |= 1 << s
	return b
}

// remove forgets key, if it is there.
func (t *trie[V]) remove(e *edit, key uint64) {
	if _, ok := t.get(key); !ok {
		return
	}
	t.size--
	if t.root = t.root.remove1(e, t.height-1, key); t.root == nil {
		t.height = 0
	}
}

func (b *branch[V]) remove1(e *edit, level int, key uint64) *branch[V] {
	b = b.own(e, level)
	s := slot(key, level)
	var none V
	if level == 0 {
		b.vals[s] = none
		b.used &^= 1 << s
	} else if b.kids[s] = b.kids[s].remove1(e, level-1, key); b.kids[s] == nil {
		b.used &^= 1 << s
	}
	if b.used == 0 {
		return nil
	}
	return b
}

// own gives a branch that e may change: b itself, a copy, or a new one.
func (b *branch[V]) own(e *edit, level int) *branch[V] {
	if b != nil && b.owner == e {
		return b
	}
	n := &branch[V]{owner: e}
	if level > 0 {
		n.kids = new([trieWidth]*branch[V])
	} else {
		n.vals = new([trieWidth]V)
	}
	if b != nil {
		n.used = b.used
		if level > 0 {
			*n.kids = *b.kids
		} else {
			*n.vals = *b.vals
		}
	}
	return n
}

// all iterates over keys and values by ascending key.
func (t *trie[V]) all() iter.Seq2[uint64, V] {
	root, height := t.root, t.height
	return func(yield func(uint64, V) bool) {
		if root != nil {
			root.walk(height-1, 0, yield)
		}
	}
}

func (b *branch[V]) walk(level int, base uint64, yield func(uint64, V) bool) bool {
	for s := range uint64(trieWidth) {
		if b.used>>s&1 == 0 {
			continue
		}
		key := base | s<<(trieBits*level)
		if level == 0 {
			if !yield(key, b.vals[s]) {
				return false
			}
		} else if !b.kids[s].walk(level-1, key, yield) {
			return false
		}
	}
	return true
}
