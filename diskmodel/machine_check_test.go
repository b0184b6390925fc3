package diskmodel

import (
	"bytes"
	"fmt"
	"slices"

	"pgregory.net/rapid"
)

// Check compares what is seen, what is on the medium, and what counts as durable
// and intact.
func (m *machine) Check(t *rapid.T) {
	var names []string
	for _, r := range m.files {
		if r.name == "" {
			continue
		}
		if !r.hidden {
			names = append(names, r.name)
		}
		m.checkContent(t, r)
		size := len(r.now())
		for _, at := range [][2]int{{0, 0}, {0, size}, {100, 50}, {4000, 200}, {size / 2, 100}} {
			off, n := int64(at[0]), int64(at[1])
			if is, want := m.disk.Durable(r.name, off, n), r.durable(at[0], at[1]); is != want && !r.lost {
				t.Fatalf("%s [%d, +%d): durable %v, not %v", r.name, off, n, is, want)
			}
			if is, want := m.disk.Intact(r.name, off, n), r.intact(at[0], at[1]); is != want {
				t.Fatalf("%s [%d, +%d): intact %v, not %v", r.name, off, n, is, want)
			}
		}
	}
	slices.Sort(names)
	if got := m.disk.Files(); !slices.Equal(got, names) {
		t.Fatalf("files %q, not %q", got, names)
	}
	m.checkDamaged(t)
	if got := m.disk.Stats().Errors; got != m.errors {
		t.Fatalf("%d errors counted, not %d", got, m.errors)
	}
	if err := m.disk.invariants(); err != nil {
		t.Fatalf("%v", err)
	}
}

func (m *machine) checkContent(t *rapid.T, r *reference) {
	if !bytes.Equal(m.cached(r), r.now()) {
		t.Fatalf("the true bytes of %s are not what was written", r.name)
	}
	if !slices.Equal(m.medium(r), r.medium) {
		t.Fatalf("%s is not on the medium what it should be", r.name)
	}
	got, seen := m.disk.ReadRaw(r.name)
	if seen == r.hidden || seen && !bytes.Equal(got, r.readRaw()) {
		t.Fatalf("%s does not read back", r.name)
	}
}

// checkDamaged compares Damaged with the media: all that is hurt is listed, and
// of what is listed the ends are hurt.
func (m *machine) checkDamaged(t *rapid.T) {
	hurt := map[string]bool{}
	at := func(name string, i int) string { return fmt.Sprint(name, " ", i) }
	for _, r := range m.files {
		if r.name == "" {
			continue
		}
		for i, b := range r.medium {
			if b.hurt() {
				hurt[at(r.name, i)] = true
			}
		}
		if r.hidden {
			hurt[at(r.name, -1)] = true
		}
	}
	listed := map[string]bool{}
	for _, d := range m.disk.Damaged() {
		first, last := int(d.Off), int(d.Off+d.N-1)
		if d.Kind == KindLostEntry {
			first = -1
		}
		if !hurt[at(d.Name, first)] || !hurt[at(d.Name, max(first, last))] {
			t.Fatalf("%v is listed, and its ends are not hurt", d)
		}
		for i := first; i <= max(first, last); i++ {
			listed[at(d.Name, i)] = true
		}
	}
	for place := range hurt {
		if !listed[place] {
			t.Fatalf("a hurt byte is not listed")
		}
	}
}

// invariants checks what content promises of its pages.
func (d *Disk) invariants() error {
	seen := map[*page]string{}
	for _, n := range d.files {
		for i := range max(len(n.cache.pages), len(n.durable.pages)) {
			a, b := n.cache.at(i), n.durable.at(i)
			for which, pg := range []*page{a, b} {
				if pg == nil || which == 1 && a == b {
					continue
				}
				where := fmt.Sprintf("%d/%d/%d", n.id, i, which)
				if other, dup := seen[pg]; dup {
					return fmt.Errorf("page %s is also %s", where, other)
				}
				seen[pg] = where
			}
		}
		if err := n.overlaid(); err != nil {
			return err
		}
		if pagesFor(n.cache.size) != len(n.cache.pages) || pagesFor(n.durable.size) != len(n.durable.pages) {
			return fmt.Errorf("file %d: %d pages for %d bytes, %d for %d", n.id, len(n.cache.pages), n.cache.size, len(n.durable.pages), n.durable.size)
		}
	}
	for _, pg := range d.pages.free {
		if where, dup := seen[pg]; dup {
			return fmt.Errorf("a free page is also %s", where)
		}
		seen[pg] = "free"
	}
	return nil
}

// overlaid checks the invariants of overlay.
func (n *node) overlaid() error {
	if n.overlay == nil {
		return nil
	}
	end := int64(-1)
	for _, p := range n.overlay.patches {
		if len(p.mask) == 0 || p.mask[0] == 0 || p.mask[len(p.mask)-1] == 0 || p.off < max(end, 0) {
			return fmt.Errorf("file %d: a patch of %d bytes at %d behind %d", n.id, len(p.mask), p.off, end)
		}
		end = p.end()
	}
	bad := int64(-1)
	for _, u := range n.overlay.unreadable {
		if u.off <= bad || u.end <= u.off {
			return fmt.Errorf("file %d: unreadable from %d to %d behind %d", n.id, u.off, u.end, bad)
		}
		bad = u.end
	}
	if max(end, bad) > n.durable.size {
		return fmt.Errorf("file %d: damage up to %d of %d bytes", n.id, max(end, bad), n.durable.size)
	}
	return nil
}
