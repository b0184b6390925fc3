package journal_test

import (
	"fmt"
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
	names []string
}

func (d *instantDisk) Open(name string, _ env.OpenMode, done func(env.File, error)) {
	done(&instantFile{w: d.instant, name: name}, nil)
}
func (d *instantDisk) Rename(_, _ string, done func(error))      { done(nil) }
func (d *instantDisk) Remove(_ string, done func(error))         { done(nil) }
func (d *instantDisk) Mkdir(_ string, done func(error))          { done(nil) }
func (d *instantDisk) List(_ string, done func([]string, error)) { done(d.names, nil) }
func (d *instantDisk) SyncDir(_ string, done func(error))        { done(nil) }

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

// benchJournal is an open journal in an instant world.
func benchJournal(b *testing.B, groups int) (*journal.Journal, *instant) {
	w := &instant{}
	disk := &instantDisk{instant: w}
	cfg := journal.DefaultConfig()
	cfg.WindowBytes = 4 << 20
	e := env.Env{Clock: w, Disk: &formatted{instantDisk: disk}, Tracer: env.Discard, Entropy: w}
	tasks := &env.Tasks{}
	var j *journal.Journal
	tasks.Go("open", func(t *env.Task) {
		if err := journal.Format(t, e, cfg, testID, genesis(groups)); err != nil {
			b.Error(err)
			return
		}
		disk.names = []string{"j-0000000000000001"}
		var err error
		if j, err = journal.Open(t, e, cfg, testID, nil, tasks, func(err error) { b.Error(err) }); err != nil {
			b.Error(err)
		}
	})
	w.drain()
	if j == nil {
		b.Fatal("not open")
	}
	return j, w
}

// formatted opens the file that Format made under its later name.
type formatted struct {
	*instantDisk
	first env.File
}

func (d *formatted) Open(name string, mode env.OpenMode, done func(env.File, error)) {
	if d.first != nil && strings.HasSuffix(name, "j-0000000000000001") {
		done(d.first, nil)
		return
	}
	d.instantDisk.Open(name, mode, func(f env.File, err error) {
		if d.first == nil {
			d.first = f
		}
		done(f, err)
	})
}

// BenchmarkAppend appends one entry of 1 KiB to each group, all sharing one
// sync, and waits for it; ns/op and allocations are per entry.
func BenchmarkAppend(b *testing.B) {
	for _, groups := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("groups=%d", groups), func(b *testing.B) {
			j, w := benchJournal(b, groups)
			data := []byte(strings.Repeat("d", 1<<10))
			term, kind := uint64(1), raftpb.EntryNormal
			blocks := make([]uint64, b.N+groups)
			entries := make([]raftpb.Entry, b.N+groups)
			pointers := make([]*raftpb.Entry, len(entries))
			for i := range entries {
				blocks[i] = uint64(i/groups + 1)
				e := &entries[i]
				e.Index, e.Term, e.Type, e.Data = &blocks[i], &term, &kind, data
				pointers[i] = e
			}
			count := 0
			done := func() { count++ }
			b.SetBytes(1 << 10)
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += groups {
				for g := range min(groups, b.N-i) {
					id := env.GroupID(g + 1)
					j.Append(id, journal.HardState{}, pointers[i+g:i+g+1:i+g+1], done)
				}
				w.drain()
				for g := range min(groups, b.N-i) {
					j.View(env.GroupID(g + 1)).SetApplied(blocks[i+g])
				}
			}
			b.StopTimer()
			if count < b.N {
				b.Fatalf("%d of %d done", count, b.N)
			}
			s := j.Stats()
			b.ReportMetric(float64(s.Entries)/float64(s.Syncs), "entries/sync")
		})
	}
}

// BenchmarkEntries asks for 64 entries of the window, as a leader does.
func BenchmarkEntries(b *testing.B) {
	j, w := benchJournal(b, 1)
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

// BenchmarkOpen recovers a journal of 10,000 entries in 16 groups.
func BenchmarkOpen(b *testing.B) {
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
	b.ResetTimer()
	for range b.N {
		n.kill()
		n.open()
	}
	b.ReportMetric(float64(n.j.Stats().Files), "files")
}

// silent is a tester for benchmarks, whose own may not leave its goroutine.
type silent struct{}

func (silent) Helper()                      {}
func (silent) Error(args ...any)            { panic(fmt.Sprint(args...)) }
func (silent) Errorf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }
func (silent) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }
