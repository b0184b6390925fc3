package diskmodel

import (
	"errors"
	"slices"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

func TestLoseEntry(t *testing.T) {
	s := newStory(t, 1)
	s.mount.Mkdir("d", s.must)
	f := s.open("d/a")
	s.write(f, "aaaa", 0)
	s.must(s.sync(f))
	if s.LoseEntry("d/a") || s.LoseEntry("d") || s.LoseEntry("d/b") {
		t.Fatal("a name is lost that is not durable, or no file's")
	}
	s.must(s.syncDir("."))
	s.must(s.syncDir("d"))
	if !s.LoseEntry("d/a") || s.LoseEntry("d/a") {
		t.Fatal("a durable name is not lost, or twice")
	}
	for range 2 {
		s.holds("d/a", "-")
		if _, err := s.try("d/a", env.OpenExisting); !errors.Is(err, env.ErrNotExist) {
			t.Errorf("the open of a lost name ended with %v", err)
		}
		s.mount.List("d", func(names []string, err error) {
			if s.must(err); len(names) > 0 {
				t.Errorf("the list has %q", names)
			}
		})
		s.settle()
		if len(s.Files()) > 0 || !s.Durable("d/a", 0, 4) || s.Intact("d/a", 0, 4) {
			t.Error("a lost name is among the files, or not durable, or intact")
		}
		s.damaged(Damage{Name: "d/a", Kind: KindLostEntry})
		s.PowerLoss(LoseAll)
		s.boot()
	}
	s.LiftFaults()
	s.holds("d/a", "aaaa")
	s.damaged()
}

// TestLostEntryTaken: a new file under the name ends the old one, once that is
// durable.
func TestLostEntryTaken(t *testing.T) {
	s := newStory(t, 1)
	s.durableFile("a", "old")
	s.LoseEntry("a")
	if _, err := s.try("a", env.OpenNew); err != nil {
		t.Fatalf("a lost name cannot be taken: %v", err)
	}
	s.damaged()
	s.PowerLoss(LoseAll) // the new name vanishes, and the old one stays lost
	s.boot()
	s.holds("a", "-")
	s.damaged(Damage{Name: "a", Kind: KindLostEntry})
	s.write(s.open("b"), "new", 0)
	s.mount.Rename("b", "a", s.must)
	s.settle()
	s.must(s.syncDir("."))
	s.LiftFaults()
	s.holds("a", "new")
	if got := s.Files(); !slices.Equal(got, []string{"a"}) || len(s.files) != 1 {
		t.Errorf("files %q, %d kept", got, len(s.files))
	}
}

// TestDirectoryOfALostEntry cannot go: what is left of it is a fault's doing.
func TestDirectoryOfALostEntry(t *testing.T) {
	s := newStory(t, 1)
	s.mount.Mkdir("d", s.must)
	s.open("d/a")
	s.must(s.syncDir("."))
	s.must(s.syncDir("d"))
	s.LoseEntry("d/a")
	var got error
	s.mount.Remove("d", func(err error) { got = err })
	s.settle()
	if !errors.Is(got, env.ErrIO) || s.Stats().Errors != 1 {
		t.Errorf("the removal ended with %v, %d errors", got, s.Stats().Errors)
	}
}
