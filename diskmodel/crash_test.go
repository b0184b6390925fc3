package diskmodel

import (
	"bytes"
	"strings"
	"testing"
)

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
