package netmodel

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

func TestLanesDoNotWaitForEachOther(t *testing.T) {
	knobs := Link{Base: time.Millisecond, PerKiB: time.Millisecond}
	s := newStory(t, 1, knobs, 1, 2)
	s.hosts[1].Send(2, env.Bulk, make([]byte, 100<<10))
	s.hosts[1].Send(2, env.Urgent, []byte("vote"))
	s.hosts[1].Send(2, env.Bulk, []byte("small"))
	s.settle()
	got := s.hosts[2].take()
	if len(got) != 3 || got[0] != "1/urgent/vote" || got[2] != "1/bulk/small" {
		t.Errorf("%d heard, first %.20q, last %.20q", len(got), got[0], got[len(got)-1])
	}
}

func TestKnobs(t *testing.T) {
	const count = 20_000
	for name, c := range map[string]struct {
		knobs Link
		count func(s Stats) uint64
	}{
		"loss":      {Link{LossPPM: 50_000}, func(s Stats) uint64 { return s.Lost }},
		"duplicate": {Link{DuplicatePPM: 50_000}, func(s Stats) uint64 { return s.Duplicated }},
		"reorder":   {Link{ReorderPPM: 50_000, ReorderBy: 10 * time.Millisecond}, func(s Stats) uint64 { return s.Reordered }},
		"corrupt":   {Link{CorruptPPM: 50_000}, func(s Stats) uint64 { return s.Corrupted }},
	} {
		c.knobs.Base = time.Millisecond
		s := newStory(t, 1, c.knobs, 1, 2)
		for i := range count {
			s.send(1, 2, fmt.Sprintf("%08d", i))
			s.Run(s.Now() + 1e5)
		}
		s.settle()
		n := c.count(s.Net.Stats())
		if n < count/20*8/10 || n > count/20*12/10 {
			t.Errorf("%s: %d of %d frames at 5%%", name, n, count)
		}
		checkKnob(t, name, s.hosts[2].frames, count, int(n))
	}
}

// checkKnob checks what arrived against the one fault there was.
func checkKnob(t *testing.T, name string, frames [][]byte, count, faults int) {
	t.Helper()
	sorted := slices.IsSortedFunc(frames, bytes.Compare)
	slices.SortFunc(frames, bytes.Compare)
	distinct := len(slices.CompactFunc(slices.Clone(frames), bytes.Equal))
	switch name {
	case "loss":
		if len(frames) != count-faults || !sorted {
			t.Errorf("%d frames arrived, %d were lost; in order: %v", len(frames), faults, sorted)
		}
	case "duplicate":
		if len(frames) != count+faults || distinct != count {
			t.Errorf("%d frames arrived, %d distinct, %d were duplicated", len(frames), distinct, faults)
		}
	case "reorder":
		if len(frames) != count || distinct != count || sorted {
			t.Errorf("%d frames arrived, %d distinct; in order: %v", len(frames), distinct, sorted)
		}
	case "corrupt":
		if len(frames) != count {
			t.Errorf("%d frames arrived", len(frames))
		}
	}
}

// TestDamageIsInACopy: a frame sent to two peers reaches the other one whole.
func TestDamageIsInACopy(t *testing.T) {
	s := newStory(t, 1, Link{Base: time.Millisecond}, 1, 2, 3)
	s.SetLink(1, 2, Link{CorruptPPM: 1_000_000})
	frame := []byte("the same bytes for both")
	clean := bytes.Clone(frame)
	for range 100 {
		s.hosts[1].Send(2, env.Append, frame)
		s.hosts[1].Send(3, env.Append, frame)
		s.hosts[1].Send(2, env.Append, nil)
	}
	s.settle()
	for _, got := range s.hosts[3].frames {
		if !bytes.Equal(got, clean) {
			t.Fatal("the damage reached another receiver")
		}
	}
	most := 0
	for _, got := range s.hosts[2].frames {
		flipped := 0
		for i := range got {
			flipped += bits.OnesCount8(got[i] ^ clean[i])
		}
		most = max(most, flipped)
	}
	if !bytes.Equal(frame, clean) || most != 3 {
		t.Errorf("the sender's bytes changed, or at most %d bits were flipped", most)
	}
}

func TestSetLink(t *testing.T) {
	s := newStory(t, 1, Link{Base: time.Millisecond}, 1, 2)
	begun := s.Now()
	s.SetLink(1, 2, Link{Base: time.Second})
	s.send(1, 2, "x")
	s.settle()
	if took := s.Now() - begun; took != 1e9 {
		t.Errorf("a frame took %d ns on a link of 1 s", took)
	}
	s.ResetLink(1, 2)
	s.SetDefault(Link{Base: 2 * time.Second})
	begun = s.Now()
	s.send(1, 2, "x")
	s.settle()
	if took := s.Now() - begun; took != 2e9 || s.Default().Base != 2*time.Second {
		t.Errorf("a frame took %d ns on a default link of 2 s", took)
	}
}

func TestTransfer(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1)
	client := ClientBase + 3
	var order []int
	for i := range 20 {
		if !s.Transfer(client, 1, 100, func() { order = append(order, i) }) {
			t.Fatal("lost on a link without faults")
		}
	}
	s.settle()
	if len(order) != 20 || !slices.IsSorted(order) {
		t.Errorf("arrived: %d", order)
	}
	s.Transfer(client, 1, 100, func() { t.Error("caught by a cut, and delivered") })
	s.Cut(client, 1)
	if s.Transfer(client, 1, 100, func() { t.Error("sent into a cut, and delivered") }) {
		t.Error("on its way into a cut")
	}
	s.settle()
	s.HealAll()
	s.SetDefault(Link{LossPPM: 100_000, CorruptPPM: 100_000})
	arrived := 0
	for range 1000 {
		s.Transfer(1, client, 10, func() { arrived++ })
	}
	s.settle()
	if arrived < 750 || arrived > 850 {
		t.Errorf("%d of 1000 arrived at 20%% loss", arrived)
	}
}

// TestLinksAreIndependent: traffic on one link changes nothing on another.
func TestLinksAreIndependent(t *testing.T) {
	arrivals := func(noise bool) []string {
		s := newStory(t, 5, Link{Base: time.Millisecond, Jitter: time.Millisecond, LossPPM: 100_000}, 1, 2, 3)
		for i := range 100 {
			s.send(1, 2, fmt.Sprint(i))
			if noise {
				s.send(3, 2, "noise")
				s.send(2, 1, "noise")
			}
			s.Run(s.Now() + 1e6)
		}
		s.settle()
		return slices.DeleteFunc(s.hosts[2].take(), func(what string) bool { return strings.Contains(what, "noise") })
	}
	if with, without := arrivals(true), arrivals(false); !slices.Equal(with, without) {
		t.Errorf("with noise elsewhere %d frames arrived, without %d", len(with), len(without))
	}
}
