package diskmodel

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

// noSpace counts the operations that ended for lack of space.
type noSpace struct {
	*story
	n int
}

func (s *noSpace) refused(err error) {
	if s.n++; !errors.Is(err, env.ErrNoSpace) {
		s.Errorf("a full disk answered with %v", err)
	}
}

func TestSetFull(t *testing.T) {
	s := &noSpace{story: newStory(t, 1)}
	f := s.durableFile("a", "aaaa")
	s.durableFile("b", strings.Repeat("b", 10_000))
	s.SetFull(true)
	f.WriteAt([]byte("x"), 4, s.refused)
	f.Truncate(5, s.refused)
	s.mount.Mkdir("d", s.refused)
	s.mount.Open("c", env.OpenCreate, func(_ env.File, err error) { s.refused(err) })
	s.settle()
	s.holds("a", "aaaa")
	f.WriteAt([]byte("bb"), 2, s.must)
	s.must(s.sync(f))
	s.mount.Remove("b", s.must)
	s.mount.Rename("a", "e", s.must)
	s.must(s.syncDir("."))
	f.Truncate(3, s.must)
	f.WriteAt([]byte("x"), 3, s.refused) // what was freed went elsewhere
	s.settle()
	s.holds("e", "aab")
	if stats := s.Stats(); s.n != 5 || stats.NoSpace != 5 || stats.Errors != 5 {
		t.Errorf("%d refused, %d counted, %d errors", s.n, stats.NoSpace, stats.Errors)
	}
	s.SetFull(false)
	s.write(f, "more", 3)
	s.holds("e", "aabmore")
}

// TestFullMidway: a write that runs out of space leaves some prefix of what
// overwrites.
func TestFullMidway(t *testing.T) {
	prefixes := map[int]bool{}
	for seed := range uint64(100) {
		s := &noSpace{story: newStory(t, seed)}
		f := s.durableFile("a", "aaaa")
		s.SetFull(true)
		f.WriteAt([]byte("bbbb"), 2, s.refused)
		s.settle()
		got, _ := s.ReadRaw("a")
		n := strings.Count(string(got), "b")
		prefixes[n] = true
		if want := "aa" + strings.Repeat("b", n) + strings.Repeat("a", 2-n); string(got) != want {
			t.Fatalf("seed %d left %q", seed, got)
		}
		if s.Durable("a", 2, 1) != (n == 0) {
			t.Errorf("seed %d: a prefix counts as durable", seed)
		}
	}
	if len(prefixes) != 3 {
		t.Errorf("prefixes %v", prefixes)
	}
}

func TestCapacity(t *testing.T) {
	s := &noSpace{story: newStory(t, 1)}
	s.config.CapacityBytes = 1000
	a, b := s.open("a"), s.open("b")
	s.write(a, strings.Repeat("a", 600), 0)
	s.write(b, strings.Repeat("b", 400), 0)
	a.Truncate(601, s.refused)
	b.WriteAt([]byte("x"), 400, s.refused)
	s.settle()
	s.write(b, strings.Repeat("c", 400), 0)
	a.Truncate(300, s.must)
	b.WriteAt(make([]byte, 500), 400, s.refused)
	s.settle()
	if got, _ := s.ReadRaw("b"); len(got) < 400 || len(got) > 700 {
		t.Errorf("a write that ran out of space left %d bytes", len(got))
	}
	b.Truncate(700, s.must)
	s.mount.Remove("a", s.must)
	s.settle()
	b.Truncate(701, s.refused) // a is open still
	s.settle()
	a.Close()
	b.Truncate(1000, s.must)
	s.settle()
	if s.n != 4 {
		t.Errorf("%d refused", s.n)
	}
}
