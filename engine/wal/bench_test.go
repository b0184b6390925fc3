package wal_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// void is a disk that takes everything at once and keeps nothing, so that a
// benchmark measures the log. Only what Apply asks of a disk works.
type void struct{ env.Disk }

type voidFile struct{ env.File }

func (void) Open(_ string, _ env.OpenMode, done func(env.File, error)) { done(voidFile{}, nil) }

func (voidFile) WriteAt(_ []byte, _ int64, done func(error)) { done(nil) }

// unhinged gives a log that was opened on a platter and lives on over void.
func unhinged(t tb, s wal.Settings) *wal.Log {
	d := newPlatter(1)
	p := start(t, d, 0)
	w := &swap{Disk: p.mount}
	p.log = wal.New(env.Env{Disk: w}, p.tasks, wal.Config{Dir: "groups/7", Genesis: s, TailBytes: 4 << 20}, func(err error) { t.Fatal(err) })
	p.format()
	p.mustOpen()
	w.Disk = void{}
	return p.log
}

type swap struct{ env.Disk }

var roomy = wal.Settings{SegmentBytes: 64 << 20, IndexIntervalBytes: 4 << 10, MaxBatchBytes: 1 << 20}

func BenchmarkApply(b *testing.B) {
	for _, size := range []int{100, 1 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			l := unhinged(b, roomy)
			e := machine.Entry{Term: 1, Data: wal.AppendBatchCommand(nil, batch(0, 1, size))}
			b.SetBytes(int64(len(e.Data)))
			b.ReportAllocs()
			for b.Loop() {
				e.Index++
				if r := l.Apply(e); r.Err != nil {
					b.Fatal(r.Err)
				}
			}
		})
	}
}

// TestApplyAllocatesNothing but the tail's chunks, once in many batches.
func TestApplyAllocatesNothing(t *testing.T) {
	l := unhinged(t, roomy)
	e := machine.Entry{Term: 1, Data: wal.AppendBatchCommand(nil, batch(0, 1, 100))}
	for range 100_000 { // beyond the growth of the chunks
		e.Index++
		l.Apply(e)
	}
	if n := testing.AllocsPerRun(10_000, func() {
		e.Index++
		l.Apply(e)
	}); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

func BenchmarkReadTail(b *testing.B) {
	l := unhinged(b, roomy)
	e := machine.Entry{Term: 1, Data: wal.AppendBatchCommand(nil, batch(0, 1, 1000))}
	for range 2000 {
		e.Index++
		l.Apply(e)
	}
	done := func(p []byte, err error) {
		if err != nil || len(p) == 0 {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		l.Read(i*31%2000, 2000, 8<<10, done)
	}
}

func BenchmarkReadDisk(b *testing.B) {
	d := newPlatter(1)
	p := start(b, d, 1)
	p.log = wal.New(env.Env{Disk: p.mount}, p.tasks, wal.Config{Dir: "groups/7", Genesis: roomy, TailBytes: 1}, func(err error) { b.Fatal(err) })
	p.format()
	p.mustOpen()
	e := machine.Entry{Term: 1, Data: wal.AppendBatchCommand(nil, batch(0, 1, 1000))}
	for range 2000 {
		e.Index++
		p.log.Apply(e)
	}
	p.steps(1 << 20)
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		if got, err := p.read(i*31%1900, 2000, 8<<10); err != nil || len(got) == 0 {
			b.Fatal(err)
		}
	}
}

// hollow is a disk whose segments have their length and no bytes, so that a
// benchmark of Open measures how much it asks for.
type hollow struct {
	env.Disk
	sizes map[string]int64
}

type hollowFile struct {
	env.File
	size int64
}

func (h hollow) Open(name string, mode env.OpenMode, done func(env.File, error)) {
	if size, ok := h.sizes[name]; ok {
		done(hollowFile{size: size}, nil)
		return
	}
	h.Disk.Open(name, mode, done)
}

func (f hollowFile) Size(done func(int64, error)) { done(f.size, nil) }
func (f hollowFile) Close()                       {}

// BenchmarkRecovery opens a log of 160 segments of 64 MiB, 10 GiB in all. It
// looks at their lengths and reads the record: nothing of what is in them.
func BenchmarkRecovery(b *testing.B) {
	d := newPlatter(1)
	p := start(b, d, 0)
	p.format()
	p.mustOpen()
	e := machine.Entry{Term: 1, Data: wal.AppendBatchCommand(nil, batch(0, 1, 900))}
	for range 160 {
		e.Index++
		p.log.Apply(e)
	}
	p.checkpoint("")
	manifest, err := p.log.Snapshot()
	if err != nil || len(manifest.Files) != 160 {
		b.Fatal(len(manifest.Files), err)
	}
	p.kill()
	sizes := map[string]int64{}
	for _, f := range manifest.Files {
		sizes["groups/7/"+f.Name] = f.Bytes
	}
	b.ReportAllocs()
	for b.Loop() {
		m, tasks := d.mount(), &env.Tasks{}
		l := wal.New(env.Env{Disk: hollow{m, sizes}}, tasks, wal.Config{Dir: "groups/7"}, func(err error) { b.Fatal(err) })
		opened := false
		l.Open(func(_ machine.Checkpoint, err error) {
			if opened = true; err != nil {
				b.Fatal(err)
			}
		})
		for !opened {
			m.step()
		}
		if m.reads > 8 {
			b.Fatalf("%d reads", m.reads)
		}
	}
}

// BenchmarkScrub verifies batches of 1 KiB and of 64 KiB.
func BenchmarkScrub(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			d := newPlatter(1)
			p := start(b, d, 1)
			p.log = wal.New(env.Env{Disk: p.mount}, p.tasks, wal.Config{Dir: "groups/7", Genesis: roomy, TailBytes: 1}, func(err error) { b.Fatal(err) })
			p.format()
			p.mustOpen()
			e := machine.Entry{Term: 1, Data: wal.AppendBatchCommand(nil, batch(0, 1, size))}
			for total := 0; total < 16<<20; total += size {
				e.Index++
				p.log.Apply(e)
			}
			p.checkpoint("")
			b.SetBytes(16 << 20)
			b.ReportAllocs()
			for b.Loop() {
				p.scrub()
			}
			if len(p.log.Bad()) > 0 {
				b.Fatal(p.log.Bad())
			}
		})
	}
}
