package envtest

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// diskNames is what directories do.
var diskNames = []diskPart{
	{"Open keeps to its mode", diskOpen},
	{"Rename replaces, and open files follow", diskRename},
	{"a file's operations go on through a Rename", diskRenameBusy},
	{"a Rename onto itself changes nothing", diskRenameSelf},
	{"a renamed directory takes along what it holds", diskRenameDir},
	{"Remove forgets the name", diskRemove},
	{"an open file outlives its name", diskNameless},
	{"only an empty directory can be removed", diskRemoveDir},
	{"Mkdir makes parents, and is idempotent", diskMkdir},
	{"a file is no directory", diskFileInTheWay},
	{"List is sorted, with directories", diskList},
	{"List gives every name, in the order of bytes", diskListMany},
	{"SyncDir needs a directory", diskSyncDir},
	{"SyncDir after each change leaves what was asked", diskSyncDirs},
}

// diskProcesses is what a later process finds.
var diskProcesses = []diskPart{
	{"a new process finds what was there", diskReopen},
	{"a new process finds what was never synced", diskReopenUnsynced},
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

func diskRenameBusy(s *diskScript) {
	f := s.open("a", env.OpenNew)
	left := 4
	s.Await(func(done func()) {
		note := func(err error) {
			s.expect(err)
			if left--; left == 0 {
				done()
			}
		}
		f.WriteAt(bytes.Repeat([]byte("1"), 500_000), 0, note)
		s.disk.Rename("a", "b", note)
		f.WriteAt(bytes.Repeat([]byte("2"), 500_000), 500_000, note)
		f.Sync(note)
	})
	s.check(f.Name() == "b", "an open file renamed to b is named %q", f.Name())
	s.contains(s.open("b", env.OpenExisting), slices.Concat(bytes.Repeat([]byte("1"), 500_000), bytes.Repeat([]byte("2"), 500_000)))
	s.missing("a")
}

func diskRenameSelf(s *diskScript) {
	f := s.open("a", env.OpenNew)
	s.write(f, "same", 0)
	s.must(s.Rename(s.disk, "a", "a"))
	s.check(f.Name() == "a", "a file renamed to itself is named %q", f.Name())
	s.write(f, "S", 0)
	s.holds(s.open("a", env.OpenExisting), "Same")
	s.lists(".", "a")
}

func diskRenameDir(s *diskScript) {
	s.must(s.Mkdir(s.disk, "d/e"))
	f := s.open("d/e/f", env.OpenNew)
	other := s.open("de", env.OpenNew)
	s.write(f, "below", 0)
	s.must(s.Rename(s.disk, "d", "x"))
	s.check(f.Name() == "x/e/f" && other.Name() == "de", "a directory was renamed, and the files are named %q, %q", f.Name(), other.Name())
	s.write(f, "B", 0)
	s.holds(s.open("x/e/f", env.OpenExisting), "Below")
	s.missing("d/e/f")
	s.lists(".", "de", "x")
	s.must(s.Rename(s.disk, "x/e", "y"))
	s.check(f.Name() == "y/f", "a directory was renamed again, and a file in it is named %q", f.Name())
	s.lists(".", "de", "x", "y")
	s.lists("x")
	s.lists("y", "f")
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

// diskNameless takes a file's name away, by Remove and by a Rename over it.
func diskNameless(s *diskScript) {
	for _, replaced := range []bool{false, true} {
		f := s.open("a", env.OpenNew)
		s.write(f, "old", 0)
		if replaced {
			other := s.open("b", env.OpenNew)
			s.write(other, "new", 0)
			s.must(s.Rename(s.disk, "b", "a"))
			other.Close()
		} else {
			s.must(s.Remove(s.disk, "a"))
			s.missing("a")
			other := s.open("a", env.OpenNew)
			s.write(other, "new", 0)
			other.Close()
		}
		s.holds(f, "old")
		s.write(f, "er", 3)
		s.must(s.Sync(f))
		s.holds(f, "older")
		s.must(s.Truncate(f, 2))
		s.holds(f, "ol")
		s.must(s.Rename(s.disk, "a", "c"))
		s.holds(s.open("c", env.OpenExisting), "new")
		s.holds(f, "ol")
		f.Close()
		s.fails(s.Sync(f), env.ErrClosed)
		s.must(s.Remove(s.disk, "c"))
		s.lists(".")
	}
}

func diskRemoveDir(s *diskScript) {
	s.must(s.Mkdir(s.disk, "d/e"))
	s.open("d/f", env.OpenNew).Close()
	err := s.Remove(s.disk, "d")
	s.check(err != nil, "a directory that is not empty was removed")
	s.lists("d", "e", "f")
	s.must(s.Remove(s.disk, "d/e"))
	s.must(s.Remove(s.disk, "d/f"))
	s.must(s.Remove(s.disk, "d"))
	s.lists(".")
	_, err = s.List(s.disk, "d")
	s.fails(err, env.ErrNotExist)
}

func diskMkdir(s *diskScript) {
	s.must(s.Mkdir(s.disk, "x/y/z"))
	s.must(s.Mkdir(s.disk, "x/y/z"))
	s.must(s.Mkdir(s.disk, "x/y"))
	s.write(s.open("x/y/z/f", env.OpenNew), "deep", 0)
	s.holds(s.open("x/y/z/f", env.OpenExisting), "deep")
}

func diskFileInTheWay(s *diskScript) {
	f := s.open("a", env.OpenNew)
	s.write(f, "file", 0)
	for _, mode := range []env.OpenMode{env.OpenExisting, env.OpenCreate, env.OpenNew} {
		_, err := s.Open(s.disk, "a/b", mode)
		s.fails(err, env.ErrNotExist)
	}
	s.fails(s.Remove(s.disk, "a/b"), env.ErrNotExist)
	s.must(s.Mkdir(s.disk, "d"))
	_, listErr := s.List(s.disk, "a")
	_, openErr := s.Open(s.disk, "d", env.OpenCreate)
	for i, err := range []error{
		listErr, openErr, s.Mkdir(s.disk, "a"), s.Mkdir(s.disk, "a/b"), s.SyncDir(s.disk, "a"),
		s.Rename(s.disk, "a/b", "c"), s.Rename(s.disk, "a", "d"), s.Rename(s.disk, "a", "a/b"), s.Rename(s.disk, "d", "a"), s.Rename(s.disk, "d", "d/e"),
	} {
		s.check(err != nil, "operation %d took a file for a directory, or a directory for a file", i)
	}
	s.lists(".", "a", "d")
	s.holds(f, "file")
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
	s.lists(".", "a", "m", "z")
	s.lists("m", "a", "b", "n")
	s.lists("m/n")
	_, err := s.List(s.disk, "missing")
	s.fails(err, env.ErrNotExist)
}

func diskListMany(s *diskScript) {
	var want []string
	for i := range 300 {
		want = append(want, fmt.Sprintf("%d", i*7919%300))
	}
	want = append(want, "B", "a", "a-b", "a.b", "a_b", "b", "Ab", ".hidden", "é")
	s.must(s.Mkdir(s.disk, "many"))
	for _, name := range want {
		s.open("many/"+name, env.OpenNew).Close()
	}
	slices.Sort(want)
	s.lists("many", want...)
}

func diskSyncDir(s *diskScript) {
	s.must(s.Mkdir(s.disk, "d"))
	s.open("d/a", env.OpenNew).Close()
	s.must(s.SyncDir(s.disk, "d"))
	s.must(s.SyncDir(s.disk, "."))
	s.fails(s.SyncDir(s.disk, "missing"), env.ErrNotExist)
}

func diskSyncDirs(s *diskScript) {
	s.must(s.Mkdir(s.disk, "d/e"))
	s.must(s.SyncDir(s.disk, "d"))
	s.lists("d", "e")
	f := s.open("d/a", env.OpenNew)
	s.write(f, "a", 0)
	s.must(s.SyncDir(s.disk, "d"))
	s.holds(f, "a")
	s.must(s.Rename(s.disk, "d/a", "d/e/b"))
	s.must(s.SyncDir(s.disk, "d/e"))
	s.must(s.SyncDir(s.disk, "d"))
	s.lists("d", "e")
	s.lists("d/e", "b")
	s.must(s.Remove(s.disk, "d/e/b"))
	s.must(s.SyncDir(s.disk, "d/e"))
	s.lists("d/e")
	s.must(s.Remove(s.disk, "d/e"))
	s.must(s.SyncDir(s.disk, "d"))
	s.must(s.SyncDir(s.disk, ""))
	s.fails(s.SyncDir(s.disk, "d/e"), env.ErrNotExist)
	s.holds(f, "a")
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

// diskReopenUnsynced ends the process only: what it had carried out stays.
func diskReopenUnsynced(s *diskScript) {
	s.must(s.Mkdir(s.disk, "d/e"))
	s.write(s.open("d/kept", env.OpenNew), "never synced", 0) // nor closed
	cut := s.open("cut", env.OpenNew)
	s.write(cut, "0123456789", 0)
	s.must(s.Sync(cut))
	s.must(s.Truncate(cut, 4))
	s.must(s.Truncate(cut, 6))
	s.open("gone", env.OpenNew).Close()
	s.must(s.SyncDir(s.disk, "."))
	s.must(s.Remove(s.disk, "gone"))
	s.must(s.Rename(s.disk, "cut", "d/e/cut"))
	s.disk = s.world.Disk()
	s.lists(".", "d")
	s.lists("d", "e", "kept")
	kept, moved := s.open("d/kept", env.OpenExisting), s.open("d/e/cut", env.OpenExisting)
	s.holds(kept, "never synced")
	s.holds(moved, "0123\x00\x00")
	s.write(kept, "Now ", 0)
	s.must(s.Sync(kept))
	s.disk = s.world.Disk()
	s.holds(s.open("d/kept", env.OpenExisting), "Now r synced")
}
