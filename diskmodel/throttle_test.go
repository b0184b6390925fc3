package diskmodel

import (
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

// ends asks for a write of so many bytes into a file, and notes when it ends.
func (s *story) ends(f env.File, bytes int) *int64 {
	at := new(int64)
	f.WriteAt(make([]byte, bytes), 0, func(err error) { s.must(err); *at = s.Now() })
	return at
}

func near(got, want int64) bool { return got > want-1e7 && got < want+1e7 }

// TestThrottleIsShared: two files take twice the time of one, and a sync takes
// as long as what it makes durable.
func TestThrottleIsShared(t *testing.T) {
	s := newStory(t, 1)
	fa, fb := s.open("a"), s.open("b")
	s.SetThrottle(1_000_000)
	begun := s.Now()
	a, b := s.ends(fa, 1_000_000), s.ends(fb, 500_000)
	s.settle()
	if !near(*a-begun, 1e9) || !near(*b-begun, 15e8) {
		t.Errorf("1 s of bytes took %d ns, 0.5 s of bytes behind them %d", *a-begun, *b-begun)
	}
	begun = s.Now()
	s.must(s.sync(fb))
	if took := s.Now() - begun; !near(took, 5e8) || s.Stats().Throttled != 3 {
		t.Errorf("a sync of 0.5 s of bytes took %d ns; %d throttled", took, s.Stats().Throttled)
	}
	begun = s.Now()
	s.must(s.syncDir(".")) // nothing to transfer
	if took := s.Now() - begun; took > 1e8 {
		t.Errorf("a sync of the directory took %d ns", took)
	}
}

// TestThrottleChanges: what is under way goes on at the new rate.
func TestThrottleChanges(t *testing.T) {
	s := newStory(t, 1)
	fa, fb := s.open("a"), s.open("b")
	s.SetThrottle(1000)
	begun := s.Now()
	a, b := s.ends(fa, 1_000_000), s.ends(fb, 1_000_000)
	s.Run(begun + 500e9) // half of a is through
	s.SetThrottle(1_000_000)
	s.Run(begun + 501e9) // a is, and half of b
	s.SetThrottle(2_000_000)
	s.settle()
	if !near(*a-begun, 5005e8) || !near(*b-begun, 50125e7) {
		t.Errorf("ended after %d and %d ns", *a-begun, *b-begun)
	}
}

// TestThrottleEnds: the bytes are through at once, the latency takes its time.
func TestThrottleEnds(t *testing.T) {
	s := newStory(t, 1)
	a := s.open("a")
	s.SetThrottle(1000)
	s.SetSlow(1e9)
	begun := s.Now()
	at := s.ends(a, 1_000_000)
	s.Run(begun + 5e8)
	s.SetThrottle(0)
	s.settle()
	if !near(*at-begun, 1e9) {
		t.Errorf("ended after %d ns", *at-begun)
	}
}

func TestCrashFreesTheChannel(t *testing.T) {
	s := newStory(t, 1)
	f := s.open("a")
	s.SetThrottle(1000)
	s.ends(f, 1_000_000)
	s.Crash()
	s.boot()
	begun := s.Now()
	f = s.open("b")
	s.write(f, "x", 0)
	if took := s.Now() - begun; took > 1e8 {
		t.Errorf("a byte took %d ns behind the transfers of the dead", took)
	}
}

func TestUnstall(t *testing.T) {
	s := newStory(t, 1)
	f := s.open("a")
	s.Stall(1e12)
	at := int64(0)
	f.WriteAt([]byte("x"), 0, func(err error) { s.must(err); at = s.Now() })
	f.WriteAt([]byte("y"), 0, s.must)
	s.Run(1e9)
	s.Unstall()
	s.settle()
	if at != 1e9 || s.Now() > 2e9 {
		t.Errorf("what the stall held ended at %d and %d", at, s.Now())
	}
}
