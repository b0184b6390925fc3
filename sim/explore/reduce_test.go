package explore

import (
	"reflect"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/scenarios"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// reduced reduces a schedule for which a predicate stands in for the run.
func reduced(t *testing.T, s cluster.Schedule, width int, fails func(*cluster.Schedule) bool) (cluster.Schedule, int) {
	t.Helper()
	runs := 0
	r := &reducer{best: s, width: width, try: func(candidates []cluster.Schedule) ([]bool, bool) {
		out := make([]bool, len(candidates))
		for i := range candidates {
			if err := candidates[i].Validate(); err != nil {
				t.Fatalf("an invalid candidate: %v", err)
			}
			runs++
			out[i] = fails(&candidates[i])
		}
		return out, true
	}}
	r.reduce(func(string) {})
	if !fails(&r.best) {
		t.Fatal("the result does not fail")
	}
	return r.best, runs
}

// mixed is a schedule with many faults of many kinds.
func mixedSchedule(t *testing.T, seed uint64) cluster.Schedule {
	t.Helper()
	s := scenarios.All()[0].Schedule(seed)
	if len(s.Faults) < 5 {
		t.Fatalf("only %d faults", len(s.Faults))
	}
	return s
}

// crashThenPartition fails if a crash is followed by a partition at least two
// seconds later.
func crashThenPartition(s *cluster.Schedule) bool {
	crashed := int64(-1)
	for _, f := range s.Faults {
		switch {
		case f.AtNs >= s.DurationNs:
		case f.Kind == cluster.Crash && crashed < 0:
			crashed = f.AtNs
		case f.Kind == cluster.Partition && crashed >= 0 && f.AtNs-crashed >= int64(2*time.Second):
			return true
		}
	}
	return false
}

func TestReduceFindsTheTwoFaultsThatMatter(t *testing.T) {
	for seed := uint64(1); seed <= 10; seed++ {
		s := mixedSchedule(t, seed)
		if !crashThenPartition(&s) {
			continue
		}
		before := s.JSON()
		alone, _ := reduced(t, s, 1, crashThenPartition)
		small, runs := reduced(t, s, 2, crashThenPartition)
		if len(small.Faults) != 2 || small.Nodes != 1 || small.Partitions != 1 || small.Workload.ProducesPerMinute != 0 {
			t.Errorf("seed %d: %s", seed, small.JSON())
		}
		if !reflect.DeepEqual(small, alone) {
			t.Errorf("seed %d: two workers come to\n%s\none comes to\n%s", seed, small.JSON(), alone.JSON())
		}
		if small.DurationNs > int64(4*time.Second) || small.Network != (cluster.Network{BaseNs: 200_000}) {
			t.Errorf("seed %d: it lasts %v with %+v", seed, time.Duration(small.DurationNs), small.Network)
		}
		for _, f := range small.Faults {
			if f.AtNs%int64(100*time.Millisecond) != 0 {
				t.Errorf("seed %d: a fault at %v", seed, time.Duration(f.AtNs))
			}
		}
		if runs > 400 {
			t.Errorf("seed %d: %d runs", seed, runs)
		}
		if !reflect.DeepEqual(before, s.JSON()) {
			t.Errorf("seed %d: the schedule that was given has changed", seed)
		}
	}
}

func TestReduceKeepsWhatIsNeeded(t *testing.T) {
	small, _ := reduced(t, mixedSchedule(t, 4), 1, func(s *cluster.Schedule) bool {
		return s.Nodes >= 3 && s.Workload.ProducesPerMinute >= 100 && s.Network.JitterNs > 0
	})
	if small.Nodes != 3 || small.Replication != 3 || small.Workload.ProducesPerMinute < 100 || small.Workload.ProducesPerMinute >= 200 ||
		small.Workload.FetchesPerMinute != 0 || len(small.Faults) != 0 || small.Disk.JitterNs != 0 {
		t.Errorf("%s", small.JSON())
	}
}

func TestReduceEndsWhenNothingCanGo(t *testing.T) {
	s := mixedSchedule(t, 2)
	want := string(s.JSON())
	small, runs := reduced(t, s, 3, func(c *cluster.Schedule) bool { return string(c.JSON()) == want })
	if string(small.JSON()) != want || runs == 0 {
		t.Errorf("%d runs, %s", runs, small.JSON())
	}
	again, _ := reduced(t, s, 3, func(*cluster.Schedule) bool { return true })
	if len(again.Faults) != 0 || again.Nodes != 1 || again.DurationNs > int64(time.Second) {
		t.Errorf("where everything fails: %s", again.JSON())
	}
}

func TestFaultsStrikeNodesThatAreLeft(t *testing.T) {
	s := cluster.Defaults(1)
	s.Nodes, s.Replication, s.Partitions = 5, 5, 4
	s.Faults = []cluster.Fault{
		{Kind: cluster.Crash, Nodes: []uint64{2, 5}},
		{Kind: cluster.Crash, Nodes: []uint64{4}},
		{Kind: cluster.Partition, Role: cluster.RoleLeader, Group: 4, Count: 5},
	}
	small := edited(s, func(s *cluster.Schedule) { nodes(s, 3, 3); partitions(s, 2) })
	if err := small.Validate(); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(small.Faults[0].Nodes, []uint64{2}) || !reflect.DeepEqual(small.Faults[1].Nodes, []uint64{1}) ||
		small.Faults[2].Group != 0 || small.Faults[2].Count != 3 {
		t.Errorf("%+v", small.Faults)
	}
	if len(s.Faults[0].Nodes) != 2 || s.Faults[1].Nodes[0] != 4 {
		t.Errorf("the original has changed: %+v", s.Faults)
	}
}
