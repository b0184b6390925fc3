package envtest

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

// diskPart is one promise of env.Disk, or some that are seen together.
type diskPart struct {
	name string
	body func(s *diskScript)
}

// Disk tests an env.Disk and its files. Each part gets a world of its own.
func Disk(t *testing.T, world func(t *testing.T) DiskWorld) {
	for _, part := range slices.Concat(diskContent, diskOrder, diskNames, diskProcesses) {
		t.Run(part.name, func(t *testing.T) {
			w := world(t)
			run(t, w, func(s *script) {
				part.body(&diskScript{script: s, world: w, disk: w.Disk()})
			})
		})
	}
}

// diskScript is a script with a disk and what is often done to it.
type diskScript struct {
	*script
	world DiskWorld
	disk  env.Disk
}

func (s *diskScript) open(name string, mode env.OpenMode) env.File {
	s.t.Helper()
	f, err := s.Open(s.disk, name, mode)
	s.must(err)
	s.check(f.Name() == name, "%q opened is named %q", name, f.Name())
	return f
}

func (s *diskScript) write(f env.File, p string, off int64) {
	s.t.Helper()
	s.must(s.WriteAt(f, []byte(p), off))
}

// holds checks all of a file's content.
func (s *diskScript) holds(f env.File, want string) {
	s.t.Helper()
	got, err := s.ReadFile(f)
	s.must(err)
	s.check(string(got) == want, "%s holds %q, not %q", f.Name(), got, want)
}

func (s *diskScript) fails(err, want error) {
	s.t.Helper()
	s.check(errors.Is(err, want), "error %v where %v is due", err, want)
}

// contains checks all of a file's content, where it is long.
func (s *diskScript) contains(f env.File, want []byte) {
	s.t.Helper()
	got, err := s.ReadFile(f)
	s.must(err)
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	s.check(false, "%s has %d bytes where %d are due, and differs from byte %d on", f.Name(), len(got), len(want), at)
}

// lists checks the names in a directory.
func (s *diskScript) lists(dir string, want ...string) {
	s.t.Helper()
	got, err := s.List(s.disk, dir)
	s.must(err)
	s.check(slices.Equal(got, want), "%q lists %q, not %q", dir, got, want)
}

// missing checks that there is no file of that name.
func (s *diskScript) missing(name string) {
	s.t.Helper()
	_, err := s.Open(s.disk, name, env.OpenExisting)
	s.fails(err, env.ErrNotExist)
}

// inOrder waits for count operations, which note their completion under their
// number, and checks that they completed in order.
func (s *diskScript) inOrder(count int, ask func(note func(i int, err error))) {
	s.t.Helper()
	var order []int
	s.Await(func(done func()) {
		ask(func(i int, err error) {
			s.expect(err)
			if order = append(order, i); len(order) == count {
				done()
			}
		})
	})
	s.check(slices.IsSorted(order), "operations completed in the order %d", order)
}
