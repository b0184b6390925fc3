package netmodel

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

func TestAClogHoldsAndThenBursts(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2)
	s.send(1, 2, "under way")
	begun := s.Now()
	s.Clog(1, 2, begun+1e9)
	s.Clog(1, 2, begun+5e8) // the later end counts
	for _, frame := range []string{"a", "b", "c"} {
		s.Run(s.Now() + 1e8)
		s.send(1, 2, frame)
		s.send(2, 1, frame)
	}
	s.Run(begun + 1e9 - 1)
	s.heard(2)
	s.heard(1, "2/append/a", "2/append/b", "2/append/c")
	s.Run(begun + 1e9)
	want := []string{"1/append/under way", "1/append/a", "1/append/b", "1/append/c"}
	if got := s.hosts[2].take(); !slices.Equal(got, want) {
		t.Errorf("after the clog %q arrived", got)
	}
	s.send(1, 2, "free")
	s.settle()
	s.heard(2, "1/append/free")
	if st := s.Net.Stats(); st.Held != 4 || st.Delivered != 8 {
		t.Errorf("%+v", st)
	}
}

// TestNothingOvertakesAClog: also not what arrives in the very moment of its end.
func TestNothingOvertakesAClog(t *testing.T) {
	s := newStory(t, 1, Link{Base: time.Millisecond}, 1, 2)
	end := s.Now() + 5e6
	for i, before := range []bool{true, false} {
		if before {
			s.Clog(1, 2, end)
		}
		s.send(1, 2, "held")
		s.Run(end - 1e6)
		s.send(1, 2, "at the end")
		if !before {
			s.Clog(1, 2, end)
		}
		s.Run(end)
		if got := s.hosts[2].take(); !slices.Equal(got, []string{"1/append/held", "1/append/at the end"}) {
			t.Errorf("%d: arrived %q", i, got)
		}
		end += 5e6
	}
}

func TestUnclog(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2, 3)
	s.Unclog(1, 2) // there is none
	for name, free := range map[string]func(){
		"Unclog":  func() { s.Unclog(1, 2) },
		"HealAll": s.HealAll,
	} {
		s.Clog(1, 2, s.Now()+1e12)
		s.send(1, 2, "x")
		s.Run(s.Now() + 1e9)
		s.heard(2)
		free()
		s.heard(2) // nothing arrives inside a call
		if took := s.took(); took != 0 {
			t.Errorf("%s: the burst came after %s", name, took)
		}
		s.heard(2, "1/append/x")
	}
	s.Clog(1, 2, s.Now())
	s.send(1, 2, "a clog that is over")
	if took := s.took(); took > time.Second {
		t.Errorf("took %s", took)
	}
}

func TestAClogHoldsNoticesAndTransfers(t *testing.T) {
	s := newStory(t, 1, Link{Base: time.Millisecond}, 1, 2)
	end := s.Now() + 1e9
	s.Clog(1, 2, end)
	s.Clog(1, ClientBase, end)
	arrived := false
	s.Transfer(1, ClientBase, 10, func() { arrived = true })
	s.send(1, 2, "last words")
	s.Close(1)
	s.boot(1)
	s.Run(end - 1)
	if arrived || len(s.hosts[2].heard) > 0 {
		t.Errorf("through a clog came %q and %v", s.hosts[2].heard, arrived)
	}
	s.settle()
	if got := strings.Join(s.hosts[2].take(), ", "); got != "1/append/last words, down 1, up 1" || !arrived {
		t.Errorf("after it came %q and %v", got, arrived)
	}
}

// TestCutsAndDeathsReachWhatIsHeld: the other faults count when it arrives.
func TestCutsAndDeathsReachWhatIsHeld(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2)
	s.Clog(1, 2, s.Now()+1e9)
	s.send(1, 2, "to be cut")
	s.Run(s.Now() + 1e8)
	s.Cut(1, 2)
	s.settle()
	s.Heal(1, 2)
	s.Clog(1, 2, s.Now()+1e9)
	s.send(1, 2, "to the dead")
	s.Run(s.Now() + 1e8)
	s.Close(2)
	s.boot(2)
	s.settle()
	s.heard(2, "up 1")
	if st := s.Net.Stats(); st.Cut != 1 || st.Unreachable != 1 || st.Held != 2 {
		t.Errorf("%+v", st)
	}
}

// TestAFullPipeBehindAClog: what a clog holds has left the queue.
func TestAFullPipeBehindAClog(t *testing.T) {
	s := newStory(t, 1, slow, 1, 2)
	s.Clog(1, 2, s.Now()+10e9)
	s.sendOn(1, 2, env.Bulk, 3000)
	s.sendOn(1, 2, env.Urgent, 1000)
	if took := s.took(); took != 10*time.Second {
		t.Errorf("took %s", took)
	}
	if got := s.lengths(2); got != "urgent 1000, bulk 3000" {
		t.Errorf("arrived: %s", got)
	}
}

func TestTraceCoversClogs(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2)
	lines := s.fates()
	s.Clog(1, 2, s.Now()+1e9)
	s.send(1, 2, "12345")
	s.settle()
	if got := strings.Join(*lines, ", "); got != "5 arrives, 5 held" {
		t.Errorf("recorded: %s", got)
	}
}
