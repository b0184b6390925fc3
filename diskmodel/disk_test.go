package diskmodel

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

func TestStallAndSlow(t *testing.T) {
	s := newStory(t, 1)
	f := s.open("a")
	s.Stall(s.Now() + 5e9)
	begun := s.Now()
	s.write(f, "x", 0)
	if took := s.Now() - begun; took != 5e9 {
		t.Errorf("a write took %d ns amid a stall of 5 s", took)
	}
	s.SetSlow(time.Second)
	begun = s.Now()
	s.write(f, "x", 0)
	if took := s.Now() - begun; took < 1e9 || took > 2e9 {
		t.Errorf("a write took %d ns on a disk slowed by 1 s", took)
	}
	s.SetSlow(0)
	begun = s.Now()
	s.write(f, "x", 0)
	if took := s.Now() - begun; took > 1e6 {
		t.Errorf("a write took %d ns on a disk as before", took)
	}
}

func TestFilesAreIndependent(t *testing.T) {
	s := newStory(t, 1)
	a, b := s.open("a"), s.open("b")
	var order []string
	a.WriteAt(make([]byte, 10<<20), 0, func(error) { order = append(order, "a") })
	b.WriteAt(make([]byte, 1), 0, func(error) { order = append(order, "b") })
	s.settle()
	if !slices.Equal(order, []string{"b", "a"}) {
		t.Errorf("a byte in one file waited for 10 MiB in another: %q", order)
	}
}

func TestLimits(t *testing.T) {
	k := sim.New(1)
	cfg := DefaultConfig()
	cfg.MaxFileBytes, cfg.DirtyBytes = 10_000, 5_000
	s := &story{TB: t, Kernel: k, Disk: New(k, 1, cfg)}
	s.boot()
	f := s.open("a")
	s.must(s.syncDir("."))
	var errs []error
	f.WriteAt(make([]byte, 2), 9_999, func(err error) { errs = append(errs, err) })
	f.WriteAt(make([]byte, 2), 1<<62, func(err error) { errs = append(errs, err) })
	f.Truncate(10_001, func(err error) { errs = append(errs, err) })
	s.settle()
	for _, err := range errs {
		if !errors.Is(err, env.ErrNoSpace) {
			t.Errorf("beyond the limit: %v", err)
		}
	}
	s.write(f, strings.Repeat("x", 4_000), 0)
	if s.Durable("a", 0, 1) {
		t.Error("a write was written back below the limit")
	}
	s.write(f, strings.Repeat("y", 4_000), 4_000)
	if !s.Durable("a", 0, 8_000) || s.Stats().WrittenBack != 1 {
		t.Error("nothing was written back above the limit")
	}
}

func TestTraceCoversTheDisk(t *testing.T) {
	run := func(p string, name string) (uint64, []string) {
		s := newStory(t, 1)
		var lines []string
		s.SetSink(func(e sim.Event) { lines = append(lines, Describe(e)) })
		f := s.durableFile(name, p)
		f.ReadAt(make([]byte, 3), 0, func(int, error) {})
		f.Truncate(1, s.must)
		s.settle()
		s.PowerLoss(KeepPrefix)
		return s.Hash(), lines
	}
	hash, lines := run("content", "a")
	if again, _ := run("content", "a"); again != hash {
		t.Error("the same story has another hash")
	}
	if other, _ := run("contenT", "a"); other == hash {
		t.Error("a written bit does not reach the hash")
	}
	if other, _ := run("content", "b"); other == hash {
		t.Error("a name does not reach the hash")
	}
	for i, want := range []string{"open", "write of file #1 at 0, 7 bytes", "sync of file #1", "syncdir", "read of file #1 at 0, 3 bytes", "truncate of file #1 at 1", "process crash", "power loss, keep-prefix"} {
		if i >= len(lines) || !strings.Contains(lines[i], want) {
			t.Errorf("line %d of %q does not say %q", i, lines, want)
		}
	}
}
