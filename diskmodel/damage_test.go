package diskmodel

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

func TestRot(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", "aaaa")
	if !s.Rot("a", 1, 1) || s.Rot("a", 4, 0) || s.Rot("a", -1, 0) || s.Rot("b", 0, 0) || s.Rot(".", 0, 0) {
		t.Fatal("which bits there are")
	}
	s.reads(f, 0, "acaa")
	s.holds("a", "acaa")
	s.damaged(Damage{"a", 1, 1, KindRot})
	if !s.Durable("a", 0, 4) || s.Intact("a", 0, 4) || s.Intact("a", 1, 1) || !s.Intact("a", 0, 1) || !s.Intact("a", 2, 2) {
		t.Error("rot changes what is intact, and not what is durable")
	}
	s.PowerLoss(LoseAll)
	s.boot()
	s.holds("a", "acaa")
	s.Rot("a", 1, 1) // the same bit again
	s.holds("a", "aaaa")
	s.damaged()
	if got := s.Stats().RottenBits; got != 2 {
		t.Errorf("%d bits flipped", got)
	}
}

// TestRotUnderThePageCache: what is unsynced reads true, and heals the medium
// only if it reaches it.
func TestRotUnderThePageCache(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", "aaaa")
	s.write(f, "bb", 0)
	s.Rot("a", 1, 0)
	s.reads(f, 0, "bbaa")
	if s.Intact("a", 0, 2) {
		t.Error("rot under the page cache counts as intact")
	}
	s.PowerLoss(LoseAll)
	s.boot()
	s.holds("a", "a`aa")
	f = s.open("a")
	s.write(f, "bb", 0)
	s.must(s.sync(f))
	s.holds("a", "bbaa")
	s.damaged()
	s.write(f, "and more", 4)
	if s.Rot("a", 5, 0) {
		t.Error("a byte rots that is not on the medium")
	}
}

// TestRotUnderAFailedSync: the page cache keeps what the medium never got.
func TestRotUnderAFailedSync(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", strings.Repeat("a", 1024))
	s.write(f, "bb", 0)
	s.FailNextSync(1)
	if s.sync(f) == nil {
		t.Fatal("the sync did not fail")
	}
	s.Rot("a", 0, 0)
	s.Rot("a", 600, 0)
	s.reads(f, 0, "bba")
	s.reads(f, 599, "a`a")
	s.write(f, "c", 100) // its sector heals with it
	s.must(s.sync(f))
	s.damaged(Damage{"a", 600, 1, KindRot})
	s.PowerLoss(LoseAll)
	got, _ := s.ReadRaw("a")
	if string(got[:3]) != "bba" || got[600] != '`' {
		t.Errorf("after the power loss %q, %q", got[:3], got[600])
	}
}

func TestFailReads(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", strings.Repeat("a", 2000))
	if !s.FailReads("a", 512, 512) || s.FailReads("a", 2000, 1) || s.FailReads("b", 0, 1) || s.FailReads("a", 0, 0) {
		t.Fatal("which bytes there are")
	}
	for _, at := range [][2]int{{0, 513}, {1023, 1}, {0, 2000}, {600, 10}} {
		got, err := s.read(f, int64(at[0]), at[1])
		if !errors.Is(err, env.ErrIO) || got != "" {
			t.Errorf("a read of %d bytes at %d gave %q and %v", at[1], at[0], got, err)
		}
	}
	s.reads(f, 0, strings.Repeat("a", 512))
	s.reads(f, 1024, "aaa")
	if stats := s.Stats(); stats.ReadErrors != 4 || stats.Errors != 4 {
		t.Errorf("%d read errors, %d errors", stats.ReadErrors, stats.Errors)
	}
	s.write(f, strings.Repeat("b", 100), 512)
	s.reads(f, 512, strings.Repeat("b", 100)) // from the page cache
	if _, err := s.read(f, 512, 101); err == nil {
		t.Error("a read behind the written bytes succeeded")
	}
	s.must(s.sync(f))
	s.damaged(Damage{"a", 612, 412, KindUnreadable})
	s.FailReads("a", 1995, 1000)
	s.FailReads("a", 1990, 5)
	s.damaged(Damage{"a", 612, 412, KindUnreadable}, Damage{"a", 1990, 10, KindUnreadable})
	f.Truncate(700, s.must)
	s.must(s.sync(f))
	f.Truncate(2000, s.must)
	s.damaged(Damage{"a", 612, 88, KindUnreadable})
	s.reads(f, 700, "\x00\x00")
}

// TestPageCacheOfAFailedSync goes: with a sync of the sectors, a truncation, or
// the power. Then the medium shows.
func TestPageCacheOfAFailedSync(t *testing.T) {
	ways := map[string]func(s *story, f env.File){
		"sync": func(s *story, f env.File) {
			s.write(f, "aa", 100)
			s.must(s.sync(f))
		},
		"truncation": func(s *story, f env.File) {
			f.Truncate(0, s.must)
			f.Truncate(1024, s.must)
			s.must(s.sync(f))
		},
		"power loss": func(s *story, _ env.File) {
			s.PowerLoss(LoseAll)
			s.boot()
		},
	}
	for name, way := range ways {
		s := newStory(t, 1)
		f := s.durableFile("a", strings.Repeat("a", 1024))
		s.write(f, "b", 0)
		s.FailNextSync(1)
		if s.sync(f) == nil {
			t.Fatal("the sync did not fail")
		}
		way(s, f)
		s.FailReads("a", 0, 1)
		if _, err := s.read(s.open("a"), 0, 1); !errors.Is(err, env.ErrIO) {
			t.Errorf("%s: a read ended with %v", name, err)
		}
	}
}

// TestShrunkByALaterSync: the length that a failed sync lost comes with the next
// one, and damage behind it goes.
func TestShrunkByALaterSync(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", strings.Repeat("a", 2000))
	s.Rot("a", 999, 0)
	s.Rot("a", 1000, 0)
	f.Truncate(1000, s.must)
	s.FailNextSync(1)
	if s.sync(f) == nil {
		t.Fatal("the sync did not fail")
	}
	s.must(s.sync(f))
	s.damaged(Damage{"a", 999, 1, KindRot})
}

// TestWrittenBackHeals: what the system writes back on its own reaches the
// medium too.
func TestWrittenBackHeals(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", "aaaa")
	s.config.DirtyBytes = 10
	s.Rot("a", 0, 0)
	s.FailReads("a", 1, 1)
	s.write(f, "bbbbbbbbbbbbbbb", 0)
	s.damaged()
	s.PowerLoss(LoseAll)
	s.holds("a", "bbbbbbbbbbbbbbb")
}

// TestPartsThatSurviveHeal: of an unsynced write over damage, what the power
// loss leaves has replaced it.
func TestPartsThatSurviveHeal(t *testing.T) {
	for seed := range uint64(20) {
		s := newStory(t, seed)
		f := s.durableFile("a", strings.Repeat("a", 4096))
		for off := int64(0); off < 4096; off += 512 {
			s.Rot("a", off, 0)
		}
		s.write(f, strings.Repeat("b", 4096), 0)
		s.PowerLoss(KeepSubset)
		for off := int64(0); off < 4096; off += 512 {
			got, _ := s.ReadRaw("a")
			if want := map[byte]byte{'a': '`', 'b': 'b'}[got[off+1]]; got[off] != want {
				t.Fatalf("seed %d: a sector of %q begins with %q", seed, got[off+1], got[off])
			}
		}
	}
}

func TestLiftFaults(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", strings.Repeat("a", 2000))
	s.durableFile("b", "b")
	s.Rot("a", 0, 0)
	s.FailReads("a", 1000, 1)
	s.LoseEntry("b")
	s.LoseNextWrite(always)
	s.write(f, "lost", 10)
	s.must(s.sync(f))
	s.LoseNextWrite(always)
	s.write(f, "unsynced", 20)
	s.MisdirectNextWrite(always, 512)
	s.SetFull(true)
	s.SetSyncErrors(true)
	s.FailNextSync(3)
	s.SetSlow(1e9)
	s.SetThrottle(1)
	s.Stall(1e18)
	s.LiftFaults()
	s.damaged()
	s.holds("b", "b")
	begun := s.Now()
	s.write(f, "more", 2000)
	s.must(s.sync(f))
	s.damaged()
	if took := s.Now() - begun; took > 1e7 {
		t.Errorf("a write and a sync took %d ns", took)
	}
	s.PowerLoss(LoseAll)
	s.holds("a", strings.Repeat("a", 10)+"lost"+strings.Repeat("a", 6)+"unsynced"+strings.Repeat("a", 1972)+"more")
	hash := s.Hash()
	s.LiftFaults()
	if s.Hash() != hash {
		t.Error("lifting nothing is in the trace")
	}
}
