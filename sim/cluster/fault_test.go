package cluster

import (
	"slices"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/checker"
)

// under runs six seconds with the given faults and expects the run to pass.
func under(t *testing.T, faults ...Fault) *Result {
	t.Helper()
	s := Defaults(11)
	s.DurationNs = int64(7 * time.Second)
	s.Workload.ProducesPerMinute = 1200
	s.Faults = faults
	r := run(t, s, Options{KeepHistory: true})
	mustPass(t, r)
	return r
}

func at(ms, forMs int64) Fault {
	return Fault{AtNs: ms * int64(time.Millisecond), ForNs: forMs * int64(time.Millisecond)}
}

func TestEveryKindOfFaultIsSurvived(t *testing.T) {
	for kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			f := at(2000, 2500)
			f.Kind, f.Role = kind, RoleLeader
			f.LatencyNs, f.LossPPM, f.Direction = int64(20*time.Millisecond), 100_000, DirectionOut
			f.Count = map[string]int{SwapDisks: 2}[kind]
			f.PeriodNs, f.BytesPerSecond, f.DriftPPM = int64(100*time.Millisecond), 200_000, 500
			r := under(t, f)
			if r.Faults[kind] != 1 {
				t.Errorf("faults %v", r.Faults)
			}
		})
	}
}

func TestOverlappingCrashesRestartOnce(t *testing.T) {
	a, b := at(2000, 1000), at(2500, 2000)
	a.Kind, a.Nodes = Crash, []uint64{1}
	b.Kind, b.Nodes = PowerLoss, []uint64{1}
	r := under(t, a, b)
	var served []int64
	for _, m := range r.Timeline {
		if m.Kind == MarkServes && m.Node == 1 {
			served = append(served, m.AtNs/int64(time.Millisecond))
		}
	}
	if len(served) != 2 || served[1] < 4500 {
		t.Errorf("node 1 served from %v ms on, expected a single return after 4500 ms", served)
	}
}

func TestAPausedNodeDoesNothing(t *testing.T) {
	f := at(2000, 2000)
	f.Kind, f.Nodes = Pause, []uint64{2}
	s := Defaults(4)
	s.DurationNs = int64(6 * time.Second)
	s.Faults = []Fault{f}
	r := run(t, s, Options{OnEvent: func(e checker.Event) {
		if e.Node == 2 && e.AtNs > f.AtNs && e.AtNs < f.AtNs+f.ForNs {
			t.Errorf("node 2 traced kind %v at %v", e.Kind, time.Duration(e.AtNs))
		}
	}})
	mustPass(t, r)
	if r.Counters["pauses"] != 1 {
		t.Errorf("counters %v", r.Counters)
	}
}

func TestAFaultOnAWriteStrikesAtTheWrite(t *testing.T) {
	f := at(2000, 500)
	f.Kind, f.Nodes, f.On, f.DelayNs, f.Mode = PowerLoss, []uint64{3}, OnWrite, int64(500*time.Microsecond), "all"
	s := Defaults(11)
	s.DurationNs = int64(5 * time.Second)
	s.Disk = Disk{WriteNs: int64(20 * time.Microsecond), SyncNs: int64(time.Millisecond)}
	s.Faults = []Fault{f}
	r := run(t, s, Options{})
	mustPass(t, r)
	if r.Counters["powerLosses"] != 1 || r.Counters["lostUnsyncedWrites"] == 0 {
		t.Errorf("%d power losses lost %d writes", r.Counters["powerLosses"], r.Counters["lostUnsyncedWrites"])
	}
}

func TestAMinorityLeaderAcknowledgesNothing(t *testing.T) {
	f := at(2000, 4000)
	f.Kind, f.Role = Partition, RoleLeader
	r := under(t, f)
	i := slices.IndexFunc(r.Timeline, func(m Mark) bool { return m.Kind == MarkFault })
	cut := r.Timeline[i]
	for _, op := range r.History.Ops {
		if op.Kind == checker.Produce && op.Outcome == checker.OK && op.Node == cut.Nodes[0] && op.CallNs > cut.AtNs && op.ReturnNs < cut.AtNs+f.ForNs {
			t.Errorf("node %d acknowledged operation %d", op.Node, op.Seq)
		}
	}
	if r.Metrics.FailoverMs == nil || r.Metrics.FailoverMs.Samples != 1 || len(r.ElectionNs) != 2 {
		t.Errorf("failover %+v, elections %v", r.Metrics.FailoverMs, r.ElectionNs)
	}
}

func TestAFailedSyncStopsTheNodeAndItReturns(t *testing.T) {
	f := at(2000, 1000)
	f.Kind, f.Nodes = FailSync, []uint64{1}
	r := under(t, f)
	if r.Counters["failedSyncs"] == 0 || r.Counters["selfStops"] != 1 || r.Counters["restarts"] != 1 {
		t.Errorf("counters %v", r.Counters)
	}
}

func TestFaultsOfOneKindDoNotUndoEachOther(t *testing.T) {
	a, b := at(2000, 3000), at(3000, 500)
	a.Kind, a.Nodes = Partition, []uint64{1}
	b.Kind, b.Nodes = Partition, []uint64{1}
	s := Defaults(8)
	s.DurationNs = int64(6 * time.Second)
	s.Faults = []Fault{a, b}
	c := newCluster(s, Options{})
	defer c.entropy.install()()
	if !c.boot() {
		t.Fatal(c.found)
	}
	c.plan()
	c.k.Run(int64(4 * time.Second))
	if c.connected(c.hosts[0], c.hosts[1]) {
		t.Error("the end of the second partition healed the first")
	}
	c.k.Run(int64(5500 * time.Millisecond))
	if !c.connected(c.hosts[0], c.hosts[1]) {
		t.Error("both partitions are over and the link is still cut")
	}
	c.shutdown()
}
