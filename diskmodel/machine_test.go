package diskmodel

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// reference is a file as the contract describes it, in the simplest way.
type reference struct {
	id       uint64
	open     env.File
	name     string   // as seen; empty: removed or replaced
	states   [][]byte // the durable content, then the one after each unsynced change
	changes  [][2]int // the bytes, from and to, that each of those changes covers
	durably  string   // its durable name
	names    []string // all names since, that one first
	replaced bool     // since its name was durable, it was removed or replaced
	lost     bool     // a sync failed
}

func (r *reference) now() []byte { return r.states[len(r.states)-1] }

// change notes one more unsynced change of the bytes [from, to).
func (r *reference) change(content []byte, from, to int) {
	r.states = append(r.states, content)
	r.changes = append(r.changes, [2]int{from, to})
}

func (r *reference) write(p []byte, off int) {
	content := bytes.Clone(r.now())
	if end := off + len(p); end > len(content) {
		content = append(content, make([]byte, end-len(content))...)
	}
	copy(content[off:], p)
	r.change(content, off, off+len(p))
}

func (r *reference) truncate(size int) {
	content := bytes.Clone(r.now())
	content = append(content[:min(size, len(content))], make([]byte, max(size-len(content), 0))...)
	r.change(content, size, 1<<30)
}

func (r *reference) synced() {
	r.states = [][]byte{r.now()}
	r.changes = nil
}

// durable says what Durable has to say of a file whose syncs never failed.
func (r *reference) durable(off, n int) bool {
	if r.name == "" || r.durably != r.name || len(r.names) != 1 || off+n > min(len(r.states[0]), len(r.now())) {
		return false
	}
	return !slices.ContainsFunc(r.changes, func(c [2]int) bool { return c[0] < off+n && off < c[1] })
}

// mayHold tells whether a byte had that value in some state; behind the end of
// a state it counts as zero, since a hole can come to lie there.
func (r *reference) mayHold(i int, value byte) bool {
	return slices.ContainsFunc(r.states, func(s []byte) bool {
		return i < len(s) && s[i] == value || i >= len(s) && value == 0
	})
}

// machine drives a disk and its reference through the same story.
type machine struct {
	t      *rapid.T
	kernel *sim.Kernel
	disk   *Disk
	mount  env.Disk
	files  []*reference
	unique int
}

func (m *machine) remount() {
	m.mount = m.disk.Mount(func(f func()) { f() })
	for _, r := range m.files {
		r.open = nil
	}
}

// settle runs what was asked for.
func (m *machine) settle() {
	for m.kernel.Step() {
	}
}

func (m *machine) expect(err error) {
	if err != nil {
		m.t.Fatalf("unexpected error: %v", err)
	}
}

func (m *machine) find(name string) *reference {
	i := slices.IndexFunc(m.files, func(r *reference) bool { return r.name == name })
	if i < 0 {
		return nil
	}
	return m.files[i]
}

// file draws a file, opens it, and makes it if there is none.
func (m *machine) file() *reference {
	name := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(m.t, "name")
	r := m.find(name)
	if r == nil {
		r = &reference{name: name, states: [][]byte{{}}, names: []string{"", name}}
		m.files = append(m.files, r)
	}
	if r.open == nil {
		m.mount.Open(name, env.OpenCreate, func(f env.File, err error) { m.expect(err); r.open = f })
		m.settle()
		r.id = m.disk.lookup(name).id
	}
	return r
}

func (m *machine) drawWrite() (p []byte, off int) {
	off = rapid.IntRange(0, 9000).Draw(m.t, "off")
	n := rapid.IntRange(1, 6000).Draw(m.t, "n")
	value := rapid.IntRange(0, 3).Draw(m.t, "value")
	return bytes.Repeat([]byte{byte(value)}, n), off
}

func (m *machine) Write(t *rapid.T) {
	m.t = t
	r := m.file()
	p, off := m.drawWrite()
	r.write(p, off)
	r.open.WriteAt(bytes.Clone(p), int64(off), m.expect)
	m.settle()
}

func (m *machine) Truncate(t *rapid.T) {
	m.t = t
	r := m.file()
	size := rapid.IntRange(0, 12000).Draw(t, "size")
	r.truncate(size)
	r.open.Truncate(int64(size), m.expect)
	m.settle()
}

func (m *machine) Sync(t *rapid.T) {
	m.t = t
	r := m.file()
	r.synced()
	r.open.Sync(m.expect)
	m.settle()
}

func (m *machine) FailSync(t *rapid.T) {
	m.t = t
	r := m.file()
	if rapid.IntRange(0, 3).Draw(t, "rarely") > 0 {
		return
	}
	failed := false
	m.disk.FailNextSync(1)
	r.open.Sync(func(err error) { failed = err != nil })
	m.settle()
	if !failed {
		t.Fatalf("a sync that was to fail succeeded")
	}
	r.lost = true
}

func (m *machine) Rename(t *rapid.T) {
	m.t = t
	r := m.file()
	to := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "to")
	if to != r.name {
		if old := m.find(to); old != nil {
			old.name, old.replaced = "", true
		}
		r.name = to
		r.names = append(r.names, to)
	}
	m.mount.Rename(r.open.Name(), to, m.expect)
	m.settle()
}

func (m *machine) Remove(t *rapid.T) {
	m.t = t
	r := m.file()
	m.mount.Remove(r.name, m.expect)
	m.settle()
	r.name, r.replaced = "", true
}

func (m *machine) SyncDir(t *rapid.T) {
	m.t = t
	m.mount.SyncDir(".", m.expect)
	m.settle()
	for _, r := range m.files {
		r.durably = r.name
		r.names = []string{r.name}
	}
	m.files = slices.DeleteFunc(m.files, func(r *reference) bool { return r.name == "" })
}

// Crash asks for some writes and lets the process die amid them: a prefix, and
// perhaps a part, was carried out.
func (m *machine) Crash(t *rapid.T) {
	m.t = t
	r := m.file()
	before := len(r.states)
	for range rapid.IntRange(0, 4).Draw(t, "queued") {
		p, off := m.drawWrite()
		m.unique++ // so that it shows whether the write was carried out
		p = bytes.Repeat([]byte{byte(10 + m.unique%200)}, len(p))
		r.write(p, off)
		r.open.WriteAt(p, int64(off), func(error) { t.Fatalf("a completion came after the crash") })
	}
	m.disk.Crash()
	m.settle()
	got, _ := m.disk.ReadRaw(r.name)
	m.crashed(r, got, before)
	m.remount()
}

// crashed checks what a file holds after a crash, and takes that for given.
func (m *machine) crashed(r *reference, got []byte, before int) {
	for i := before; i <= len(r.states); i++ {
		if bytes.Equal(got, r.states[i-1]) {
			r.states, r.changes = r.states[:i], r.changes[:i-1]
			return
		}
		if i == len(r.states) {
			break
		}
		if from := r.changes[i-1][0]; partly(got, r.states[i-1], r.states[i]) {
			written := from
			for written < len(got) && got[written] == r.states[i][from] {
				written++
			}
			r.states, r.changes = append(r.states[:i], got), append(r.changes[:i-1], [2]int{from, written})
			return
		}
	}
	m.t.Fatalf("after a crash %s holds what no prefix of the writes explains", r.name)
}

// partly tells whether got is the later state up to some byte and the earlier
// one behind.
func partly(got, earlier, later []byte) bool {
	i := 0
	for i < len(got) && i < len(later) && got[i] == later[i] {
		i++
	}
	for ; i < len(got); i++ {
		if i >= len(earlier) || got[i] != earlier[i] {
			return false
		}
	}
	return len(got) >= len(earlier)
}

func (m *machine) PowerLoss(t *rapid.T) {
	m.t = t
	mode := LossMode(rapid.IntRange(0, int(lossModes)-1).Draw(t, "mode"))
	type promise struct {
		r      *reference
		off, n int
		bytes  []byte
	}
	var promises []promise
	where := m.kernel.Rand("promises", uint64(len(m.files)))
	for _, r := range m.files {
		for range 20 {
			off, n := where.Pick(10000), where.Pick(3000)
			if r.name != "" && m.disk.Durable(r.name, int64(off), int64(n)) {
				promises = append(promises, promise{r, off, n, r.now()[off : off+n]})
			}
		}
	}
	report := m.disk.PowerLoss(mode)
	if report.LostWrites > report.Unsynced {
		t.Fatalf("%d of %d unsynced changes lost", report.LostWrites, report.Unsynced)
	}
	m.survivors(mode)
	for _, p := range promises {
		got, ok := m.disk.ReadRaw(p.r.name)
		if !ok || p.off+p.n > len(got) || !bytes.Equal(got[p.off:p.off+p.n], p.bytes) {
			t.Fatalf("%s [%d, +%d) was durable, and did not survive %v", p.r.name, p.off, p.n, mode)
		}
	}
	m.remount()
}

// survivors checks each file after a power loss, and takes what it finds for
// given: all of it is durable.
func (m *machine) survivors(mode LossMode) {
	found := map[uint64]string{}
	for _, name := range m.disk.Files() {
		id := m.disk.lookup(name).id
		if other, dup := found[id]; dup {
			m.t.Fatalf("one file has the names %s and %s", other, name)
		}
		found[id] = name
	}
	m.files = slices.DeleteFunc(m.files, func(r *reference) bool {
		name, survived := found[r.id]
		m.checkSurvivor(r, name, survived, mode)
		delete(found, r.id)
		got, _ := m.disk.ReadRaw(name)
		*r = reference{id: r.id, name: name, durably: name, names: []string{name}, states: [][]byte{got}}
		return !survived
	})
	if len(found) > 0 {
		m.t.Fatalf("%d files came from nowhere", len(found))
	}
}

func (m *machine) checkSurvivor(r *reference, name string, survived bool, mode LossMode) {
	switch {
	case !survived && r.durably != "" && !r.replaced:
		m.t.Fatalf("the file durable as %s is gone", r.durably)
	case !survived:
		return
	case !slices.Contains(r.names, name):
		m.t.Fatalf("a file that was named %q is named %q", r.names, name)
	case mode == LoseAll && name != r.durably:
		m.t.Fatalf("%s survives as %s although all was to be lost", r.durably, name)
	}
	if r.lost {
		return
	}
	got, _ := m.disk.ReadRaw(name)
	switch mode {
	case LoseAll:
		if !bytes.Equal(got, r.states[0]) {
			m.t.Fatalf("%s is not what was synced", name)
		}
	case KeepPrefix:
		if !slices.ContainsFunc(r.states, func(s []byte) bool { return bytes.Equal(got, s) }) {
			m.t.Fatalf("%s is no prefix of its changes", name)
		}
	default: // checked byte by byte
	}
	for i, value := range got {
		if !r.mayHold(i, value) {
			m.t.Fatalf("byte %d of %s is %d, which it never was", i, name, value)
		}
	}
}

// Check compares what is seen, and what counts as durable.
func (m *machine) Check(t *rapid.T) {
	var names []string
	for _, r := range m.files {
		if r.name == "" {
			continue
		}
		names = append(names, r.name)
		got, ok := m.disk.ReadRaw(r.name)
		if !ok || !bytes.Equal(got, r.now()) {
			t.Fatalf("%s does not read back", r.name)
		}
		for _, at := range [][2]int{{0, 0}, {0, len(got)}, {100, 50}, {4000, 200}, {len(got) / 2, 100}} {
			is, want := m.disk.Durable(r.name, int64(at[0]), int64(at[1])), r.durable(at[0], at[1])
			if is != want && !r.lost {
				t.Fatalf("%s [%d, +%d): durable %v, not %v", r.name, at[0], at[1], is, want)
			}
		}
	}
	slices.Sort(names)
	if got := m.disk.Files(); !slices.Equal(got, names) {
		t.Fatalf("files %q, not %q", got, names)
	}
	if err := m.disk.invariants(); err != nil {
		t.Fatalf("%v", err)
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

func TestDiskAgainstReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := sim.New(rapid.Uint64().Draw(t, "seed"))
		m := &machine{t: t, kernel: k, disk: New(k, 1, DefaultConfig())}
		m.remount()
		t.Repeat(map[string]func(*rapid.T){
			"":         m.Check,
			"write":    m.Write,
			"truncate": m.Truncate,
			"sync":     m.Sync,
			"failsync": m.FailSync,
			"rename":   m.Rename,
			"remove":   m.Remove,
			"syncdir":  m.SyncDir,
			"crash":    m.Crash,
			"power":    m.PowerLoss,
		})
	})
}
