package netmodel

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// slow is a link on which a kilobyte takes a second and nothing else takes time.
var slow = Link{BytesPerSecond: 1000}

func (s *story) sendOn(from, to env.NodeID, lane env.Lane, bytes int) {
	s.hosts[from].Send(to, lane, make([]byte, bytes))
}

// took lets everything arrive and gives the time until the last did.
func (s *story) took() time.Duration {
	begun := s.Now()
	s.settle()
	return time.Duration(s.Now() - begun)
}

// lengths gives lane and length of the frames a host heard since the last time.
func (s *story) lengths(id env.NodeID) string {
	var got []string
	for _, what := range s.hosts[id].take() {
		if part := strings.SplitN(what, "/", 3); len(part) == 3 {
			got = append(got, fmt.Sprintf("%s %d", part[1], len(part[2])))
		}
	}
	return strings.Join(got, ", ")
}

func TestLanesShareTheBandwidth(t *testing.T) {
	s := newStory(t, 1, slow, 1, 2, 3)
	s.sendOn(1, 2, env.Bulk, 3000)
	s.sendOn(1, 2, env.Append, 1500)
	s.sendOn(1, 2, env.Urgent, 500)
	s.sendOn(1, 3, env.Bulk, 4000) // another link
	s.sendOn(2, 1, env.Bulk, 4000) // the other direction
	if took := s.took(); took != 5*time.Second {
		t.Errorf("5,000 bytes at 1,000 a second took %s", took)
	}
	if got := s.lengths(2); got != "urgent 500, append 1500, bulk 3000" {
		t.Errorf("arrived: %s", got)
	}
}

func TestBandwidthRoundsUp(t *testing.T) {
	s := newStory(t, 1, Link{BytesPerSecond: 3}, 1, 2)
	s.sendOn(1, 2, env.Append, 1)
	if took := s.took(); took != 333_333_334 {
		t.Errorf("a third of a second is %d ns", took)
	}
	s.sendOn(1, 2, env.Append, 0)
	if took := s.took(); took != 0 {
		t.Errorf("nothing took %d ns", took)
	}
}

// TestAVoteInterruptsASnapshot: what was sent of the snapshot stays sent.
func TestAVoteInterruptsASnapshot(t *testing.T) {
	s := newStory(t, 1, slow, 1, 2)
	begun := s.Now()
	s.sendOn(1, 2, env.Bulk, 10_000)
	s.Run(begun + 4e9)
	s.sendOn(1, 2, env.Urgent, 10)
	s.sendOn(1, 2, env.Append, 1000)
	s.Run(begun + 4e9 + 1e7)
	if got := s.lengths(2); got != "urgent 10" {
		t.Errorf("10 ms after the vote was sent arrived: %q", got)
	}
	s.settle()
	if got := s.lengths(2); got != "append 1000, bulk 10000" {
		t.Errorf("arrived: %s", got)
	}
	if took := s.Now() - begun; took != 11_010_000_000 {
		t.Errorf("11,010 bytes at 1,000 a second took %d ns", took)
	}
	if st := s.Net.Stats(); st.Queued != 2 {
		t.Errorf("%+v", st)
	}
}

// TestQueueLimit: a lane's queue holds so many bytes behind what is being sent.
func TestQueueLimit(t *testing.T) {
	for _, c := range []struct {
		lane env.Lane
		want string
	}{
		{env.Urgent, "urgent 1000, urgent 99, urgent 98"}, // the oldest make room
		{env.Append, "append 1000, append 150, append 50"},
		{env.Bulk, "bulk 1000, bulk 150, bulk 50"},
	} {
		knobs := slow
		knobs.QueueBytes = 200
		s := newStory(t, 1, knobs, 1, 2)
		s.sendOn(1, 2, c.lane, 1000) // is being sent, and larger than the queue
		for _, bytes := range []int{150, 60, 50} {
			s.sendOn(1, 2, c.lane, bytes)
		}
		if c.lane == env.Urgent {
			s.sendOn(1, 2, c.lane, 99)
			s.sendOn(1, 2, c.lane, 98)
		}
		s.settle()
		if got := s.lengths(2); got != c.want {
			t.Errorf("arrived: %s, not %s", got, c.want)
		}
		st := s.Net.Stats()
		if want := st.Sent - st.Delivered; st.QueueFull != want || want == 0 {
			t.Errorf("%d dropped: %+v", want, st)
		}
	}
}

func TestAnEmptyQueueTakesAnything(t *testing.T) {
	knobs := slow
	knobs.QueueBytes = 10
	s := newStory(t, 1, knobs, 1, 2)
	for lane := range env.Lanes {
		s.sendOn(1, 2, lane, 1000)
		s.sendOn(1, 2, lane, 2000) // the line is empty behind the first only on the urgent lane
	}
	s.settle()
	if got := s.lengths(2); got != "urgent 1000, urgent 2000, append 1000, bulk 1000" {
		t.Errorf("arrived: %s", got)
	}
}

// TestKnobsChangeWhileFramesWait: what is left goes on at the new rate.
func TestKnobsChangeWhileFramesWait(t *testing.T) {
	s := newStory(t, 1, slow, 1, 2)
	begun := s.Now()
	s.sendOn(1, 2, env.Append, 3000)
	s.sendOn(1, 2, env.Append, 1000)
	s.Run(begun + 1e9)
	s.SetDefault(Link{BytesPerSecond: 2000})
	s.Run(begun + 2e9)
	s.lengths(2)
	s.SetLink(1, 2, Link{Base: time.Millisecond})
	if took := s.took(); took != time.Millisecond || s.lengths(2) != "append 1000" {
		t.Errorf("without a limit the rest took %s", took)
	}
	s.sendOn(1, 2, env.Append, 1000)
	s.ResetLink(1, 2)
	s.sendOn(1, 2, env.Append, 1000)
	if took := s.took(); took != 500*time.Millisecond {
		t.Errorf("with the default again it took %s", took)
	}
}

func TestTheQueueDiesWithItsProcess(t *testing.T) {
	s := newStory(t, 1, slow, 1, 2)
	begun := s.Now()
	s.sendOn(1, 2, env.Append, 2000) // half sent
	s.sendOn(1, 2, env.Append, 1000)
	s.sendOn(2, 1, env.Append, 3000)
	answered := false
	s.Transfer(1, ClientBase, 1000, func() { answered = true })
	s.Run(begun + 1e9)
	s.PowerOff(1)
	s.boot(1)
	s.sendOn(1, 2, env.Append, 500)
	if took := s.took(); took != 500*time.Millisecond || s.lengths(2) != "append 500" || s.lengths(1) != "" {
		t.Errorf("the new process' frame took %s", took)
	}
	if st := s.Net.Stats(); st.Abandoned != 2 || st.Unreachable != 1 || !answered {
		t.Errorf("%+v, a client's answer came: %v", st, answered)
	}
}

// TestTransfersUseTheBandwidth: in a line with each other, limited like frames.
func TestTransfersUseTheBandwidth(t *testing.T) {
	knobs := slow
	knobs.QueueBytes = 1000
	s := newStory(t, 1, knobs, 1)
	var order []int
	sent := 0
	for i := range 4 {
		if s.Transfer(ClientBase, 1, 500, func() { order = append(order, i) }) {
			sent++
		}
	}
	if took := s.took(); took != 1500*time.Millisecond || sent != 3 || !slices.Equal(order, []int{0, 1, 2}) {
		t.Errorf("%d of 4 went, %v came, in %s", sent, order, took)
	}
	if st := s.Net.Stats(); st.QueueFull != 1 || st.Delivered != 3 {
		t.Errorf("%+v", st)
	}
}

func TestTraceCoversTheQueue(t *testing.T) {
	knobs := slow
	knobs.QueueBytes = 5
	s := newStory(t, 1, knobs, 1, 2)
	lines := s.fates()
	s.send(1, 2, "first")
	s.send(1, 2, "second")
	s.send(1, 2, "third")
	s.settle()
	if got := strings.Join(*lines, ", "); got != "5 queued, 6 queued, 5 queue full, 5 arrives, 6 arrives" {
		t.Errorf("recorded: %s", got)
	}
}

// fates notes length and fate of each message from now on.
func (s *story) fates() *[]string {
	lines := new([]string)
	s.SetSink(func(e sim.Event) { *lines = append(*lines, fmt.Sprintf("%d %s", e.Bytes, Fate(e.C>>8))) })
	return lines
}

// TestSlowLinksAllocateNothing: nor do queues, once they have been that long.
func TestSlowLinksAllocateNothing(t *testing.T) {
	s := newStory(t, 1, Link{BytesPerSecond: 1 << 20, QueueBytes: 1 << 20}, 1)
	s.Net.Attach(2, func(f func()) { f() }).Attach(silent{})
	frame := make([]byte, 200)
	s.settle()
	if allocs := testing.AllocsPerRun(100, func() {
		for range 50 {
			for lane := range env.Lanes {
				s.hosts[1].Send(2, lane, frame)
			}
		}
		s.settle()
	}); allocs > 0 {
		t.Errorf("%v allocations for 150 frames", allocs)
	}
}
