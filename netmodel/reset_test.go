package netmodel

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

func TestAResetLosesWhatIsUnderWay(t *testing.T) {
	s := newStory(t, 1, Link{Base: 10 * time.Millisecond, BytesPerSecond: 1000}, 1, 2, 3)
	begun := s.Now()
	s.sendOn(1, 2, env.Append, 1000)
	s.sendOn(1, 2, env.Append, 1000)
	s.sendOn(1, 2, env.Bulk, 1000)
	s.sendOn(2, 1, env.Append, 1)
	s.sendOn(3, 1, env.Append, 1)
	s.Run(begun + 1e9 + 5e6) // the first flies, the second is being sent
	s.heard(1, "2/append/\x00", "3/append/\x00")
	s.send(2, 1, "")
	s.Reset(1, 2)
	s.Run(begun + 1e9 + 6e6)
	s.send(1, 2, "too early")
	s.settle()
	for id, peer := range map[env.NodeID]string{1: "2", 2: "1"} {
		if got := strings.Join(s.hosts[id].take(), ", "); got != "down "+peer+", up "+peer {
			t.Errorf("node %d heard %s", id, got)
		}
	}
	s.heard(3)
	s.send(1, 2, "again")
	s.send(2, 1, "again")
	s.settle()
	s.heard(1, "2/append/again")
	s.heard(2, "1/append/again")
	if st := s.Net.Stats(); st.Reset != 5 || st.Delivered != 4 || st.Sent != 9 {
		t.Errorf("%+v", st)
	}
}

// TestTheNewConnection: it stands after a round trip, PeerUp comes a delay later.
func TestTheNewConnection(t *testing.T) {
	s := newStory(t, 1, Link{Base: 10 * time.Millisecond}, 1, 2)
	begun := s.Now()
	s.Reset(1, 2)
	s.Run(begun + 10e6)
	s.heard(1, "down 2")
	s.Run(begun + 20e6 - 1)
	s.send(1, 2, "just too early")
	s.Run(begun + 20e6)
	s.send(1, 2, "in time")
	s.Run(begun + 30e6 - 1)
	s.heard(1)
	s.settle()
	if took := s.Now() - begun; took != 30e6 {
		t.Errorf("all was over after %d ns", took)
	}
	s.heard(1, "up 2")
	s.heard(2, "down 1", "up 1", "1/append/in time")
}

// TestStragglersDoNotHoldUpTheNewConnection: a frame that would have been late
// takes its lane's order with it.
func TestStragglersDoNotHoldUpTheNewConnection(t *testing.T) {
	s := newStory(t, 1, Link{Base: time.Hour}, 1, 2)
	s.send(1, 2, "straggler")
	s.SetDefault(Link{Base: time.Millisecond})
	s.Reset(1, 2)
	s.Run(s.Now() + 1e9)
	s.send(1, 2, "fresh")
	s.Run(s.Now() + 1e9)
	s.heard(2, "down 1", "up 1", "1/append/fresh")
	s.settle()
	s.heard(2)
}

func TestAResetBehindACutIsNotHeardOf(t *testing.T) {
	for name, act := range map[string]func(s *story){
		"cut before": func(s *story) { s.Cut(1, 2); s.Reset(1, 2) },
		"cut after":  func(s *story) { s.Reset(1, 2); s.Cut(1, 2); s.Cut(2, 1) },
	} {
		s := newStory(t, 1, DefaultLink(), 1, 2)
		s.send(2, 1, "lost")
		act(s)
		s.settle()
		s.heard(1)
		s.heard(2)
		s.HealAll()
		s.settle()
		if name == "cut before" {
			s.heard(1)
			s.heard(2)
		} else {
			s.heard(1, "up 2")
			s.heard(2, "up 1")
		}
		s.send(2, 1, "arrives")
		s.settle()
		s.heard(1, "2/append/arrives")
	}
}

// TestResetsOverlap: the last one counts; a process that boots meanwhile is
// connected with the rest.
func TestResetsOverlap(t *testing.T) {
	s := newStory(t, 1, Link{Base: 10 * time.Millisecond}, 1, 2)
	begun := s.Now()
	s.Reset(1, 2)
	s.Run(begun + 15e6)
	s.Reset(2, 1)
	s.Run(begun + 35e6 - 1)
	s.heard(1, "down 2")
	s.heard(2, "down 1")
	s.Run(begun + 45e6)
	s.heard(1, "up 2")
	s.heard(2, "up 1")

	s.Reset(1, 2)
	s.Close(2)
	s.boot(2)
	s.Cut(1, 2)
	s.Reset(1, 2)
	s.Heal(1, 2)
	s.settle()
	s.heard(1, "down 2", "up 2")
	s.heard(2, "up 1")
	s.Reset(1, 1)
	s.Reset(1, 9)
	s.settle()
	s.heard(1)
}

func TestAResetOfAClient(t *testing.T) {
	s := newStory(t, 1, Link{Base: 10 * time.Millisecond}, 1)
	client := ClientBase + 1
	var got []string
	transfer := func(from, to Addr, what string) {
		if !s.Transfer(from, to, 10, func() { got = append(got, what) }) {
			t.Errorf("%s is not on its way", what)
		}
	}
	transfer(client, 1, "lost request")
	transfer(1, client, "lost answer")
	begun := s.Now()
	s.Reset(client, 1)
	transfer(client, 1, "waits for the connection")
	s.settle()
	if !slices.Equal(got, []string{"waits for the connection"}) || s.Now()-begun != 30e6 {
		t.Errorf("%q arrived, the last after %d ns", got, s.Now()-begun)
	}
	s.heard(1)
}

// TestAResetLosesWhatAClogHolds: the clog itself goes on, and holds the notices.
func TestAResetLosesWhatAClogHolds(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2)
	s.Close(2)
	s.settle()
	s.Clog(1, 2, s.Now()+1e9)
	s.boot(2)
	s.send(1, 2, "held")
	s.Run(s.Now() + 1e8)
	s.Reset(1, 2)
	s.Run(s.Now() + 1e8)
	s.send(1, 2, "later")
	s.Run(s.Now() + 1e8)
	s.heard(2)
	s.settle()
	if got := strings.Join(s.hosts[2].take(), ", "); got != "up 1, down 1, up 1, 1/append/later" {
		t.Errorf("node 2 heard %s", got)
	}
	if st := s.Net.Stats(); st.Reset != 1 {
		t.Errorf("%+v", st)
	}
}

func TestTraceCoversResets(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2)
	lines := s.fates()
	s.send(1, 2, "12345")
	s.Reset(1, 2)
	s.send(2, 1, "1234")
	s.settle()
	if got := strings.Join(*lines, ", "); got != "5 arrives, 4 reset, 5 reset" {
		t.Errorf("recorded: %s", got)
	}
}
