package envtest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Disk tests an env.Disk and its files. Each part gets a world of its own.
func Disk(t *testing.T, world func(t *testing.T) DiskWorld) {
	for _, part := range []struct {
		name string
		body func(s *diskScript)
	}{
		{"Open keeps to its mode", diskOpen},
		{"reads give what was written", diskReadWrite},
		{"a write behind the end leaves zeros", diskHole},
		{"a short read comes with io.EOF", diskEOF},
		{"many writes equal the same in memory", diskMany},
		{"Truncate cuts and extends with zeros", diskTruncate},
		{"a buffer is the caller's again once done", diskBuffer},
		{"operations on a file complete in order", diskFileOrder},
		{"directory operations complete in order", diskEntryOrder},
		{"nothing is called inside the call", diskNotInside},
		{"Rename replaces, and open files follow", diskRename},
		{"Remove forgets the name", diskRemove},
		{"Mkdir makes parents, and is idempotent", diskMkdir},
		{"List is sorted, with directories", diskList},
		{"SyncDir needs a directory", diskSyncDir},
		{"Close lets earlier operations end and refuses later ones", diskClose},
		{"two open files of one name see each other's writes", diskTwoHandles},
		{"a new process finds what was there", diskReopen},
	} {
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

func diskOpen(s *diskScript) {
	_, err := s.Open(s.disk, "a", env.OpenExisting)
	s.fails(err, env.ErrNotExist)
	f := s.open("a", env.OpenNew)
	s.holds(f, "")
	s.write(f, "kept", 0)
	_, err = s.Open(s.disk, "a", env.OpenNew)
	s.fails(err, env.ErrExist)
	s.holds(s.open("a", env.OpenExisting), "kept")
	s.holds(s.open("a", env.OpenCreate), "kept")
	s.holds(s.open("b", env.OpenCreate), "")
	for _, mode := range []env.OpenMode{env.OpenExisting, env.OpenCreate, env.OpenNew} {
		_, err = s.Open(s.disk, "no/such/directory", mode)
		s.fails(err, env.ErrNotExist)
	}
}

func diskReadWrite(s *diskScript) {
	f := s.open("a", env.OpenNew)
	s.write(f, "hello, world", 0)
	s.write(f, "W", 7)
	s.holds(f, "hello, World")
	p := make([]byte, 5)
	n, err := s.ReadAt(f, p, 7)
	s.check(n == 5 && err == nil && string(p) == "World", "read %d, %v, %q", n, err, p)
	size, err := s.Size(f)
	s.check(size == 12 && err == nil, "size %d, %v", size, err)
	s.write(f, "", 3)
	s.holds(f, "hello, World")
}

func diskHole(s *diskScript) {
	f := s.open("a", env.OpenNew)
	s.write(f, "x", 10_000)
	s.holds(f, string(make([]byte, 10_000))+"x")
}

func diskEOF(s *diskScript) {
	f := s.open("a", env.OpenNew)
	s.write(f, "0123456789", 0)
	p := make([]byte, 8)
	n, err := s.ReadAt(f, p, 6)
	s.check(n == 4 && errors.Is(err, io.EOF) && string(p[:n]) == "6789", "across the end: %d, %v, %q", n, err, p[:n])
	n, err = s.ReadAt(f, p, 10)
	s.check(n == 0 && errors.Is(err, io.EOF), "at the end: %d, %v", n, err)
	n, err = s.ReadAt(f, p, 1000)
	s.check(n == 0 && errors.Is(err, io.EOF), "behind the end: %d, %v", n, err)
	n, err = s.ReadAt(f, p, 2)
	s.check(n == 8 && err == nil, "up to the end: %d, %v", n, err)
}

func diskMany(s *diskScript) {
	f := s.open("a", env.OpenNew)
	var want []byte
	next := uint32(12345)
	draw := func(below uint32) int {
		next = next*1664525 + 1013904223
		return int(next >> 8 % below)
	}
	for i := range 200 {
		off, n := draw(50_000), draw(9_000)
		p := bytes.Repeat([]byte{byte(i), byte(i >> 3), 0}, n/3+1)[:n]
		if end := off + n; end > len(want) && n > 0 {
			want = append(want, make([]byte, end-len(want))...)
		}
		copy(want[min(off, len(want)):], p)
		s.must(s.WriteAt(f, p, int64(off)))
	}
	s.must(s.Sync(f))
	got, err := s.ReadFile(f)
	s.must(err)
	s.check(bytes.Equal(got, want), "%d bytes read back are not the %d written", len(got), len(want))
}

func diskTruncate(s *diskScript) {
	f := s.open("a", env.OpenNew)
	s.write(f, "0123456789", 0)
	s.must(s.Truncate(f, 4))
	s.holds(f, "0123")
	s.must(s.Truncate(f, 6))
	s.holds(f, "0123\x00\x00")
	s.must(s.Truncate(f, 0))
	s.holds(f, "")
	s.must(s.Truncate(f, 5000))
	s.holds(f, string(make([]byte, 5000)))
}

func diskBuffer(s *diskScript) {
	f := s.open("a", env.OpenNew)
	p := []byte("first")
	s.must(s.WriteAt(f, p, 0))
	copy(p, "other")
	s.must(s.Sync(f))
	s.holds(f, "first")
}

func diskFileOrder(s *diskScript) {
	f := s.open("a", env.OpenNew)
	var order []int
	note := func(i int, err error) {
		s.expect(err)
		order = append(order, i)
	}
	p := make([]byte, 3)
	size := int64(-1)
	s.Await(func(done func()) {
		f.WriteAt(bytes.Repeat([]byte("a"), 100_000), 0, func(err error) { note(0, err) })
		f.WriteAt([]byte("bbb"), 0, func(err error) { note(1, err) })
		f.ReadAt(p, 0, func(_ int, err error) { note(2, err) })
		f.WriteAt([]byte("ccc"), 0, func(err error) { note(3, err) })
		f.Sync(func(err error) { note(4, err) })
		f.Truncate(2, func(err error) { note(5, err) })
		f.Size(func(n int64, err error) {
			note(6, err)
			size = n
			done()
		})
	})
	s.check(len(order) == 7 && slices.IsSorted(order), "operations completed in the order %d", order)
	s.check(size == 2, "size %d after a truncation to 2", size)
	s.check(string(p) == "bbb", "a read between two writes gave %q", p)
	s.holds(f, "cc")
}

func diskEntryOrder(s *diskScript) {
	var order []int
	note := func(i int, err error) {
		s.expect(err)
		order = append(order, i)
	}
	var names []string
	s.Await(func(done func()) {
		s.disk.Mkdir("d", func(err error) { note(0, err) })
		s.disk.Open("d/a", env.OpenNew, func(_ env.File, err error) { note(1, err) })
		s.disk.Rename("d/a", "d/b", func(err error) { note(2, err) })
		s.disk.Open("d/a", env.OpenNew, func(_ env.File, err error) { note(3, err) })
		s.disk.Remove("d/b", func(err error) { note(4, err) })
		s.disk.SyncDir("d", func(err error) { note(5, err) })
		s.disk.List("d", func(got []string, err error) { names = got; note(6, err); done() })
	})
	s.check(len(order) == 7 && slices.IsSorted(order), "operations completed in the order %d", order)
	s.check(slices.Equal(names, []string{"a"}), "the directory holds %q", names)
}

func diskNotInside(s *diskScript) {
	f := s.open("a", env.OpenNew)
	inside := true
	left := 12
	s.Await(func(done func()) {
		called := func(what string) {
			if inside {
				s.t.Errorf("%s called back inside the call", what)
			}
			if left--; left == 0 {
				done()
			}
		}
		onError := func(what string) func(error) { return func(error) { called(what) } }
		f.WriteAt([]byte("x"), 0, onError("WriteAt"))
		f.ReadAt(make([]byte, 1), 0, func(int, error) { called("ReadAt") })
		f.Truncate(1, onError("Truncate"))
		f.Size(func(int64, error) { called("Size") })
		f.Sync(onError("Sync"))
		f.Close()
		f.Sync(onError("Sync of a closed file"))
		s.disk.Open("missing", env.OpenExisting, func(env.File, error) { called("Open") })
		s.disk.Mkdir("d", onError("Mkdir"))
		s.disk.Rename("missing", "b", onError("Rename"))
		s.disk.Remove("missing", onError("Remove"))
		s.disk.List("d", func([]string, error) { called("List") })
		s.disk.SyncDir("d", onError("SyncDir"))
		inside = false
	})
}

func diskRename(s *diskScript) {
	a, b := s.open("a", env.OpenNew), s.open("b", env.OpenNew)
	s.write(a, "from a", 0)
	s.write(b, "from b", 0)
	b.Close()
	s.must(s.Rename(s.disk, "a", "b"))
	s.check(a.Name() == "b", "an open file renamed to b is named %q", a.Name())
	s.write(a, "FROM", 0)
	s.holds(s.open("b", env.OpenExisting), "FROM a")
	_, err := s.Open(s.disk, "a", env.OpenExisting)
	s.fails(err, env.ErrNotExist)
	s.fails(s.Rename(s.disk, "a", "c"), env.ErrNotExist)
	s.fails(s.Rename(s.disk, "b", "no/such/directory"), env.ErrNotExist)
	s.must(s.Mkdir(s.disk, "d"))
	s.must(s.Rename(s.disk, "b", "d/b"))
	s.holds(s.open("d/b", env.OpenExisting), "FROM a")
	s.check(a.Name() == "d/b", "an open file renamed to d/b is named %q", a.Name())
}

func diskRemove(s *diskScript) {
	f := s.open("a", env.OpenNew)
	s.write(f, "gone", 0)
	f.Close()
	s.must(s.Remove(s.disk, "a"))
	_, err := s.Open(s.disk, "a", env.OpenExisting)
	s.fails(err, env.ErrNotExist)
	s.fails(s.Remove(s.disk, "a"), env.ErrNotExist)
	s.holds(s.open("a", env.OpenNew), "")
}

func diskMkdir(s *diskScript) {
	s.must(s.Mkdir(s.disk, "x/y/z"))
	s.must(s.Mkdir(s.disk, "x/y/z"))
	s.must(s.Mkdir(s.disk, "x/y"))
	s.write(s.open("x/y/z/f", env.OpenNew), "deep", 0)
	s.holds(s.open("x/y/z/f", env.OpenExisting), "deep")
}

func diskList(s *diskScript) {
	for _, root := range []string{".", ""} {
		names, err := s.List(s.disk, root)
		s.check(err == nil && len(names) == 0, "an empty disk lists %q, %v", names, err)
	}
	s.must(s.Mkdir(s.disk, "m/n"))
	for _, name := range []string{"z", "a", "m/b", "m/a"} {
		s.open(name, env.OpenNew).Close()
	}
	for _, c := range []struct {
		dir  string
		want []string
	}{{".", []string{"a", "m", "z"}}, {"m", []string{"a", "b", "n"}}, {"m/n", nil}} {
		names, err := s.List(s.disk, c.dir)
		s.must(err)
		s.check(slices.Equal(names, c.want), "%s lists %q, not %q", c.dir, names, c.want)
	}
	_, err := s.List(s.disk, "missing")
	s.fails(err, env.ErrNotExist)
}

func diskSyncDir(s *diskScript) {
	s.must(s.Mkdir(s.disk, "d"))
	s.open("d/a", env.OpenNew).Close()
	s.must(s.SyncDir(s.disk, "d"))
	s.must(s.SyncDir(s.disk, "."))
	s.fails(s.SyncDir(s.disk, "missing"), env.ErrNotExist)
}

func diskClose(s *diskScript) {
	f := s.open("a", env.OpenNew)
	written := false
	f.WriteAt([]byte("in time"), 0, func(err error) { s.expect(err); written = true })
	f.Close()
	s.fails(s.WriteAt(f, []byte("late"), 0), env.ErrClosed)
	s.check(written, "a write asked before Close completed after one asked later")
	s.fails(s.Sync(f), env.ErrClosed)
	s.fails(s.Truncate(f, 0), env.ErrClosed)
	_, err := s.Size(f)
	s.fails(err, env.ErrClosed)
	_, err = s.ReadAt(f, make([]byte, 1), 0)
	s.fails(err, env.ErrClosed)
	f.Close()
	s.holds(s.open("a", env.OpenExisting), "in time")
}

func diskTwoHandles(s *diskScript) {
	a := s.open("a", env.OpenNew)
	b := s.open("a", env.OpenExisting)
	s.write(a, "one", 0)
	s.holds(b, "one")
	s.write(b, "two", 3)
	a.Close()
	s.holds(b, "onetwo")
}

func diskReopen(s *diskScript) {
	s.must(s.Mkdir(s.disk, "d"))
	f := s.open("d/a", env.OpenNew)
	s.write(f, "still here", 0)
	s.must(s.Sync(f))
	f.Close()
	s.must(s.Rename(s.disk, "d/a", "d/b"))
	s.must(s.SyncDir(s.disk, "d"))
	s.disk = s.world.Disk()
	s.holds(s.open("d/b", env.OpenExisting), "still here")
	names, err := s.List(s.disk, "d")
	s.check(err == nil && slices.Equal(names, []string{"b"}), "the directory holds %q, %v", names, err)
}
