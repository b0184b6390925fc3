package wal_test

import (
	"io"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// platter is a disk that survives its process. It keeps the image that any
// power loss leaves apart from what reads back, and carries operations out one
// at a time, in an order drawn from rng but FIFO per file.
type platter struct {
	rng     *rand.Rand
	names   map[string]*inode // as it reads back
	durable map[string]*inode // as of the last SyncDir
	changes []entryChange     // of names, since then
	dirs    map[string]bool   // made; a directory is durable at once
	syncs   int               // carried out so far
	failAt  int               // the sync that makes syncs this number fails; 0: none
	full    bool              // nothing grows

	openFiles int // of the pool that a process has here; 0: it has none
}

type entryChange struct {
	name, from string
	node       *inode // nil: removed
}

// inode is a file's content.
type inode struct {
	data    []byte
	durable []byte
	writes  []write // since the last sync
}

// write is a write, or with size >= 0 a truncation.
type write struct {
	off  int64
	p    []byte
	size int64
}

func newPlatter(seed uint64) *platter {
	return &platter{
		rng: rand.New(rand.NewPCG(seed, 1)), names: map[string]*inode{}, durable: map[string]*inode{},
		dirs: map[string]bool{".": true},
	}
}

func (w write) apply(data []byte) []byte {
	if w.size >= 0 {
		return resize(data, w.size)
	}
	if end := w.off + int64(len(w.p)); end > int64(len(data)) {
		data = resize(data, end)
	}
	copy(data[w.off:], w.p)
	return data
}

func resize(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

func (n *inode) do(w write) {
	n.data = w.apply(n.data)
	n.writes = append(n.writes, w)
}

// loss says what a power loss leaves of what was not synced.
type loss int

const (
	crashOnly  loss = iota // no power loss: everything carried out reads back
	loseAll                // nothing
	keepPrefix             // a prefix of each file's writes, and of the directory's changes
	keepSubset             // any of them, the last one torn
	losses
)

func (k loss) String() string {
	return [...]string{"crash", "lose-all", "keep-prefix", "keep-subset"}[k]
}

// powerLoss makes the surviving image what reads back, and durable.
func (d *platter) powerLoss(kind loss) {
	if kind == crashOnly {
		return
	}
	survives := func(i, n int) bool {
		switch kind {
		case keepPrefix:
			return i < n
		case keepSubset:
			return d.rng.IntN(2) == 0
		default:
			return false
		}
	}
	prefix := d.rng.IntN(len(d.changes) + 1)
	lost := map[*inode]bool{} // what depends on a lost change is lost too
	for i, c := range d.changes {
		if survives(i, prefix) && !lost[c.node] {
			c.apply(d.durable)
		} else if c.node != nil {
			lost[c.node] = true
		}
	}
	d.changes = nil
	d.names = maps.Clone(d.durable)
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		n := d.names[name]
		prefix := d.rng.IntN(len(n.writes) + 1)
		data := slices.Clone(n.durable)
		for i, w := range n.writes {
			if !survives(i, prefix) {
				continue
			}
			if kind == keepSubset && w.size < 0 && i == len(n.writes)-1 {
				w.p = w.p[:d.rng.IntN(len(w.p)+1)]
			}
			data = w.apply(data)
		}
		n.data, n.durable, n.writes = data, slices.Clone(data), nil
	}
}

func (c entryChange) apply(names map[string]*inode) {
	if c.node == nil {
		delete(names, c.name)
		return
	}
	maps.DeleteFunc(names, func(_ string, n *inode) bool { return n == c.node })
	names[c.name] = c.node
}

func (d *platter) change(c entryChange) {
	c.apply(d.names)
	d.changes = append(d.changes, c)
}

// mount is the disk as one process sees it. It implements env.Disk.
type mount struct {
	*platter
	env.Clock // only AfterFunc works, which fires when nothing else is to be done
	timers    []func()
	queues    [][]func() func() // of directories (first) and of each open file; an operation gives its completion
	done      []func()
	open      int
	reads     int
	stopped   bool
}

func (d *platter) mount() *mount { return &mount{platter: d, queues: make([][]func() func(), 1)} }

// step carries out an operation or delivers a completion; false if there is
// nothing to do.
func (m *mount) step() bool {
	var busy []int
	for i, q := range m.queues {
		if len(q) > 0 {
			busy = append(busy, i)
		}
	}
	switch n := len(busy); {
	case m.stopped || n == 0 && len(m.done) == 0 && len(m.timers) == 0:
		return false
	case n == 0 && len(m.done) == 0:
		f := m.timers[0]
		m.timers = m.timers[1:]
		f()
	case len(m.done) > 0 && (n == 0 || m.rng.IntN(2) == 0):
		f := m.done[0]
		m.done = m.done[1:]
		f()
	default:
		i := busy[m.rng.IntN(n)]
		op := m.queues[i][0]
		m.queues[i] = m.queues[i][1:]
		m.done = append(m.done, op())
	}
	return true
}

func (m *mount) AfterFunc(_ time.Duration, f func()) env.Timer {
	m.timers = append(m.timers, f)
	return nil
}

func (m *mount) dir(op func() func()) { m.queues[0] = append(m.queues[0], op) }

func (m *mount) Open(name string, mode env.OpenMode, done func(env.File, error)) {
	m.dir(func() func() {
		n := m.names[name]
		switch {
		case n == nil && mode == env.OpenExisting, !m.dirs[path.Dir(name)]:
			return func() { done(nil, env.ErrNotExist) }
		case n != nil && mode == env.OpenNew:
			return func() { done(nil, env.ErrExist) }
		case n == nil && m.full:
			return func() { done(nil, env.ErrNoSpace) }
		case n == nil:
			n = &inode{}
			m.change(entryChange{name: name, node: n})
		}
		m.queues = append(m.queues, nil)
		m.open++
		f := &fakeFile{m: m, name: name, node: n, queue: len(m.queues) - 1}
		return func() { done(f, nil) }
	})
}

func (m *mount) Rename(from, to string, done func(error)) {
	m.dir(func() func() {
		n := m.names[from]
		if n == nil {
			return func() { done(env.ErrNotExist) }
		}
		m.change(entryChange{name: to, from: from, node: n})
		return func() { done(nil) }
	})
}

func (m *mount) Remove(name string, done func(error)) {
	m.dir(func() func() {
		if m.names[name] == nil {
			return func() { done(env.ErrNotExist) }
		}
		m.change(entryChange{name: name})
		return func() { done(nil) }
	})
}

func (m *mount) Mkdir(dir string, done func(error)) {
	m.dir(func() func() {
		for ; !m.dirs[dir]; dir = path.Dir(dir) {
			m.dirs[dir] = true
		}
		return func() { done(nil) }
	})
}

func (m *mount) List(dir string, done func([]string, error)) {
	m.dir(func() func() {
		if !m.dirs[dir] {
			return func() { done(nil, env.ErrNotExist) }
		}
		var names []string
		for _, name := range slices.Sorted(maps.Keys(m.names)) {
			if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
				names = append(names, rest)
			}
		}
		return func() { done(names, nil) }
	})
}

func (m *mount) SyncDir(dir string, done func(error)) {
	m.dir(func() func() {
		if !m.dirs[dir] {
			return func() { done(env.ErrNotExist) }
		}
		err := m.syncFault()
		var others []entryChange
		for _, c := range m.changes {
			switch {
			case path.Dir(c.name) != dir:
				others = append(others, c)
			case err == nil:
				c.apply(m.durable)
			}
		}
		m.changes = others
		return func() { done(err) }
	})
}

// syncFault decides whether a sync fails. What a failed one covered reads back,
// is not durable, and no later sync makes it so.
func (d *platter) syncFault() error {
	if d.syncs++; d.syncs == d.failAt {
		return env.ErrIO
	}
	return nil
}

// fakeFile implements env.File.
type fakeFile struct {
	m      *mount
	name   string
	node   *inode
	queue  int
	closed bool
}

func (f *fakeFile) op(refused func(), op func() func()) {
	if f.closed {
		f.m.done = append(f.m.done, refused)
		return
	}
	f.m.queues[f.queue] = append(f.m.queues[f.queue], op)
}

func (f *fakeFile) Name() string { return f.name }

func (f *fakeFile) WriteAt(p []byte, off int64, done func(error)) {
	sent := slices.Clone(p)
	f.op(func() { done(env.ErrClosed) }, func() func() {
		if string(sent) != string(p) {
			panic("bytes changed while the disk had them")
		}
		if room := int64(len(f.node.data)) - off; f.m.full && room < int64(len(p)) {
			if room = f.m.rng.Int64N(int64(len(p))); off <= int64(len(f.node.data)) {
				f.node.do(write{off: off, p: sent[:room], size: -1})
			}
			return func() { done(env.ErrNoSpace) }
		}
		f.node.do(write{off: off, p: sent, size: -1})
		return func() { done(nil) }
	})
}

func (f *fakeFile) ReadAt(p []byte, off int64, done func(int, error)) {
	f.op(func() { done(0, env.ErrClosed) }, func() func() {
		f.m.reads++
		n := 0
		if off < int64(len(f.node.data)) {
			n = copy(p, f.node.data[off:])
		}
		if n < len(p) {
			return func() { done(n, io.EOF) }
		}
		return func() { done(n, nil) }
	})
}

func (f *fakeFile) Truncate(size int64, done func(error)) {
	f.op(func() { done(env.ErrClosed) }, func() func() {
		if f.m.full && size > int64(len(f.node.data)) {
			return func() { done(env.ErrNoSpace) }
		}
		f.node.do(write{size: size})
		return func() { done(nil) }
	})
}

func (f *fakeFile) Size(done func(int64, error)) {
	f.op(func() { done(0, env.ErrClosed) }, func() func() {
		n := int64(len(f.node.data))
		return func() { done(n, nil) }
	})
}

func (f *fakeFile) Sync(done func(error)) {
	f.op(func() { done(env.ErrClosed) }, func() func() {
		err := f.m.syncFault()
		if err == nil {
			for _, w := range f.node.writes {
				f.node.durable = w.apply(f.node.durable)
			}
		}
		f.node.writes = nil
		return func() { done(err) }
	})
}

func (f *fakeFile) Close() {
	if !f.closed {
		f.closed = true
		f.m.open--
	}
}
