package direct_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/direct"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/record"
	"github.com/lockstep-log/lockstep/engine/wal"
	"github.com/lockstep-log/lockstep/sim"
)

var small = wal.Settings{SegmentBytes: 1000, IndexIntervalBytes: 200, MaxBatchBytes: 4000}

const dir = "groups/7"

// life is one process with a log, on a disk that outlives it.
type life struct {
	t      testing.TB
	kernel *sim.Kernel
	disk   *diskmodel.Disk
	tasks  env.Tasks
	mount  env.Disk
	log    *direct.Log
	dead   bool
	failed error
}

// clock is the kernel's, for one process.
type clock struct{ l *life }

type timer struct{ stopped *bool }

func (t timer) Stop() bool { was := !*t.stopped; *t.stopped = true; return was }

func (c clock) Monotonic() time.Duration { return c.l.now() }
func (c clock) Wall() int64              { return c.l.kernel.Now() }
func (c clock) Post(f func())            { c.AfterFunc(0, f) }

func (c clock) AfterFunc(d time.Duration, f func()) env.Timer {
	stopped := false
	c.l.kernel.After(d, func() {
		if !stopped && !c.l.dead {
			f()
		}
	})
	return timer{&stopped}
}

func boot(t testing.TB, kernel *sim.Kernel, disk *diskmodel.Disk, tune func(*direct.Config)) *life {
	l := &life{t: t, kernel: kernel, disk: disk}
	mount := disk.Mount(func(f func()) {
		if !l.dead {
			f()
		}
	})
	l.mount = mount
	cfg := direct.Config{
		Log:             wal.Config{Dir: dir, Genesis: small, TailBytes: 2000, Pool: wal.NewPool(3, time.Second), ZeroBytes: 512},
		CheckpointBytes: 3000, NoteBytes: 1500, NoteAfter: time.Millisecond,
	}
	if tune != nil {
		tune(&cfg)
	}
	e := env.Env{Disk: mount, Clock: clock{l}, Tracer: env.Discard}
	l.log = direct.New(e, &l.tasks, cfg, func(err error) { l.failed = err })
	return l
}

// in runs f as a task, until it is done or the process is dead.
func (l *life) in(f func(t *env.Task) error) (err error) {
	l.t.Helper()
	done := false
	l.tasks.Go("test", func(t *env.Task) { err = f(t); done = true })
	l.until(func() bool { return done || l.dead || l.failed != nil })
	return err
}

func (l *life) until(cond func() bool) {
	l.t.Helper()
	for !cond() {
		if !l.kernel.Step() {
			l.t.Fatalf("nothing left to happen (failed: %v)", l.failed)
		}
	}
}

// sleep lets time pass.
func (l *life) sleep(d time.Duration) {
	l.t.Helper()
	_ = l.in(func(t *env.Task) error { t.Sleep(clock{l}, d); return nil })
}

// end ends the process (-1), or the power.
func (l *life) end(mode int) {
	if l.dead {
		return
	}
	l.dead = true
	l.tasks.Stop()
	if mode < 0 {
		l.disk.Crash()
	} else {
		l.disk.PowerLoss(diskmodel.LossMode(mode))
	}
}

func (l *life) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// fresh formats a disk and opens the log on it.
func fresh(t testing.TB, seed uint64, tune func(*direct.Config)) *life {
	kernel := sim.New(seed)
	disk := diskmodel.New(kernel, 1, diskmodel.DefaultConfig())
	l := boot(t, kernel, disk, tune)
	l.must(l.in(l.log.Format))
	l = boot(t, kernel, disk, tune)
	l.must(l.in(l.log.Open))
	return l
}

// again opens the log in a new process.
func (l *life) again() *life {
	l.t.Helper()
	n := boot(l.t, l.kernel, l.disk, nil)
	n.must(n.in(n.log.Open))
	return n
}

// batch makes a batch of n records, unlike all others. With uniform, all batches
// of n records have one size, so that a stale one may stand where a new one ends.
func batch(tag, n int, uniform bool) []byte {
	b := record.NewBuilder(1_000_000)
	size := 60
	if !uniform {
		size = 20 + tag*37%150
	}
	for i := range n {
		b.Add(1_000_000, fmt.Appendf(nil, "key-%05d-%d", tag, i), bytes.Repeat([]byte{byte('a' + tag%26)}, size))
	}
	return b.Build()
}

func (l *life) now() time.Duration { return time.Duration(l.kernel.Now()) }

const far = time.Hour

// produce appends and waits.
func (l *life) produce(tag, n int) (base int64, unknown bool, err error) {
	l.t.Helper()
	done := false
	l.log.Produce(batch(tag, n, false), l.now()+far, func(b int64, u bool, e error) { base, unknown, err, done = b, u, e, true })
	l.until(func() bool { return done || l.dead || l.failed != nil })
	return base, unknown, err
}

// read gives all batches from the log's start to its end.
func (l *life) read() (all []byte, err error) {
	l.t.Helper()
	for at := l.log.StartOffset(); at < l.log.EndOffset(); {
		var p []byte
		done := false
		l.log.Read(at, l.log.EndOffset(), 700, func(b []byte, e error) { p, err, done = b, e, true })
		l.until(func() bool { return done || l.failed != nil })
		if err != nil {
			return all, err
		}
		if len(p) == 0 {
			return all, fmt.Errorf("nothing at offset %d of %d", at, l.log.EndOffset())
		}
		all = append(all, p...)
		for b, err := range record.Batches(p) {
			if err != nil {
				return all, err
			}
			h, err := record.ParseHeader(b)
			if err != nil {
				return all, err
			}
			at = h.NextOffset()
		}
	}
	return all, nil
}
