package diskmodel

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

func TestUnsyncedEntries(t *testing.T) {
	outcomes := func(mode LossMode) map[string]bool {
		seen := map[string]bool{}
		for seed := range uint64(300) {
			s := newStory(t, seed)
			s.durableFile("a", "A")
			s.mount.Rename("a", "b", s.must)
			s.must(s.sync(s.open("c")))
			s.PowerLoss(mode)
			seen[strings.Join(s.Files(), "")] = true
		}
		return seen
	}
	for mode, want := range map[LossMode][]string{
		LoseAll:    {"a"},
		KeepPrefix: {"a", "b", "bc"},
		KeepSubset: {"a", "ac", "b", "bc"},
	} {
		seen := outcomes(mode)
		for _, w := range want {
			if !seen[w] {
				t.Errorf("%v: the files %q never came", mode, w)
			}
			delete(seen, w)
		}
		if len(seen) > 0 {
			t.Errorf("%v: the files %v came", mode, seen)
		}
	}
}

// TestReplacingRename is how a checkpoint is put in place: whatever the power
// loss, the old or the new content stands under the name.
func TestReplacingRename(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(100) {
		s := newStory(t, seed)
		s.durableFile("checkpoint", "old")
		f := s.open("checkpoint.tmp")
		s.write(f, "new", 0)
		s.must(s.sync(f))
		s.mount.Rename("checkpoint.tmp", "checkpoint", s.must)
		s.settle()
		if s.Durable("checkpoint", 0, 3) {
			t.Fatal("a rename counts as durable before SyncDir")
		}
		s.PowerLoss(LossAny)
		got, _ := s.ReadRaw("checkpoint")
		seen[string(got)] = true
	}
	if len(seen) != 2 || !seen["old"] || !seen["new"] {
		t.Errorf("under the name stood %v", seen)
	}
}

func TestDirectoriesVanishWithAllInThem(t *testing.T) {
	s := newStory(t, 1)
	s.mount.Mkdir("d/e", s.must)
	f := s.open("d/e/a")
	s.write(f, "x", 0)
	s.must(s.sync(f))
	s.must(s.syncDir("d/e"))
	s.must(s.syncDir("d"))
	if s.Durable("d/e/a", 0, 1) {
		t.Error("a file in a directory without durable entry counts as durable")
	}
	s.must(s.syncDir("."))
	if !s.Durable("d/e/a", 0, 1) {
		t.Error("all is synced, and nothing durable")
	}
	s.mount.Mkdir("g", s.must)
	s.must(s.sync(s.open("g/a")))
	s.must(s.syncDir("g"))
	report := s.PowerLoss(LoseAll)
	if got := s.Files(); !slices.Equal(got, []string{"d/e/a"}) || report.LostFiles != 1 || report.LostEntries != 1 {
		t.Errorf("files %q, %+v", got, report)
	}
}

// TestSyncDirTakesWhatItNeeds: a rename across directories is one change, and
// brings the creation of what it moves along.
func TestSyncDirTakesWhatItNeeds(t *testing.T) {
	s := newStory(t, 1)
	s.mount.Mkdir("from", s.must)
	s.mount.Mkdir("to", s.must)
	s.must(s.syncDir("."))
	s.open("from/a")
	s.mount.Rename("from/a", "to/a", s.must)
	s.open("from/b")
	s.must(s.syncDir("to"))
	s.must(s.syncDir("from")) // has no creation of from/a left to carry out
	s.open("from/c")
	s.PowerLoss(LoseAll)
	if got := s.Files(); !slices.Equal(got, []string{"from/b", "to/a"}) {
		t.Errorf("files %q", got)
	}
}

// TestRemovedFilesLiveWhileOpen: a reader of a segment that retention removed
// reads on.
func TestRemovedFilesLiveWhileOpen(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", "still here")
	s.mount.Remove("a", s.must)
	s.must(s.syncDir("."))
	p := make([]byte, 10)
	f.ReadAt(p, 0, func(_ int, err error) { s.must(err) })
	s.settle()
	if string(p) != "still here" || f.Name() != "a" {
		t.Errorf("the removed file %s holds %q", f.Name(), p)
	}
	s.Crash()
	s.boot()
	s.mount.Remove(s.durableFile("b", "").Name(), s.must)
	s.must(s.syncDir("."))
	if n := len(s.Disk.files); n != 1 {
		t.Errorf("%d files are kept, one is open", n)
	}
}

func TestFailedSyncDir(t *testing.T) {
	s := newStory(t, 1)
	s.durableFile("a", "A")
	s.mount.Rename("a", "b", s.must)
	s.settle()
	s.FailNextSync(1)
	if err := s.syncDir("."); !errors.Is(err, env.ErrIO) {
		t.Fatalf("the sync ended with %v", err)
	}
	s.must(s.syncDir("."))
	s.holds("b", "A")
	if s.Durable("b", 0, 1) {
		t.Error("an entry whose sync failed counts as durable")
	}
	s.mount.Rename("b", "c", s.must)
	s.settle()
	s.must(s.syncDir("."))
	if !s.Durable("c", 0, 1) {
		t.Error("a later rename is not durable")
	}
	s.PowerLoss(LoseAll)
	if got := s.Files(); !slices.Equal(got, []string{"c"}) {
		t.Errorf("files %q", got)
	}
}

func TestRemovedFilesGiveTheirMemoryBack(t *testing.T) {
	s := newStory(t, 1)
	content := strings.Repeat("x", 100_000)
	for range 50 {
		f := s.durableFile("a.tmp", content)
		f.Close()
		s.mount.Rename("a.tmp", "a", s.must)
		s.must(s.syncDir("."))
	}
	if n := len(s.Disk.files); n != 1 {
		t.Errorf("%d files are kept, one has a name", n)
	}
	if n := len(s.pages.free); n > 3*25 {
		t.Errorf("%d pages lie free for a file of 25", n)
	}
	f := s.open("zeros")
	s.write(f, string(make([]byte, 1<<20)), 0)
	s.must(s.sync(f))
	for _, n := range s.Disk.files {
		if n.name == "zeros" && slices.ContainsFunc(n.cache.pages, func(p *page) bool { return p != nil }) {
			t.Error("zeros take memory")
		}
	}
}

func TestUncleanNamesPanic(t *testing.T) {
	for _, name := range []string{"/a", "a/", "a//b", "../a", "a/./b"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q is accepted", name)
				}
			}()
			newStory(t, 1).open(name)
		}()
	}
}

func TestDirectoryErrors(t *testing.T) {
	s := newStory(t, 1)
	s.mount.Mkdir("d/e", s.must)
	s.open("f")
	s.open("d/a")
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	s.mount.Mkdir("f/x", note)
	s.mount.Rename("d", "d/e/d", note)
	s.mount.Rename("f", "d", note)
	s.mount.Remove("d", note)
	s.mount.Open("d", env.OpenCreate, func(_ env.File, err error) { note(err) })
	s.mount.List("f", func(_ []string, err error) { note(err) })
	s.settle()
	for i, want := range []error{env.ErrExist, env.ErrIO, env.ErrExist, env.ErrIO, env.ErrIO, env.ErrIO} {
		if i >= len(errs) || !errors.Is(errs[i], want) {
			t.Errorf("error %d of %v is not %v", i, errs, want)
		}
	}
	s.mount.Rename("d", "g", s.must)
	s.settle()
	s.holds("g/a", "")
	if f := s.open("g/a"); f.Name() != "g/a" {
		t.Errorf("a file in a renamed directory is named %q", f.Name())
	}
}
