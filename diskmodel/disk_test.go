package diskmodel

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

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

func TestCrashKeepsWhatWasCarriedOutUnsynced(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", "old")
	s.write(f, "new", 0)
	s.Crash()
	s.boot()
	s.holds("a", "new")
	if s.Durable("a", 0, 3) {
		t.Error("a crash made a write durable")
	}
	s.PowerLoss(LoseAll)
	s.holds("a", "old")
}

func TestSyncOfTheNextProcessCoversTheLast(t *testing.T) {
	s := newStory(t, 1)
	s.write(s.durableFile("a", "old"), "new", 0)
	s.Crash()
	s.boot()
	s.must(s.sync(s.open("a")))
	s.PowerLoss(LoseAll)
	s.holds("a", "new")
}

func TestNothingComesAfterACrash(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", "old")
	called := func(error) { t.Error("a completion came to a dead process") }
	dead := s.mount
	f.WriteAt([]byte("x"), 0, called)
	f.Sync(called)
	dead.SyncDir(".", called)
	s.Crash()
	f.WriteAt([]byte("y"), 0, called)
	dead.Remove("a", called)
	f.Close()
	s.boot()
	s.settle()
	if _, ok := s.ReadRaw("a"); !ok {
		t.Error("a dead process removed a file")
	}
}

// TestCrashCarriesOutAPrefix: over many seeds every prefix of the queue comes.
func TestCrashCarriesOutAPrefix(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(200) {
		s := newStory(t, seed)
		f := s.durableFile("a", "....")
		for i := range int64(4) {
			f.WriteAt([]byte("x"), i, func(error) {})
		}
		s.Crash()
		got, _ := s.ReadRaw("a")
		seen[string(got)] = true
	}
	want := []string{"....", "x...", "xx..", "xxx.", "xxxx"}
	for _, w := range want {
		if !seen[w] {
			t.Errorf("%q never came", w)
		}
		delete(seen, w)
	}
	if len(seen) > 0 {
		t.Errorf("no prefix: %v", seen)
	}
}

func TestPowerLossModes(t *testing.T) {
	outcomes := func(mode LossMode) map[string]bool {
		seen := map[string]bool{}
		for seed := range uint64(300) {
			s := newStory(t, seed)
			f := s.durableFile("a", "...")
			for i, p := range []string{"1", "2", "3"} {
				s.write(f, p, int64(i))
			}
			s.PowerLoss(mode)
			got, _ := s.ReadRaw("a")
			seen[string(got)] = true
		}
		return seen
	}
	subsets := []string{"...", "..3", ".2.", ".23", "1..", "1.3", "12.", "123"}
	for mode, want := range map[LossMode][]string{
		LoseAll:    {"..."},
		KeepPrefix: {"...", "1..", "12.", "123"},
		TornSector: {"...", "1..", "12."},
		KeepSubset: subsets,
		LossAny:    subsets,
	} {
		seen := outcomes(mode)
		for _, w := range want {
			if !seen[w] {
				t.Errorf("%v: %q never came", mode, w)
			}
			delete(seen, w)
		}
		if len(seen) > 0 {
			t.Errorf("%v: %v came", mode, seen)
		}
	}
}

// TestTornSector: the write survives up to a byte within a sector; what lies
// behind is as it was.
func TestTornSector(t *testing.T) {
	torn := 0
	for seed := range uint64(100) {
		s := newStory(t, seed)
		old := strings.Repeat("o", 3000)
		f := s.durableFile("a", old)
		s.write(f, strings.Repeat("n", 2000), 500)
		report := s.PowerLoss(TornSector)
		got, _ := s.ReadRaw("a")
		kept := strings.Count(string(got), "n")
		want := old[:500] + strings.Repeat("n", kept) + old[:2500-kept]
		if string(got) != want || kept == 2000 || report.LostWrites != 1 {
			t.Fatalf("seed %d: %d bytes survive, %+v", seed, kept, report)
		}
		if (500+kept)%sectorBytes != 0 {
			torn++
		}
		if report.TornSectors > 1 || (report.TornSectors == 1) != ((500+kept)%sectorBytes != 0) {
			t.Errorf("seed %d: %d torn sectors reported", seed, report.TornSectors)
		}
	}
	if torn < 80 {
		t.Errorf("a sector was torn in %d of 100 losses", torn)
	}
}

func TestSubsetKeepsSectors(t *testing.T) {
	mixed := 0
	for seed := range uint64(100) {
		s := newStory(t, seed)
		f := s.durableFile("a", strings.Repeat("o", 8*sectorBytes))
		s.write(f, strings.Repeat("n", 8*sectorBytes), 0)
		s.PowerLoss(KeepSubset)
		got, _ := s.ReadRaw("a")
		changes := 0
		for i := 1; i < len(got); i++ {
			if got[i] != got[i-1] {
				changes++
				if i%sectorBytes != 0 {
					t.Fatalf("seed %d: a sector is mixed at byte %d", seed, i)
				}
			}
		}
		if changes > 1 {
			mixed++
		}
	}
	if mixed < 15 {
		t.Errorf("%d of 100 losses kept single sectors", mixed)
	}
}

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
	s.PowerLoss(LoseAll)
	if got := s.Files(); !slices.Equal(got, []string{"to/a"}) {
		t.Errorf("files %q", got)
	}
}

func TestFailedSyncLosesWhatItCovered(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", strings.Repeat(".", 2000))
	s.write(f, "lost", 0)
	s.FailNextSync(1)
	if err := s.sync(f); !errors.Is(err, env.ErrIO) {
		t.Fatalf("the sync ended with %v", err)
	}
	got, _ := s.ReadRaw("a")
	if string(got[:4]) != "lost" || s.Durable("a", 0, 4) || !s.Durable("a", 4, 1996) {
		t.Errorf("reads %q; durable %v, the rest %v", got[:4], s.Durable("a", 0, 4), s.Durable("a", 4, 1996))
	}
	s.must(s.sync(f)) // the next one succeeds, and writes nothing
	s.write(f, "kept", 1024)
	s.write(f, strings.Repeat("g", 3000), 2000)
	s.must(s.sync(f))
	if s.Durable("a", 0, 4) || !s.Durable("a", 1024, 4) || !s.Durable("a", 2000, 3000) {
		t.Errorf("durable: %v, %v, %v", s.Durable("a", 0, 4), s.Durable("a", 1024, 4), s.Durable("a", 2000, 3000))
	}
	s.PowerLoss(LossAny)
	got, _ = s.ReadRaw("a")
	if string(got[:4]) != "...." || string(got[1024:1028]) != "kept" || len(got) != 5000 {
		t.Errorf("after the power loss %q, %q, %d bytes", got[:4], got[1024:1028], len(got))
	}
}

// TestRewriteAfterAFailedSync is the one cure: other bytes, or the same ones
// again, written and synced anew.
func TestRewriteAfterAFailedSync(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", "old")
	s.write(f, "new, longer", 0)
	s.FailNextSync(1)
	if s.sync(f) == nil || s.Stats().FailedSyncs != 1 {
		t.Fatal("the sync did not fail")
	}
	s.write(f, "new, longer", 0)
	s.must(s.sync(f))
	if !s.Durable("a", 0, 11) {
		t.Error("written and synced again, and not durable")
	}
	s.PowerLoss(LoseAll)
	s.holds("a", "new, longer")
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

func TestQueuedOverwriteIsNotDurable(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", "0123456789")
	if !s.Durable("a", 0, 10) || s.Durable("a", 0, 11) || s.Durable("b", 0, 0) || s.Durable("a", -1, 1) {
		t.Fatal("durable ranges of a synced file")
	}
	f.WriteAt([]byte("x"), 5, s.must)
	if s.Durable("a", 0, 10) || !s.Durable("a", 0, 5) || !s.Durable("a", 6, 4) {
		t.Error("bytes under a queued write count as durable")
	}
	f.Truncate(8, s.must)
	if s.Durable("a", 6, 4) || !s.Durable("a", 6, 2) {
		t.Error("bytes behind a queued truncation count as durable")
	}
}

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

func TestFlipBit(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", "aaaa")
	if !s.FlipBit("a", 1, 1) || s.FlipBit("a", 4, 0) || s.FlipBit("b", 0, 0) {
		t.Fatal("which bits there are")
	}
	s.holds("a", "acaa")
	s.write(f, "b", 0)
	s.FlipBit("a", 3, 1) // the page is not shared now
	s.holds("a", "bcac")
	s.PowerLoss(LoseAll)
	s.holds("a", "acac")
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

// TestOneCrashMoreChangesNoOther: what a power loss takes depends on its time,
// not on those before it.
func TestOneCrashMoreChangesNoOther(t *testing.T) {
	outcome := func(earlier bool) []byte {
		s := newStory(t, 7)
		f := s.durableFile("a", strings.Repeat("o", 20*sectorBytes))
		s.Run(1e9)
		if earlier {
			s.PowerLoss(LossAny)
			s.boot()
			f = s.open("a")
		}
		s.Run(2e9)
		s.write(f, strings.Repeat("n", 20*sectorBytes), 0)
		s.Run(3e9)
		s.PowerLoss(KeepSubset)
		got, _ := s.ReadRaw("a")
		return got
	}
	if !bytes.Equal(outcome(false), outcome(true)) {
		t.Error("a power loss changed what a later one takes")
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

// BenchmarkWriteSync is the journal's pattern: a batch into a zeroed file, then
// a sync.
func BenchmarkWriteSync(b *testing.B) {
	s := newStory(b, 1)
	f := s.open("journal")
	s.write(f, string(make([]byte, 16<<20)), 0)
	s.must(s.sync(f))
	p := bytes.Repeat([]byte("x"), 700)
	off := int64(0)
	done := func(error) {}
	b.ReportAllocs()
	for b.Loop() {
		f.WriteAt(p, off, done)
		f.Sync(done)
		for s.Step() {
		}
		off = (off + 700) % (16<<20 - 700)
	}
}

// BenchmarkAppend is the log's pattern: many writes, rarely a sync.
func BenchmarkAppend(b *testing.B) {
	s := newStory(b, 1)
	f := s.open("segment")
	p := bytes.Repeat([]byte("x"), 200)
	n := 0
	done := func(error) {}
	b.ReportAllocs()
	for b.Loop() {
		f.WriteAt(p, int64(n%5000)*200, done)
		if n++; n%1000 == 0 {
			f.Sync(done)
		}
		for s.Step() {
		}
	}
}

func BenchmarkDurable(b *testing.B) {
	s := newStory(b, 1)
	f := s.durableFile("journal", strings.Repeat("x", 10_000))
	f.WriteAt([]byte("y"), 9_000, func(error) {})
	b.ReportAllocs()
	for b.Loop() {
		if !s.Durable("journal", 1000, 700) {
			b.Fatal("not durable")
		}
	}
}
