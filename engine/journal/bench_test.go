package journal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// instant is a world without a loop to speak of: what is posted runs in turn,
// and writes and syncs complete in the next one. It measures the journal alone.
type instant struct {
	posted []func()
	now    []func()
}

func (w *instant) Monotonic() time.Duration { return 0 }
func (w *instant) Wall() int64              { return 0 }
func (w *instant) Post(f func())            { w.posted = append(w.posted, f) }
func (w *instant) Uint64() uint64           { return 4711 }

func (w *instant) AfterFunc(time.Duration, func()) env.Timer { return noTimer{} }

type noTimer struct{}

func (noTimer) Stop() bool { return true }

func (w *instant) drain() {
	for len(w.posted) > 0 {
		w.now, w.posted = w.posted, w.now[:0]
		for _, f := range w.now {
			f()
		}
	}
}

// instantDisk keeps the heads of files and forgets what is behind them.
type instantDisk struct {
	*instant
	files map[string]*instantFile
}

func (d *instantDisk) Open(name string, mode env.OpenMode, done func(env.File, error)) {
	f := d.files[name]
	switch {
	case f == nil && mode == env.OpenExisting:
		done(nil, env.ErrNotExist)
		return
	case f == nil:
		f = &instantFile{w: d.instant, name: name}
		d.files[name] = f
	}
	done(f, nil)
}

func (d *instantDisk) Rename(from, to string, done func(error)) {
	d.files[to] = d.files[from]
	delete(d.files, from)
	done(nil)
}

func (d *instantDisk) Remove(name string, done func(error)) {
	delete(d.files, name)
	done(nil)
}

func (d *instantDisk) List(dir string, done func([]string, error)) {
	var names []string
	for name := range d.files {
		if base, ok := strings.CutPrefix(name, dir+"/"); ok {
			names = append(names, base)
		}
	}
	slices.Sort(names)
	done(names, nil)
}
func (d *instantDisk) Mkdir(_ string, done func(error))   { done(nil) }
func (d *instantDisk) SyncDir(_ string, done func(error)) { done(nil) }

type instantFile struct {
	w       *instant
	name    string
	head    []byte
	pending func(error)
	report  func()
}

func (f *instantFile) Name() string { return f.name }
func (f *instantFile) WriteAt(p []byte, off int64, done func(error)) {
	if off == 0 {
		f.head = append(f.head[:0], p...)
	}
	done(nil)
}

func (f *instantFile) ReadAt(p []byte, off int64, done func(int, error)) {
	clear(p)
	if off < int64(len(f.head)) {
		copy(p, f.head[off:])
	}
	done(len(p), nil)
}
func (f *instantFile) Truncate(_ int64, done func(error)) { done(nil) }
func (f *instantFile) Size(done func(int64, error))       { done(int64(len(f.head)), nil) }
func (f *instantFile) Close()                             {}
func (f *instantFile) Sync(done func(error)) {
	if f.report == nil {
		f.report = func() { f.pending(nil) }
	}
	f.pending = done
	f.w.Post(f.report)
}

// benchJournal is an open journal in an instant world, in a directory of its own.
func benchJournal(tb testing.TB, w *instant, dir string, groups int) *journal.Journal {
	cfg := journal.DefaultConfig()
	cfg.Dir, cfg.WindowBytes = dir, 4<<20
	e := env.Env{Clock: w, Disk: &instantDisk{instant: w, files: map[string]*instantFile{}}, Tracer: env.Discard, Entropy: w}
	tasks := &env.Tasks{}
	var j *journal.Journal
	tasks.Go("open", func(t *env.Task) {
		if err := journal.Format(t, e, cfg, testID, genesis(groups)); err != nil {
			tb.Error(err)
			return
		}
		var err error
		if j, err = journal.Open(t, e, cfg, testID, nil, tasks, func(err error) { tb.Error(err) }); err != nil {
			tb.Error(err)
		}
	})
	w.drain()
	if j == nil {
		tb.Fatal("not open")
	}
	return j
}

// load is entries of 1 KiB for any number of groups, made beforehand.
type load struct {
	pointers []*raftpb.Entry
	groups   int
	done     int
	onDone   func()
}

func newLoad(groups, entries int) *load {
	l := &load{groups: groups, pointers: make([]*raftpb.Entry, entries)}
	l.onDone = func() { l.done++ }
	data, term, kind := []byte(strings.Repeat("d", 1<<10)), uint64(1), raftpb.EntryNormal
	index, made := make([]uint64, entries), make([]raftpb.Entry, entries)
	for i := range made {
		index[i] = uint64(i/groups + 1)
		e := &made[i]
		e.Index, e.Term, e.Type, e.Data = &index[i], &term, &kind, data
		l.pointers[i] = e
	}
	return l
}

// round appends entry i to the first group and so on, waits until all are durable,
// and applies them. of gives a group's journal and its id there.
func (l *load) round(w *instant, i int, of func(g int) (*journal.Journal, env.GroupID)) {
	for g := range min(l.groups, len(l.pointers)-i) {
		j, id := of(g)
		j.Append(id, journal.HardState{}, l.pointers[i+g:i+g+1:i+g+1], l.onDone)
	}
	w.drain()
	for g := range min(l.groups, len(l.pointers)-i) {
		j, id := of(g)
		j.View(id).SetApplied(l.pointers[i+g].GetIndex())
	}
}

func (l *load) run(b *testing.B, w *instant, of func(g int) (*journal.Journal, env.GroupID), journals ...*journal.Journal) {
	b.SetBytes(1 << 10)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < len(l.pointers); i += l.groups {
		l.round(w, i, of)
	}
	b.StopTimer()
	if l.done != len(l.pointers) {
		b.Fatalf("%d of %d done", l.done, len(l.pointers))
	}
	entries, syncs := uint64(0), uint64(0)
	for _, j := range journals {
		s := j.Stats()
		entries, syncs = entries+s.Entries, syncs+s.Syncs
	}
	b.ReportMetric(float64(syncs)/float64(entries), "syncs/entry")
}

// BenchmarkAppend appends one entry of 1 KiB to each group, all sharing one
// sync, and waits for it; ns/op and allocations are per entry. The disk takes no
// time: syncs/entry tells what a real one would add.
func BenchmarkAppend(b *testing.B) {
	for _, groups := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("groups=%d", groups), func(b *testing.B) {
			w := &instant{}
			j := benchJournal(b, w, "journal", groups)
			newLoad(groups, b.N).run(b, w, func(g int) (*journal.Journal, env.GroupID) { return j, env.GroupID(g + 1) }, j)
		})
	}
}

// BenchmarkAppendFilePerGroup is the same with files of its own for each group: a
// journal each.
func BenchmarkAppendFilePerGroup(b *testing.B) {
	for _, groups := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("groups=%d", groups), func(b *testing.B) {
			w := &instant{}
			journals := make([]*journal.Journal, groups)
			for g := range journals {
				journals[g] = benchJournal(b, w, fmt.Sprintf("journal%d", g), 1)
			}
			newLoad(groups, b.N).run(b, w, func(g int) (*journal.Journal, env.GroupID) { return journals[g], 1 }, journals...)
		})
	}
}

// An append costs no memory of its own: what grows, grows with the window, the
// outline and the extents, a few allocations in thousands of entries.
func TestAppendAllocatesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector, which runs the short tests, allocates by itself")
	}
	const groups, rounds = 16, 2000
	w := &instant{}
	j := benchJournal(t, w, "journal", groups)
	l := newLoad(groups, groups*(rounds+2))
	of := func(g int) (*journal.Journal, env.GroupID) { return j, env.GroupID(g + 1) }
	i := 0
	perRound := testing.AllocsPerRun(rounds, func() {
		l.round(w, i, of)
		i += groups
	})
	if perEntry := perRound / groups; perEntry >= 0.1 {
		t.Errorf("%.2f allocations an entry", perEntry)
	}
}

// BenchmarkEntries asks for 64 entries of the window, as a leader does.
func BenchmarkEntries(b *testing.B) {
	w := &instant{}
	j := benchJournal(b, w, "journal", 1)
	j.Append(1, journal.HardState{Term: 1}, span(1, 1000, 1, strings.Repeat("d", 100)), nil)
	w.drain()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		lo := uint64(i%900) + 1
		if got, err := j.View(1).Entries(lo, lo+64, 1<<20); err != nil || len(got) != 64 {
			b.Fatal(len(got), err)
		}
	}
}

// longJournal is one of 10,000 entries in 16 groups.
func longJournal() *node {
	cfg := testConfig()
	cfg.FileBytes, cfg.MaxBatchBytes = 4<<20, 256<<10
	n := newNode(&silent{}, 1, cfg, 16)
	n.open()
	for i := uint64(1); i <= 10_000/16; i++ {
		for g := env.GroupID(1); g <= 16; g++ {
			n.j.Append(g, journal.HardState{Term: 1, Commit: i}, span(i, i, 1, strings.Repeat("d", 256)), nil)
		}
		n.settle()
	}
	return n
}

// bytesInUse is what the journal's files hold.
func (n *node) bytesInUse() (bytes int64) {
	for name := range n.disk.names {
		if strings.Contains(name, "/j-") {
			for _, b := range n.batches(name) {
				bytes += b[1] - b[0]
			}
		}
	}
	return bytes
}

// BenchmarkRecovery opens it again and again.
func BenchmarkRecovery(b *testing.B) {
	n := longJournal()
	b.SetBytes(n.bytesInUse())
	b.ResetTimer()
	for range b.N {
		n.kill()
		n.open()
	}
	b.ReportMetric(float64(n.j.Stats().Files), "files")
}

// BenchmarkScrub reads and checks it.
func BenchmarkScrub(b *testing.B) {
	n := longJournal()
	b.SetBytes(n.bytesInUse())
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		n.await(func(t *env.Task) {
			if err := n.j.Scrub(t, nil, func(d journal.Damage) { b.Errorf("found %+v", d) }); err != nil {
				b.Error(err)
			}
		})
	}
}

// silent is a tester for benchmarks, whose own may not leave its goroutine.
type silent struct{}

func (silent) Helper()                      {}
func (silent) Error(args ...any)            { panic(fmt.Sprint(args...)) }
func (silent) Errorf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }
func (silent) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }
