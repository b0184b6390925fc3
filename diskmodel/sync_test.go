package diskmodel

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

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

func TestLastingSyncErrors(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", "aaaa")
	s.SetSyncErrors(true)
	for range 3 {
		s.write(f, "b", 0)
		if err := s.sync(f); !errors.Is(err, env.ErrIO) {
			t.Errorf("the sync ended with %v", err)
		}
	}
	s.open("b")
	if err := s.syncDir("."); !errors.Is(err, env.ErrIO) {
		t.Errorf("the sync of the directory ended with %v", err)
	}
	if stats := s.Stats(); stats.FailedSyncs != 4 || stats.Errors != 4 {
		t.Errorf("%d syncs failed, %d errors", stats.FailedSyncs, stats.Errors)
	}
	s.SetSyncErrors(false)
	s.must(s.sync(f))
	s.PowerLoss(LoseAll)
	s.holds("a", "aaaa")
	s.holds("b", "-")
}
