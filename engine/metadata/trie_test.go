package metadata

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A trie is a map, iterates in order, and a copy of it is a snapshot, whatever
// is changed under later edits.
func TestTrieIsAPersistentMap(t *testing.T) {
	type version struct {
		trie trie[int]
		want map[uint64]int
	}
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(rapid.OneOf(rapid.Uint64Range(0, 100), rapid.Uint64Range(0, 3000), rapid.Uint64()), 1, 40).Draw(t, "keys")
		now := version{want: map[uint64]int{}}
		var old []version
		for step := range rapid.IntRange(1, 8).Draw(t, "edits") {
			e := new(edit)
			for range rapid.IntRange(1, 12).Draw(t, "changes") {
				k := rapid.SampledFrom(keys).Draw(t, "key")
				if rapid.Bool().Draw(t, "remove") {
					now.trie.remove(e, k)
					delete(now.want, k)
				} else {
					now.trie.set(e, k, step)
					now.want[k] = step
				}
			}
			old = append(old, version{now.trie, maps.Clone(now.want)})
		}
		for i, v := range old {
			var order []uint64
			got := map[uint64]int{}
			for k, x := range v.trie.all() {
				order, got[k] = append(order, k), x
			}
			if !maps.Equal(got, v.want) || v.trie.size != len(v.want) || !slices.IsSorted(order) {
				t.Fatalf("version %d: %v of size %d, want %v", i, got, v.trie.size, v.want)
			}
			for _, k := range append(keys, keys[0]+1) {
				x, ok := v.trie.get(k)
				if want, is := v.want[k]; ok != is || x != want {
					t.Fatalf("version %d: key %d is %d, %v, want %d, %v", i, k, x, ok, want, is)
				}
			}
			if v.trie.size == 0 && v.trie.root != nil {
				t.Fatalf("version %d: an empty trie keeps branches", i)
			}
		}
	})
}

func TestTrieIterationStops(t *testing.T) {
	var tr trie[int]
	e := new(edit)
	for k := range uint64(2000) {
		tr.set(e, k, 0)
	}
	n := 0
	for range tr.all() {
		if n++; n == 40 {
			break
		}
	}
	if n != 40 {
		t.Fatalf("went on to %d", n)
	}
}

// Names that share a bucket are told apart, and go one by one.
func TestNamesThatShareABucket(t *testing.T) {
	seen := map[uint64]string{}
	var a, b string
	for i := 0; a == ""; i++ {
		name := string([]byte{'a' + byte(i%26), 'a' + byte(i/26%26), 'a' + byte(i/676%26), 'a' + byte(i/17576)})
		if other, ok := seen[bucket(name)]; ok {
			a, b = other, name
		}
		seen[bucket(name)] = name
	}
	s, err := New(Genesis{Cluster: 1})
	if err != nil {
		t.Fatal(err)
	}
	do := func(c Command) {
		t.Helper()
		if s, _, err = s.Do(s.Version()+1, c); err != nil {
			t.Fatal(err)
		}
	}
	do(RegisterNode{Node: 1, Disk: 1, Incarnation: 1})
	do(CreateTopic{Name: a, Partitions: 1, Factor: 1})
	do(CreateTopic{Name: b, Partitions: 1, Factor: 1})
	if s.Topic(a).ID != 1 || s.Topic(b).ID != 2 {
		t.Fatal("found the wrong topic")
	}
	do(DeleteTopic{Name: a})
	if s.Topic(a) != nil || s.Topic(b).ID != 2 {
		t.Fatal("deleted the wrong topic")
	}
	do(DeleteTopic{Name: b})
	if s.Topic(b) != nil || s.names.size != 0 {
		t.Fatal("the name is still there")
	}
}
