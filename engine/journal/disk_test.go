package journal_test

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/lockstep-log/lockstep/engine/env"
)

// platter is what survives the process: inodes, and the directory.
type platter struct {
	names   map[string]*inode // as cached
	durable map[string]*inode
	dirs    map[string]bool
	pending []func(map[string]*inode) // directory changes since the last SyncDir
}

type inode struct {
	cache, durable []byte
	changes        []change
}

type change struct {
	off  int64
	data []byte
	size int64 // of a truncation; -1 for a write
}

type loss int

const (
	keepAll loss = iota
	loseAll
	keepPrefix
	keepSubset
	tornSector
	keepLatest // of the directory's changes only the latest, of the files' none
	losses
)

func (l loss) String() string {
	return [...]string{"keep-all", "lose-all", "keep-prefix", "keep-subset", "torn-sector", "keep-latest"}[l]
}

// powerLoss ends the process and the caches.
func (w *world) powerLoss(l loss) {
	w.kill()
	d := &w.disk
	prefix := w.rng.IntN(len(d.pending) + 1)
	for i, apply := range d.pending {
		var kept bool
		switch l {
		case keepAll:
			kept = true
		case keepPrefix:
			kept = i < prefix
		case keepSubset, tornSector:
			kept = w.rng.IntN(2) == 0
		case keepLatest:
			kept = i == len(d.pending)-1
		case loseAll, losses:
		}
		if kept {
			apply(d.durable)
		}
	}
	d.pending = nil
	d.names = maps.Clone(d.durable)
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		d.names[name].lose(l, w.rng)
	}
}

// crash ends the process; a loss below 0 is a crash of the process alone.
func (w *world) crash(l loss) {
	if l < 0 {
		w.kill()
	} else {
		w.powerLoss(l)
	}
}

// lose decides what of the unsynced changes reached the platter.
func (f *inode) lose(l loss, rng *rand.Rand) {
	prefix := 0
	if len(f.changes) > 0 {
		prefix = rng.IntN(len(f.changes) + 1)
	}
	for i, c := range f.changes {
		switch {
		case l == keepAll, l == keepPrefix && i < prefix, l == keepSubset && c.size >= 0:
			f.durable = c.apply(f.durable)
		case l == keepPrefix && i == prefix, l == tornSector && i == len(f.changes)-1:
			if c.size < 0 {
				c.data = c.data[:rng.IntN(len(c.data)+1)]
			}
			f.durable = c.apply(f.durable)
		case l == keepSubset || l == tornSector:
			for off := 0; off < len(c.data); off += 512 {
				if rng.IntN(2) == 0 {
					part := change{off: c.off + int64(off), data: c.data[off:min(off+512, len(c.data))], size: -1}
					f.durable = part.apply(f.durable)
				}
			}
		}
		if l == keepPrefix && i == prefix {
			break
		}
	}
	f.changes, f.cache = nil, slices.Clone(f.durable)
}

func (c change) apply(b []byte) []byte {
	size := c.size
	if size < 0 {
		size = max(int64(len(b)), c.off+int64(len(c.data)))
	}
	if int64(len(b)) < size {
		b = append(b, make([]byte, size-int64(len(b)))...)
	}
	if c.size >= 0 {
		return b[:size]
	}
	copy(b[c.off:], c.data)
	return b
}

// disk implements env.Disk for one process.
type disk struct {
	p *process
	q *ioQueue
}

func (w *world) push(p *process, q *ioQueue, op string, name func() string, act func(err error)) {
	if !p.alive() {
		return
	}
	q.ops = append(q.ops, ioOp{op, name, func() {
		if !p.alive() {
			return
		}
		var err error
		if w.fault != nil {
			err = w.fault(op, name())
		}
		if p.alive() {
			act(err)
		}
	}})
	if !slices.Contains(w.queues, q) {
		w.queues = append(w.queues, q)
	}
}

func (d *disk) do(op, name string, act func() error, done func(error)) {
	d.p.w.push(d.p, d.q, op, func() string { return name }, func(err error) {
		if err == nil {
			err = act()
		}
		done(err)
	})
}

func (d *disk) change(apply func(map[string]*inode)) {
	apply(d.p.w.disk.names)
	d.p.w.disk.pending = append(d.p.w.disk.pending, apply)
}

func (d *disk) Open(name string, mode env.OpenMode, done func(env.File, error)) {
	var f *handle
	d.do("open", name, func() error {
		n := d.p.w.disk.names[name]
		switch {
		case n == nil && mode == env.OpenExisting:
			return env.ErrNotExist
		case n != nil && mode == env.OpenNew:
			return env.ErrExist
		case n == nil:
			n = &inode{}
			d.change(func(m map[string]*inode) { m[name] = n })
		}
		f = &handle{p: d.p, q: &ioQueue{}, n: n}
		return nil
	}, func(err error) {
		if err != nil {
			done(nil, err)
			return
		}
		done(f, nil)
	})
}

func (d *disk) Rename(from, to string, done func(error)) {
	d.do("rename", from, func() error {
		n := d.p.w.disk.names[from]
		if n == nil {
			return env.ErrNotExist
		}
		d.change(func(m map[string]*inode) {
			// Not only from: a rename before this one may be lost for good.
			maps.DeleteFunc(m, func(_ string, at *inode) bool { return at == n })
			m[to] = n
		})
		return nil
	}, done)
}

func (d *disk) Remove(name string, done func(error)) {
	d.do("remove", name, func() error {
		if d.p.w.disk.names[name] == nil {
			return env.ErrNotExist
		}
		d.change(func(m map[string]*inode) { delete(m, name) })
		return nil
	}, done)
}

func (d *disk) Mkdir(dir string, done func(error)) {
	d.do("mkdir", dir, func() error { d.p.w.disk.dirs[dir] = true; return nil }, done)
}

func (d *disk) List(dir string, done func([]string, error)) {
	var names []string
	d.do("list", dir, func() error {
		if !d.p.w.disk.dirs[dir] {
			return env.ErrNotExist
		}
		for _, name := range slices.Sorted(maps.Keys(d.p.w.disk.names)) {
			if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
				names = append(names, rest)
			}
		}
		return nil
	}, func(err error) { done(names, err) })
}

// SyncDir loses what it covers if a fault makes it fail.
func (d *disk) SyncDir(dir string, done func(error)) {
	s := &d.p.w.disk
	d.do("syncdir", dir, func() error {
		for _, apply := range s.pending {
			apply(s.durable)
		}
		return nil
	}, func(err error) {
		s.pending = nil
		done(err)
	})
}

// handle implements env.File.
type handle struct {
	p      *process
	q      *ioQueue
	n      *inode
	closed bool
}

func (f *handle) Name() string {
	for name, n := range f.p.w.disk.names {
		if n == f.n {
			return name
		}
	}
	return ""
}

func (f *handle) do(op string, act func() error, done func(error)) {
	closed := f.closed
	f.p.w.push(f.p, f.q, op, f.Name, func(err error) {
		if closed {
			err = env.ErrClosed
		}
		if err == nil {
			err = act()
		}
		done(err)
	})
}

func (f *handle) change(c change) {
	f.n.cache = c.apply(f.n.cache)
	f.n.changes = append(f.n.changes, c)
}

func (f *handle) WriteAt(p []byte, off int64, done func(error)) {
	was := slices.Clone(p)
	f.do("write", func() error {
		if !slices.Equal(was, p) {
			panic("bytes changed while the disk owned them")
		}
		f.change(change{off: off, data: was, size: -1})
		return nil
	}, done)
}

func (f *handle) ReadAt(p []byte, off int64, done func(int, error)) {
	n := 0
	f.do("read", func() error {
		for at := off; f.p.w.bad != nil && at < off+int64(len(p)); at += 512 {
			if f.p.w.bad(f.Name(), at/512*512) {
				return env.ErrIO
			}
		}
		if off < int64(len(f.n.cache)) {
			n = copy(p, f.n.cache[off:])
		}
		if n < len(p) {
			return io.EOF
		}
		return nil
	}, func(err error) { done(n, err) })
}

func (f *handle) Truncate(size int64, done func(error)) {
	f.do("truncate", func() error { f.change(change{size: size}); return nil }, done)
}

func (f *handle) Size(done func(int64, error)) {
	f.do("size", func() error { return nil }, func(err error) { done(int64(len(f.n.cache)), err) })
}

// Sync loses what it covers if a fault makes it fail.
func (f *handle) Sync(done func(error)) {
	w := f.p.w
	mine := 0
	if strings.Contains(f.Name(), "/j-") {
		mine = 1
	}
	w.dirty += mine
	w.maxSync = max(w.maxSync, w.dirty)
	w.push(f.p, f.q, "sync", f.Name, func(err error) {
		w.dirty -= mine
		w.syncs += mine
		if err == nil {
			for _, c := range f.n.changes {
				f.n.durable = c.apply(f.n.durable)
			}
		}
		f.n.changes = nil
		done(err)
	})
}

func (f *handle) Close() { f.closed = true }

// name finds the only file of the journal whose name ends so.
func (w *world) file(suffix string) *inode {
	for _, name := range slices.Sorted(maps.Keys(w.disk.names)) {
		if strings.HasSuffix(name, suffix) {
			return w.disk.names[name]
		}
	}
	panic(fmt.Sprintf("no file ends in %q", suffix))
}

// rot flips a byte on the platter and in the cache.
func (f *inode) rot(off int64) {
	f.durable[off] ^= 0x40
	f.cache[off] ^= 0x40
}
