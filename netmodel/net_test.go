package netmodel

import (
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

func TestCutsAreOneWayAndAddUp(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2)
	s.Cut(1, 2)
	s.Cut(1, 2)
	s.send(1, 2, "lost")
	s.send(2, 1, "arrives")
	s.settle()
	s.heard(1, "2/append/arrives")
	s.heard(2)
	s.Heal(1, 2)
	s.send(1, 2, "lost")
	s.settle()
	s.heard(2)
	s.Heal(1, 2)
	s.Heal(1, 2)
	s.send(1, 2, "arrives")
	s.settle()
	s.heard(2, "1/append/arrives")
	if st := s.Net.Stats(); st.Cut != 2 || st.Sent != 4 || st.Delivered != 2 {
		t.Errorf("%+v", st)
	}
}

func TestACutCatchesWhatIsUnderWay(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2)
	s.send(1, 2, "caught")
	s.Cut(1, 2)
	s.settle()
	s.HealAll()
	s.settle()
	s.heard(2)
	if st := s.Net.Stats(); st.Cut != 1 {
		t.Errorf("%+v", st)
	}
}

func TestPartition(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2, 3)
	s.Partition([]Addr{1}, []Addr{2, 3})
	if s.Connected(1, 2) || s.Connected(3, 1) || !s.Connected(2, 3) || !s.Connected(1, ClientBase) || s.Connected(1, 9) {
		t.Error("who is connected in a partition")
	}
	for _, to := range []env.NodeID{2, 3} {
		s.send(1, to, "x")
		s.send(to, 1, "x")
	}
	s.send(2, 3, "y")
	s.settle()
	s.heard(1)
	s.heard(2)
	s.heard(3, "2/append/y")
	s.HealPartition([]Addr{1}, []Addr{2, 3})
	s.settle()
	s.heard(1) // the connections were never lost
	s.send(1, 2, "z")
	s.settle()
	s.heard(2, "1/append/z")
}

func TestCrashIsHeardOfAndPowerLossIsNot(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2, 3)
	s.Close(1)
	s.PowerOff(2)
	s.settle()
	s.heard(1)
	s.heard(3, "down 1")
	s.boot(1)
	s.boot(2)
	s.settle()
	s.heard(1, "up 2", "up 3")
	s.heard(2, "up 1", "up 3")
	s.heard(3, "up 1", "up 2")
}

func TestACrashBehindACutIsNotHeardOf(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2, 3)
	s.Cut(1, 2)
	s.Close(1)
	s.settle()
	s.heard(2)
	s.heard(3, "down 1")
	s.boot(1)
	s.settle()
	s.heard(2)
	s.heard(1, "up 3")
	s.Heal(1, 2)
	s.settle()
	s.heard(2, "up 1")
	s.heard(1, "up 2")
}

// TestACrashOfAStranger: no connection was made, so none is seen to close.
func TestACrashOfAStranger(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 2)
	s.Cut(2, 1)
	s.boot(1)
	s.Close(1)
	s.settle()
	s.heard(2)
	s.Net.Attach(3, func(f func()) { f() })
	s.Close(3)
	s.settle()
	s.heard(2)
}

func TestACutDuringTheHandshake(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1)
	s.boot(2)
	s.Cut(1, 2)
	s.settle()
	s.heard(1, "up 2")
	s.heard(2)
	s.HealAll()
	s.settle()
	s.heard(1, "up 2")
	s.heard(2, "up 1")
}

func TestFramesOfTheDeadArriveAndThoseToThemVanish(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2)
	s.send(1, 2, "last words")
	s.send(2, 1, "too late")
	dead := s.hosts[1]
	s.Close(1)
	s.boot(1)
	dead.Send(2, env.Append, []byte("from the grave"))
	s.settle()
	s.heard(1, "up 2")
	s.heard(2, "1/append/last words", "down 1", "up 1")
	if got := dead.take(); len(got) > 0 {
		t.Errorf("a dead process heard %q", got)
	}
	s.send(2, 1, "again")
	s.settle()
	s.heard(1, "2/append/again")
	if st := s.Net.Stats(); st.Unreachable != 1 {
		t.Errorf("%+v", st)
	}
}

// TestDeathBeforeTheLoopIsFree: the frame arrived, the process was paused, and
// died before it looked.
func TestDeathBeforeTheLoopIsFree(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1)
	var held []func()
	h := &host{Network: s.Net.Attach(2, func(f func()) { held = append(held, f) })}
	h.Attach(h)
	s.send(1, 2, "unread")
	s.settle()
	s.Close(2)
	for _, f := range held {
		f()
	}
	if len(held) == 0 || len(h.heard) > 0 {
		t.Errorf("%d held, %q heard", len(held), h.heard)
	}
}

func TestTraceCoversTheNetwork(t *testing.T) {
	run := func(frame string) (uint64, []string) {
		s := newStory(t, 1, DefaultLink(), 1, 2)
		var lines []string
		s.SetSink(func(e sim.Event) { lines = append(lines, Describe(e)) })
		s.send(1, 2, frame)
		s.send(1, 9, frame)
		s.Cut(2, 1)
		s.send(2, 1, frame)
		s.Transfer(ClientBase+1, 2, 7, func() {})
		s.settle()
		return s.Hash(), lines
	}
	hash, lines := run("frame")
	if again, _ := run("frame"); again != hash {
		t.Error("the same story has another hash")
	}
	if other, _ := run("framf"); other == hash {
		t.Error("a flipped bit does not reach the hash")
	}
	for i, want := range []string{"node 1 to node 2, lane append: 5 bytes", "node 1 to node 9, lane append: 5 bytes", "node 2 to node 1, lane append: 5 bytes", "client 1 to node 2, lane append: 7 bytes"} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d of %q does not begin with %q", i, lines, want)
		}
	}
	for i, fate := range []Fate{Arrives, Unreachable, CutOff, Arrives} {
		if !strings.Contains(lines[i], ", "+fate.String()+" after") {
			t.Errorf("%q is not %q", lines[i], fate)
		}
	}
}

func TestMisusePanics(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2)
	for name, misuse := range map[string]func(){
		"a lane that is none": func() { s.hosts[1].Send(2, env.Lanes, nil) },
		"a second receiver":   func() { s.hosts[1].Attach(s.hosts[1]) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			misuse()
		}()
	}
}
