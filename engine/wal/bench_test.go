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
