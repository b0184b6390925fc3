package diskmodel

import (
	"slices"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// story drives one disk through straight code: every step waits for its end.
type story struct {
	testing.TB
	*sim.Kernel
	*Disk
	mount env.Disk
}

func newStory(t testing.TB, seed uint64) *story {
	k := sim.New(seed)
	s := &story{TB: t, Kernel: k, Disk: New(k, 1, DefaultConfig())}
	s.boot()
	return s
}

func (s *story) boot() { s.mount = s.Disk.Mount(func(f func()) { f() }) }

func (s *story) settle() {
	for s.Step() {
	}
}

func (s *story) must(err error) {
	if err != nil {
		s.Helper()
		s.Fatalf("unexpected error: %v", err)
	}
}

func (s *story) open(name string) (f env.File) {
	s.mount.Open(name, env.OpenCreate, func(got env.File, err error) { s.must(err); f = got })
	s.settle()
	return f
}

func (s *story) write(f env.File, p string, off int64) {
	f.WriteAt([]byte(p), off, s.must)
	s.settle()
}

func (s *story) sync(f env.File) (err error) {
	f.Sync(func(e error) { err = e })
	s.settle()
	return err
}

// read gives n bytes at off, or the error.
func (s *story) read(f env.File, off int64, n int) (got string, err error) {
	p := make([]byte, n)
	f.ReadAt(p, off, func(n int, e error) { got, err = string(p[:n]), e })
	s.settle()
	return got, err
}

// reads checks that a read through the port gives that.
func (s *story) reads(f env.File, off int64, want string) {
	s.Helper()
	if got, err := s.read(f, off, len(want)); err != nil || got != want {
		s.Errorf("a read at %d gave %q and %v, not %q", off, got, err, want)
	}
}

// damaged checks what Damaged lists.
func (s *story) damaged(want ...Damage) {
	s.Helper()
	if got := s.Damaged(); !slices.Equal(got, want) {
		s.Errorf("damaged are %v, not %v", got, want)
	}
}

// try opens a file that may not be there.
func (s *story) try(name string, mode env.OpenMode) (f env.File, err error) {
	s.mount.Open(name, mode, func(got env.File, e error) { f, err = got, e })
	s.settle()
	return f, err
}

func (s *story) syncDir(dir string) (err error) {
	s.mount.SyncDir(dir, func(e error) { err = e })
	s.settle()
	return err
}

// durableFile makes a file with content that no power loss takes.
func (s *story) durableFile(name, content string) env.File {
	f := s.open(name)
	s.write(f, content, 0)
	s.must(s.sync(f))
	s.must(s.syncDir("."))
	return f
}

// holds checks a file's content; "-" means that there is none of that name.
func (s *story) holds(name, want string) {
	s.Helper()
	got, ok := s.ReadRaw(name)
	if want == "-" && ok || want != "-" && (!ok || string(got) != want) {
		s.Errorf("%s holds %q (there: %v), not %q", name, got, ok, want)
	}
}
