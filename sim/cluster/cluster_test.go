package cluster

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// short is a run of a few seconds with a crash of the leader.
func short(seed uint64) Schedule {
	s := Defaults(seed)
	s.DurationNs = int64(4 * time.Second)
	s.Faults = []Fault{{AtNs: int64(1500 * time.Millisecond), ForNs: int64(time.Second), Kind: Crash, Role: RoleLeader}}
	return s
}

func run(t *testing.T, s Schedule, o Options) *Result {
	t.Helper()
	r, err := Run(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustPass(t *testing.T, r *Result) {
	t.Helper()
	for _, v := range r.Violations {
		t.Errorf("at %v: %v", time.Duration(v.AtNs), v)
	}
	if !r.Passed || r.Ops.OK == 0 {
		t.Errorf("passed %v with %+v", r.Passed, r.Ops)
	}
}

func TestSameScheduleSameRun(t *testing.T) {
	for seed := range uint64(3) {
		first, second := run(t, short(seed), Options{KeepHistory: true}), run(t, short(seed), Options{KeepHistory: true})
		mustPass(t, first)
		if first.Hash != second.Hash || first.Events != second.Events || first.VirtualNs != second.VirtualNs {
			t.Errorf("seed %d: hash %016x, then %016x", seed, first.Hash, second.Hash)
		}
		if !slices.Equal(first.Notes, second.Notes) {
			t.Errorf("seed %d: two timelines", seed)
		}
	}
}

func TestHashDoesNotDependOnProcessors(t *testing.T) {
	want := run(t, short(5), Options{}).Hash
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if got := run(t, short(5), Options{}).Hash; got != want {
		t.Errorf("hash %016x on one processor, %016x on all", got, want)
	}
}

func TestSeedsGiveDifferentHashes(t *testing.T) {
	seen := map[uint64]uint64{}
	for seed := range uint64(200) {
		s := short(seed)
		s.DurationNs, s.Faults = int64(2*time.Second), nil
		r := run(t, s, Options{})
		if !r.Passed {
			t.Errorf("seed %d: %v", seed, r.Violations)
		}
		if other, ok := seen[r.Hash]; ok {
			t.Errorf("seeds %d and %d have the same hash", other, seed)
		}
		seen[r.Hash] = seed
	}
}

// flipper flips one bit of the n-th frame that one node sends.
type flipper struct {
	env.Network
	left *int
}

func (f flipper) Send(to env.NodeID, lane env.Lane, frame []byte) {
	if *f.left--; *f.left == 0 {
		frame = slices.Clone(frame)
		frame[len(frame)/2] ^= 1
	}
	f.Network.Send(to, lane, frame)
}

func TestOneFlippedBitChangesTheHash(t *testing.T) {
	with := func(frame int) *Result {
		left := frame
		return run(t, short(3), Options{network: func(_ env.NodeID, n env.Network) env.Network { return flipper{n, &left} }})
	}
	want := with(0)
	for _, frame := range []int{1, 20, 150} {
		r := with(frame)
		mustPass(t, r)
		if r.Hash == want.Hash {
			t.Errorf("a flipped bit in frame %d does not change the hash", frame)
		}
	}
}

// bomb panics at the n-th frame.
type bomb struct {
	env.Network
	left *int
}

func (b bomb) Send(to env.NodeID, lane env.Lane, frame []byte) {
	if *b.left--; *b.left == 0 {
		panic("boom")
	}
	b.Network.Send(to, lane, frame)
}

func TestAPanicOfANodeIsAViolation(t *testing.T) {
	left := 200
	r := run(t, short(3), Options{network: func(_ env.NodeID, n env.Network) env.Network { return bomb{n, &left} }})
	if r.Passed || !slices.ContainsFunc(r.Violations, func(v checker.Violation) bool {
		return v.Oracle == "crash" && strings.Contains(v.Message, "boom")
	}) {
		t.Errorf("passed %v, violations %v", r.Passed, r.Violations)
	}
	if r.Counters["selfStops"] == 0 && r.Counters["restarts"] == 0 {
		t.Error("the node did not come back")
	}
}

func TestRunsLeaveNoCoroutineBehind(t *testing.T) {
	run(t, short(1), Options{})
	before := runtime.NumGoroutine()
	for seed := range uint64(5) {
		run(t, short(seed), Options{})
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after five runs", before, after)
	}
}

func TestABadScheduleIsAnError(t *testing.T) {
	s := short(1)
	s.Nodes = 0
	if _, err := Run(s, Options{}); err == nil {
		t.Error("a cluster of no nodes ran")
	}
}

func TestTheSinkSeesEveryKind(t *testing.T) {
	var kinds [16]int
	run(t, short(1), Options{Sink: func(e sim.Event) { kinds[e.Kind]++ }})
	for _, k := range []sim.Kind{sim.KindMessage, sim.KindDisk, sim.KindTrace, sim.KindClient, sim.KindFault} {
		if kinds[k] == 0 {
			t.Errorf("no event of kind %v was recorded", k)
		}
	}
}

func TestFailureKeepsTheHistory(t *testing.T) {
	s := short(2)
	if r := run(t, s, Options{}); r.History != nil {
		t.Error("a run that passed kept its history unasked")
	}
	if r := run(t, s, Options{KeepHistory: true}); r.History == nil || len(r.History.Ops) == 0 || len(r.History.Logs) != 1 {
		t.Error("no history of a run that was asked to keep it")
	}
}

func BenchmarkR1(b *testing.B) {
	s := Defaults(1)
	s.Faults = []Fault{
		{AtNs: int64(15 * time.Second), ForNs: int64(3 * time.Second), Kind: Crash, Role: RoleLeader},
		{AtNs: int64(35 * time.Second), ForNs: int64(5 * time.Second), Kind: Partition, Role: RoleLeader},
	}
	b.ReportAllocs()
	for b.Loop() {
		r, err := Run(s, Options{})
		if err != nil || !r.Passed {
			b.Fatal(err, r.Violations)
		}
		s.Seed++
	}
}
