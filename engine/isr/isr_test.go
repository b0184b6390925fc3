package isr_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/isr"
)

const lag = 1000 * time.Millisecond

var all = []env.ReplicaID{1, 2, 3}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func TestASilentFollowerLeavesTheSetInForceAfterTheLag(t *testing.T) {
	state := isr.State{Members: all}
	tr := isr.NewTracker(0, lag, 1, all, state, 10)
	for at := 50; at <= 1200; at += 50 {
		tr.Heard(ms(at), 2, 10)
	}
	if got := tr.InForce(nil, ms(1000), state); !slices.Equal(got, all) {
		t.Fatalf("within the limit the set in force is %v, want all", got)
	}
	if got := tr.InForce(nil, ms(1001), state); !slices.Equal(got, []env.ReplicaID{1, 2}) {
		t.Fatalf("past the limit the set in force is %v, want [1 2]", got)
	}
}

// A follower that answers heartbeats but never gets further must leave (B61).
func TestAnsweringIsNotBeingCaughtUp(t *testing.T) {
	state := isr.State{Members: all}
	tr := isr.NewTracker(0, lag, 1, all, state, 10)
	for at, end := 50, uint64(11); at <= 1500; at, end = at+50, end+1 {
		tr.Grew(ms(at), end)
		tr.Heard(ms(at), 2, end)
		tr.Heard(ms(at), 3, 10)
	}
	if got := tr.InForce(nil, ms(1500), state); !slices.Equal(got, []env.ReplicaID{1, 2}) {
		t.Fatalf("the set in force is %v, want [1 2]: 3 is stuck at index 10", got)
	}
}

// A follower that is always 300 ms behind a busy leader is in sync.
func TestALittleBehindIsInSync(t *testing.T) {
	state := isr.State{Members: all}
	tr := isr.NewTracker(0, lag, 1, all, state, 100)
	for at := 10; at <= 5000; at += 10 {
		tr.Grew(ms(at), 100+uint64(at))
		tr.Heard(ms(at), 2, 100+uint64(max(0, at-300)))
	}
	if got := tr.InForce(nil, ms(5000), state); !slices.Equal(got, []env.ReplicaID{1, 2}) {
		t.Fatalf("the set in force is %v, want [1 2]", got)
	}
}

// A follower that is back returns once it holds everything committed (B62).
func TestACaughtUpFollowerIsWantedAgain(t *testing.T) {
	state := isr.State{Members: []env.ReplicaID{1, 2}}
	tr := isr.NewTracker(0, lag, 1, all, state, 10)
	tr.Heard(ms(50), 2, 10)
	tr.Heard(ms(50), 3, 4)
	if got := tr.Wanted(nil, ms(50), state, 10); !slices.Equal(got, []env.ReplicaID{1, 2}) {
		t.Fatalf("wanted %v while 3 lacks entries, want [1 2]", got)
	}
	tr.Heard(ms(100), 3, 10)
	if got := tr.Wanted(nil, ms(100), state, 10); !slices.Equal(got, all) {
		t.Fatalf("wanted %v after 3 caught up, want all", got)
	}
	if got := tr.InForce(nil, ms(100), state); !slices.Equal(got, []env.ReplicaID{1, 2}) {
		t.Fatalf("in force %v before the return is committed, want [1 2]", got)
	}
}

func TestAckIndex(t *testing.T) {
	for _, c := range []struct {
		matches []uint64
		self    uint64
		minISR  int
		want    uint64
	}{
		{[]uint64{9, 7, 5}, 9, 1, 9},
		{[]uint64{9, 7, 5}, 9, 2, 7},
		{[]uint64{9, 7, 5}, 9, 3, 5},
		{[]uint64{9, 7}, 9, 3, 0},
		{[]uint64{4, 9, 9}, 4, 2, 4}, // the leader's own disk is the slow one
		{nil, 0, 1, 0},
	} {
		if got := isr.AckIndex(slices.Clone(c.matches), c.self, c.minISR); got != c.want {
			t.Errorf("AckIndex(%v, %d, %d) = %d, want %d", c.matches, c.self, c.minISR, got, c.want)
		}
	}
}

func TestStateRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.Uint64Range(1, 1<<62), 1, 7, rapid.ID).Draw(t, "ids")
		slices.Sort(ids)
		s := isr.State{Version: rapid.Uint64().Draw(t, "version")}
		for _, id := range ids {
			s.Members = append(s.Members, env.ReplicaID(id))
		}
		got, rest, err := isr.DecodeState(append(s.Append(nil), 0xaa))
		if err != nil || len(rest) != 1 || got.Version != s.Version || !slices.Equal(got.Members, s.Members) {
			t.Fatalf("decoded %+v, rest %x, error %v; want %+v", got, rest, err, s)
		}
	})
}

func FuzzDecodeState(f *testing.F) {
	f.Add(isr.State{Version: 7, Members: all}.Append(nil))
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, rest, err := isr.DecodeState(b)
		if err == nil && len(s.Members) == 0 {
			t.Fatal("an empty set was accepted")
		}
		if len(rest) > len(b) {
			t.Fatal("the rest is longer than the input")
		}
	})
}

func BenchmarkHeard(b *testing.B) {
	tr := isr.NewTracker(0, lag, 1, all, isr.State{Members: all}, 0)
	b.ReportAllocs()
	for i := range b.N {
		now := time.Duration(i) * time.Microsecond
		tr.Grew(now, uint64(i))
		tr.Heard(now, 2, uint64(i))
		tr.Heard(now, 3, uint64(max(0, i-100)))
	}
}
