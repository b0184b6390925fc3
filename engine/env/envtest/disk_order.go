package envtest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// diskOrder is what completes when.
var diskOrder = []diskPart{
	{"operations on a file complete in order", diskFileOrder},
	{"what a callback asks comes after what was asked before", diskFromCallback},
	{"two open files of one name share one order", diskSharedOrder},
	{"each of many files keeps its own order", diskManyFiles},
	{"directory operations complete in order", diskEntryOrder},
	{"directory operations that fail keep the order", diskFailingOrder},
	{"nothing is called inside the call", diskNotInside},
	{"Close lets earlier operations end and refuses later ones", diskClose},
	{"refusals come in order too", diskCloseOrder},
}

func diskFileOrder(s *diskScript) {
	f := s.open("a", env.OpenNew)
	p := make([]byte, 3)
	size := int64(-1)
	s.inOrder(7, func(note func(int, error)) {
		f.WriteAt(bytes.Repeat([]byte("a"), 100_000), 0, func(err error) { note(0, err) })
		f.WriteAt([]byte("bbb"), 0, func(err error) { note(1, err) })
		f.ReadAt(p, 0, func(_ int, err error) { note(2, err) })
		f.WriteAt([]byte("ccc"), 0, func(err error) { note(3, err) })
		f.Sync(func(err error) { note(4, err) })
		f.Truncate(2, func(err error) { note(5, err) })
		f.Size(func(n int64, err error) { size = n; note(6, err) })
	})
	s.check(size == 2, "size %d after a truncation to 2", size)
	s.check(string(p) == "bbb", "a read between two writes gave %q", p)
	s.holds(f, "cc")
}

func diskFromCallback(s *diskScript) {
	f := s.open("a", env.OpenNew)
	var seen int64
	s.inOrder(4, func(note func(int, error)) {
		f.WriteAt([]byte("0123456789"), 0, func(err error) {
			note(0, err)
			f.Size(func(n int64, err error) { seen = n; note(3, err) })
		})
		f.Truncate(4, func(err error) { note(1, err) })
		f.Sync(func(err error) { note(2, err) })
	})
	s.check(seen == 4, "a callback found %d bytes, before a truncation to 4 that was asked earlier", seen)
}

// diskSharedOrder: a file is the file, by however many handles it is open.
func diskSharedOrder(s *diskScript) {
	f, g := s.open("a", env.OpenNew), s.open("a", env.OpenExisting)
	p := make([]byte, 100_000)
	for round := range byte(20) {
		s.inOrder(5, func(note func(int, error)) {
			f.WriteAt(bytes.Repeat([]byte{2 * round}, len(p)), 0, func(err error) { note(0, err) })
			g.WriteAt(bytes.Repeat([]byte{2*round + 1}, len(p)), 0, func(err error) { note(1, err) })
			f.ReadAt(p, 0, func(_ int, err error) { note(2, err) })
			g.Sync(func(err error) { note(3, err) })
			f.Truncate(int64(round), func(err error) { note(4, err) })
		})
		s.check(bytes.Equal(p, bytes.Repeat([]byte{2*round + 1}, len(p))), "round %d: a read before the write asked through another handle", round)
		s.contains(g, p[:round])
	}
	s.inOrder(2, func(note func(int, error)) {
		f.WriteAt(bytes.Repeat([]byte("z"), len(p)), 0, func(err error) { note(0, err) })
		f.Close()
		g.ReadAt(p, 0, func(_ int, err error) { note(1, err) })
	})
	s.check(bytes.Equal(p, bytes.Repeat([]byte("z"), len(p))), "a read before the write asked through a handle that is closed")
}

// diskManyFiles keeps more files busy than an implementation may have workers.
func diskManyFiles(s *diskScript) {
	const files, rounds = 150, 8
	open := make([]env.File, files)
	for i := range open {
		open[i] = s.open(fmt.Sprintf("f%03d", i), env.OpenNew)
	}
	orders := make([][]int, files)
	s.Await(func(done func()) {
		left := files * rounds
		for round := range rounds {
			for i, f := range open {
				note := func(err error) {
					s.expect(err)
					orders[i] = append(orders[i], round)
					if left--; left == 0 {
						done()
					}
				}
				if round == rounds-1 {
					f.Sync(note)
				} else {
					f.WriteAt(bytes.Repeat([]byte{byte(i), byte(round)}, 100*(i%7+1)), int64(round), note)
				}
			}
		}
	})
	for i, f := range open {
		s.check(slices.IsSorted(orders[i]), "operations on file %d completed in the order %d", i, orders[i])
		var want []byte
		for round := range rounds - 1 {
			want = append(want[:round], bytes.Repeat([]byte{byte(i), byte(round)}, 100*(i%7+1))...)
		}
		s.contains(f, want)
		f.Close()
	}
}

func diskEntryOrder(s *diskScript) {
	var names []string
	s.inOrder(7, func(note func(int, error)) {
		s.disk.Mkdir("d", func(err error) { note(0, err) })
		s.disk.Open("d/a", env.OpenNew, func(_ env.File, err error) { note(1, err) })
		s.disk.Rename("d/a", "d/b", func(err error) { note(2, err) })
		s.disk.Open("d/a", env.OpenNew, func(_ env.File, err error) { note(3, err) })
		s.disk.Remove("d/b", func(err error) { note(4, err) })
		s.disk.SyncDir("d", func(err error) { note(5, err) })
		s.disk.List("d", func(got []string, err error) { names = got; note(6, err) })
	})
	s.check(slices.Equal(names, []string{"a"}), "the directory holds %q", names)
}

func diskFailingOrder(s *diskScript) {
	var found []error
	s.inOrder(9, func(note func(int, error)) {
		expect := func(i int, want error) func(error) {
			return func(err error) {
				if !errors.Is(err, want) {
					found = append(found, fmt.Errorf("operation %d: %w where %w is due", i, err, want))
				}
				note(i, nil)
			}
		}
		onOpen := func(i int, want error) func(env.File, error) {
			return func(_ env.File, err error) { expect(i, want)(err) }
		}
		s.disk.Open("a", env.OpenExisting, onOpen(0, env.ErrNotExist))
		s.disk.Open("a", env.OpenNew, onOpen(1, nil))
		s.disk.Open("a", env.OpenNew, onOpen(2, env.ErrExist))
		s.disk.Remove("a", expect(3, nil))
		s.disk.Remove("a", expect(4, env.ErrNotExist))
		s.disk.Rename("a", "b", expect(5, env.ErrNotExist))
		s.disk.SyncDir("d", expect(6, env.ErrNotExist))
		s.disk.Mkdir("d", expect(7, nil))
		s.disk.List("d", func(_ []string, err error) { expect(8, nil)(err) })
	})
	s.check(len(found) == 0, "%v", errors.Join(found...))
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

func diskCloseOrder(s *diskScript) {
	f := s.open("a", env.OpenNew)
	var refused []error
	s.inOrder(6, func(note func(int, error)) {
		late := func(i int) func(error) {
			return func(err error) { refused = append(refused, err); note(i, nil) }
		}
		f.WriteAt(bytes.Repeat([]byte("a"), 1<<20), 0, func(err error) { note(0, err) })
		f.Sync(func(err error) { note(1, err) })
		f.Close()
		f.WriteAt([]byte("b"), 0, late(2))
		f.Sync(late(3))
		f.ReadAt(make([]byte, 1), 0, func(_ int, err error) { late(4)(err) })
		f.WriteAt(nil, 0, late(5))
	})
	for _, err := range refused {
		s.fails(err, env.ErrClosed)
	}
	s.contains(s.open("a", env.OpenExisting), bytes.Repeat([]byte("a"), 1<<20))
}
