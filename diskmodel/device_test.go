package diskmodel

import (
	"errors"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

func TestLostDisk(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", "aaaa")
	told := 0
	broken := func(err error) {
		if told++; !errors.Is(err, env.ErrIO) {
			t.Errorf("a lost disk answered with %v", err)
		}
	}
	f.WriteAt([]byte("b"), 0, broken) // under way
	f.Sync(broken)                    // queued
	s.Lose()
	f.ReadAt(make([]byte, 4), 0, func(_ int, err error) { broken(err) })
	s.mount.Mkdir("d", broken)
	s.mount.Open("a", env.OpenCreate, func(_ env.File, err error) { broken(err) })
	s.settle()
	s.boot()
	s.mount.List(".", func(_ []string, err error) { broken(err) })
	s.settle()
	s.LiftFaults()
	if stats := s.Stats(); told != 6 || stats.DeviceErrors != 6 || stats.Errors != 6 {
		t.Errorf("%d told, %d failed, %d errors", told, stats.DeviceErrors, stats.Errors)
	}
	if !s.Lost() || s.Durable("a", 0, 0) || s.Intact("a", 0, 0) || s.Rot("a", 0, 0) || s.FailReads("a", 0, 1) || s.LoseEntry("a") || len(s.Files()) > 0 {
		t.Error("a lost disk has a file")
	}
	s.holds("a", "-")
}

func TestReplace(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", "aaaa")
	s.Rot("a", 0, 0)
	s.SetFull(true)
	s.SetSyncErrors(true)
	s.Lose()
	f.WriteAt([]byte("b"), 0, func(error) { t.Error("the process outlived its disk") })
	s.Replace()
	s.settle()
	s.boot()
	s.damaged()
	if _, err := s.try("a", env.OpenExisting); s.Lost() || !errors.Is(err, env.ErrNotExist) {
		t.Errorf("a new disk: lost %v, the old name %v", s.Lost(), err)
	}
	s.durableFile("a", "bbbb")
	s.PowerLoss(LoseAll)
	s.holds("a", "bbbb")
	if err := s.invariants(); err != nil {
		t.Error(err)
	}
}

// TestErrorsOfTheDead are no reason for anybody to stop.
func TestErrorsOfTheDead(t *testing.T) {
	s := newStory(t, 1)
	s.mount = s.Mount(func(f func()) { s.After(1e9, f) })
	s.mount.SyncDir(".", func(error) { t.Error("the dead were told") })
	s.FailNextSync(1)
	s.Run(s.Now() + 1e8)
	s.Crash()
	s.settle()
	if stats := s.Stats(); stats.FailedSyncs != 1 || stats.Errors != 0 {
		t.Errorf("%d syncs failed, %d errors", stats.FailedSyncs, stats.Errors)
	}
}
