package diskmodel

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// machine drives a disk and its reference through the same story.
type machine struct {
	t      *rapid.T
	kernel *sim.Kernel
	disk   *Disk
	mount  env.Disk
	files  []*reference
	unique int
	errors uint64 // that a fault made a process hear
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

// find gives the file that processes see under a name.
func (m *machine) find(name string) *reference {
	i := slices.IndexFunc(m.files, func(r *reference) bool { return r.name == name && !r.hidden })
	if i < 0 {
		return nil
	}
	return m.files[i]
}

// take makes a name free for another file.
func (m *machine) take(name string) {
	for _, r := range m.files {
		if r.name == name {
			r.name, r.replaced = "", true
		}
	}
}

// file draws a file, opens it, and makes it if there is none.
func (m *machine) file() *reference {
	name := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(m.t, "name")
	r := m.find(name)
	if r == nil {
		m.take(name)
		r = newReference(name)
		m.files = append(m.files, r)
	}
	if r.open == nil {
		m.mount.Open(name, env.OpenCreate, func(f env.File, err error) { m.expect(err); r.open = f })
		m.settle()
		r.id = m.disk.lookup(name).id
	}
	return r
}

// node is the disk's side of a file.
func (m *machine) node(r *reference) *node {
	i := slices.IndexFunc(m.disk.files, func(n *node) bool { return n.id == r.id })
	if i < 0 {
		return nil
	}
	return m.disk.files[i]
}

// cached is what the page cache would hold of a file if it held all of it.
func (m *machine) cached(r *reference) []byte {
	n := m.node(r)
	p := make([]byte, n.cache.size)
	n.cache.read(p, 0)
	return p
}

// medium is what the disk has on the medium of a file.
func (m *machine) medium(r *reference) []refByte {
	n := m.node(r)
	written := make([]byte, n.durable.size)
	n.durable.read(written, 0)
	holds := bytes.Clone(written)
	if n.overlay != nil {
		n.overlay.distort(holds, 0)
	}
	out := make([]refByte, len(written))
	for i := range out {
		bad := n.overlay != nil && n.overlay.unreadable.overlaps(int64(i), int64(i)+1)
		out[i] = refByte{written[i], holds[i], bad}
	}
	return out
}

func (m *machine) drawWrite() (value byte, n, off int) {
	off = rapid.IntRange(0, 9000).Draw(m.t, "off")
	n = rapid.IntRange(1, 6000).Draw(m.t, "n")
	return byte(rapid.IntRange(0, 3).Draw(m.t, "value")), n, off
}

func (m *machine) Write(t *rapid.T) {
	m.t = t
	r := m.file()
	value, n, off := m.drawWrite()
	r.write(value, n, off)
	r.open.WriteAt(bytes.Repeat([]byte{value}, n), int64(off), m.expect)
	m.settle()
}

func (m *machine) Read(t *rapid.T) {
	m.t = t
	r := m.file()
	_, n, off := m.drawWrite()
	var want []byte
	readable := true
	for i := off; i < min(off+n, len(r.now())); i++ {
		value, ok := r.reads(i)
		want = append(want, value)
		readable = readable && ok
	}
	p := make([]byte, n)
	var got int
	var err error
	r.open.ReadAt(p, int64(off), func(read int, e error) { got, err = read, e })
	m.settle()
	switch {
	case !readable:
		m.errors++
		if got != 0 || !errors.Is(err, env.ErrIO) || !isZero(p) {
			t.Fatalf("an unreadable range gave %d bytes and %v", got, err)
		}
	case got != len(want) || !bytes.Equal(p[:got], want):
		t.Fatalf("a read is not what the medium and the page cache hold")
	case (got < n) != errors.Is(err, io.EOF) || got == n && err != nil:
		t.Fatalf("%d of %d bytes, and %v", got, n, err)
	}
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

func (m *machine) Rename(t *rapid.T) {
	m.t = t
	r := m.file()
	to := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "to")
	if to != r.name {
		m.take(to)
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

// Crash asks for some writes and lets the process die amid them, or right after
// one of them: a prefix, and perhaps a part, was carried out.
func (m *machine) Crash(t *rapid.T) {
	m.t = t
	r := m.file()
	before := len(r.states)
	queued := rapid.IntRange(0, 4).Draw(t, "queued")
	told, at := 0, rapid.IntRange(0, queued).Draw(t, "at")
	for range queued {
		_, n, off := m.drawWrite()
		m.unique++ // so that it shows whether the write was carried out
		value := byte(10 + m.unique%200)
		r.write(value, n, off)
		r.open.WriteAt(bytes.Repeat([]byte{value}, n), int64(off), func(error) {
			if told++; told >= at {
				t.Fatalf("a completion came after the crash")
			}
		})
	}
	if at == 0 {
		m.disk.Crash()
	} else {
		steps := 0
		m.disk.Observe(func(Step) {
			if steps++; steps == at {
				m.disk.Crash()
			}
		})
	}
	m.settle()
	m.disk.Observe(nil)
	m.crashed(r, m.cached(r), before+at)
	m.remount()
}

// crashed checks what a file holds after a crash, and takes that for given: at
// least the changes before were carried out.
func (m *machine) crashed(r *reference, got []byte, before int) {
	for i := before; i <= len(r.states); i++ {
		if bytes.Equal(got, r.states[i-1]) {
			r.states, r.changes = r.states[:i], r.changes[:i-1]
			return
		}
		if i == len(r.states) {
			break
		}
		if c := r.changes[i-1]; partly(got, r.states[i-1], r.states[i]) {
			c.to = c.from
			for c.to < len(got) && got[c.to] == c.value {
				c.to++
			}
			r.states, r.changes = append(r.states[:i], got), append(r.changes[:i-1], c)
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
		if got := p.r.now(); p.off+p.n > len(got) || !bytes.Equal(got[p.off:p.off+p.n], p.bytes) {
			t.Fatalf("%s [%d, +%d) was durable, and did not survive %v", p.r.name, p.off, p.n, mode)
		}
	}
	m.remount()
}

// survivors checks each file after a power loss, and takes what it finds for
// given: all of it is durable.
func (m *machine) survivors(mode LossMode) {
	found := map[uint64]string{}
	for _, n := range m.disk.files {
		if _, dup := found[n.id]; dup || !n.at.set() || n.at != n.durableAt {
			m.t.Fatalf("file %d is there twice, or under another name than on the medium", n.id)
		}
		found[n.id] = n.name
	}
	m.files = slices.DeleteFunc(m.files, func(r *reference) bool {
		name, survived := found[r.id]
		m.checkSurvivor(r, name, survived, mode)
		delete(found, r.id)
		if survived {
			*r = reference{id: r.id, name: name, durably: name, names: []string{name}, states: [][]byte{m.cached(r)}, medium: m.medium(r), hidden: r.hidden}
		}
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
	got := m.medium(r)
	media := r.media()
	switch mode {
	case LoseAll:
		if !slices.Equal(got, r.medium) {
			m.t.Fatalf("%s is not what was on the medium", name)
		}
	case KeepPrefix:
		if !slices.ContainsFunc(media, func(b []refByte) bool { return slices.Equal(got, b) }) {
			m.t.Fatalf("%s is no prefix of its changes", name)
		}
	default: // checked byte by byte
	}
	for i, b := range got {
		if !mayHold(media, i, b) {
			m.t.Fatalf("byte %d of %s is %v, which it never was", i, name, b)
		}
	}
}

func TestDiskAgainstReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := sim.New(rapid.Uint64().Draw(t, "seed"))
		m := &machine{t: t, kernel: k, disk: New(k, 1, DefaultConfig())}
		m.remount()
		t.Repeat(map[string]func(*rapid.T){
			"":           m.Check,
			"write":      m.Write,
			"read":       m.Read,
			"truncate":   m.Truncate,
			"sync":       m.Sync,
			"failsync":   m.FailSync,
			"rename":     m.Rename,
			"remove":     m.Remove,
			"syncdir":    m.SyncDir,
			"crash":      m.Crash,
			"power":      m.PowerLoss,
			"rot":        m.Rot,
			"unreadable": m.FailReads,
			"stray":      m.Stray,
			"lostentry":  m.LoseEntry,
			"full":       m.Full,
			"throttle":   m.Throttle,
			"lostdisk":   m.LostDisk,
			"lift":       m.Lift,
		})
	})
}
