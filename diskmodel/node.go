package diskmodel

import (
	"maps"
	"slices"
	"strings"
)

// node is a file or a directory, apart from its names.
type node struct {
	id      uint64
	name    string // its path as seen; the last one once it has none
	content        // of a file
	dir     *directory
	queue   queue // of a file: its operations, in order
	handles int
	// entryLost: its durable name is gone, a fault laid over the directory.
	entryLost bool
	// There are no hard links: one place as seen, one on the medium, or none.
	at, durableAt entry
}

// directory maps names to nodes, as seen and on the medium.
type directory struct {
	entries map[string]*node
	durable map[string]*node
}

func newDirectory() *directory {
	return &directory{entries: map[string]*node{}, durable: map[string]*node{}}
}

// sorted gives the names in the directory, also those that a fault hides.
func (d *directory) sorted() []string { return slices.Sorted(maps.Keys(d.entries)) }

// seen gives the names in the directory that processes see.
func (d *directory) seen() []string {
	return slices.DeleteFunc(d.sorted(), func(name string) bool { return d.entries[name].entryLost })
}

// newNode makes a file, or a directory.
func (d *Disk) newNode(dir bool) *node {
	d.lastNode++
	n := &node{id: d.lastNode}
	if dir {
		n.dir = newDirectory()
	} else {
		d.files = append(d.files, n)
	}
	return n
}

// checkName asserts what env.Disk says about names; the root is "" or ".".
func checkName(name string) string {
	if name == "." {
		return ""
	}
	bad := strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.Contains(name, "//")
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || part == ".." || part == "."
	}
	if bad {
		panic("diskmodel: a name that is not clean: " + name)
	}
	return name
}

// lookup finds the node under a name as processes see it; nil if there is none.
func (d *Disk) lookup(name string) *node {
	at := d.root
	for len(name) > 0 && at != nil {
		if at.dir == nil {
			return nil
		}
		var part string
		part, name, _ = strings.Cut(name, "/")
		at = at.child(part)
	}
	return at
}

// durablePath finds the node under a name if all entries that lead to it are
// durable, with no change of them pending, also none that others took back; nil
// otherwise.
func (d *Disk) durablePath(name string) *node {
	at := d.root
	for len(name) > 0 {
		var part string
		part, name, _ = strings.Cut(name, "/")
		next := at.dir.entries[part]
		if next == nil || at.dir.durable[part] != next || len(name) > 0 && next.dir == nil {
			return nil
		}
		for i := range d.entryChanges {
			if d.entryChanges[i].touches(entry{at, part}) {
				return nil
			}
		}
		at = next
	}
	return at
}

// parent splits a name into its directory, which may be missing, and its last
// part.
func (d *Disk) parent(name string) (dir *node, base string) {
	cut := strings.LastIndexByte(name, '/')
	dir = d.lookup(name[:max(cut, 0)])
	if dir != nil && dir.dir == nil {
		dir = nil
	}
	return dir, name[cut+1:]
}

// walk visits every node below dir as seen, in order of names.
func walk(dir *node, visit func(n *node)) {
	for _, name := range dir.dir.sorted() {
		n := dir.dir.entries[name]
		visit(n)
		if n.dir != nil {
			walk(n, visit)
		}
	}
}

// join is a path below dir.
func join(dir *node, base string) string {
	if dir.name == "" {
		return base
	}
	return dir.name + "/" + base
}

// renamed tells n, and all below it, their new name.
func (n *node) renamed(name string) {
	n.name = name
	if n.dir != nil {
		for _, base := range n.dir.sorted() {
			n.dir.entries[base].renamed(join(n, base))
		}
	}
}
