package explore

import (
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// faulty is a schedule with one fault in it.
func faulty(f cluster.Fault) cluster.Schedule {
	s := cluster.Defaults(1)
	f.AtNs = int64(time.Second)
	s.Faults = []cluster.Fault{f}
	return s
}

// TestFaultsAreWeakened: where any fault will do that a predicate wants, the
// weakest and plainest is left.
func TestFaultsAreWeakened(t *testing.T) {
	one := []uint64{1}
	for name, test := range map[string]struct {
		fault cluster.Fault
		needs func(f *cluster.Fault) bool
		want  cluster.Fault
	}{
		"a trigger becomes a plain time": {
			cluster.Fault{Kind: cluster.Crash, On: cluster.OnRecoveryIO, Nth: 17, DelayNs: 5, Nodes: one},
			func(f *cluster.Fault) bool { return f.Kind == cluster.Crash },
			cluster.Fault{Kind: cluster.Crash, Nodes: one},
		},
		"or an earlier event": {
			cluster.Fault{Kind: cluster.Crash, On: cluster.OnIO, Nth: 17, Nodes: one},
			func(f *cluster.Fault) bool { return f.On == cluster.OnIO && f.Nth >= 3 },
			cluster.Fault{Kind: cluster.Crash, On: cluster.OnIO, Nth: 4, Nodes: one},
		},
		"a role becomes a node, the lowest that will do": {
			cluster.Fault{Kind: cluster.Pause, Role: cluster.RoleISRFollower, Group: 1, Count: 2},
			func(f *cluster.Fault) bool { return f.Role != "" || f.Nodes[0] >= 2 },
			cluster.Fault{Kind: cluster.Pause, Nodes: []uint64{2}},
		},
		"a flapping cut is a cut": {
			cluster.Fault{Kind: cluster.Flap, PeriodNs: int64(time.Second), Clients: true, Nodes: one},
			func(f *cluster.Fault) bool { return f.Clients },
			cluster.Fault{Kind: cluster.Partition, Clients: true, Nodes: one},
		},
		"a flapping cut has a round period": {
			cluster.Fault{Kind: cluster.Flap, PeriodNs: 333_333_333, Nodes: one},
			func(f *cluster.Fault) bool { return f.Kind == cluster.Flap && f.PeriodNs >= 250_000_000 },
			cluster.Fault{Kind: cluster.Flap, PeriodNs: 300_000_000, Nodes: one},
		},
		"a lost disk is a crash": {
			cluster.Fault{Kind: cluster.LostDisk, Nodes: one}, func(*cluster.Fault) bool { return true }, cluster.Fault{Kind: cluster.Crash, Nodes: one},
		},
		"a misdirected write is a lost one, in the file that matters": {
			cluster.Fault{Kind: cluster.MisdirectedWrite, Area: cluster.AreaAny, Shift: -7, Nodes: one},
			func(f *cluster.Fault) bool { return f.Area == cluster.AreaAny || f.Area == cluster.AreaIndex },
			cluster.Fault{Kind: cluster.LostWrite, Area: cluster.AreaIndex, Nodes: one},
		},
		"rot strikes as few sectors as it takes": {
			cluster.Fault{Kind: cluster.Rot, Area: cluster.AreaJournal, Sectors: 64, Nodes: one},
			func(f *cluster.Fault) bool { return f.Kind == cluster.Rot && f.Sectors >= 5 },
			cluster.Fault{Kind: cluster.Rot, Area: cluster.AreaJournal, Sectors: 8, Nodes: one},
		},
		"a link has the bandwidth that will do": {
			cluster.Fault{Kind: cluster.Degrade, BytesPerSecond: 10_000, QueueBytes: 1 << 16, LossPPM: 9, Nodes: one},
			func(f *cluster.Fault) bool { return f.BytesPerSecond > 0 && f.BytesPerSecond <= 100_000 },
			cluster.Fault{Kind: cluster.Degrade, BytesPerSecond: 100_000, Nodes: one},
		},
		"a clock drifts no further than it takes": {
			cluster.Fault{Kind: cluster.Drift, DriftPPM: -800, Nodes: one},
			func(f *cluster.Fault) bool { return f.DriftPPM <= -150 },
			cluster.Fault{Kind: cluster.Drift, DriftPPM: -200, Nodes: one},
		},
	} {
		small, _ := reduced(t, faulty(test.fault), 2, func(s *cluster.Schedule) bool {
			return len(s.Faults) == 1 && s.Nodes == 3 && test.needs(&s.Faults[0])
		})
		got, want := small.Faults[0], test.want
		got.AtNs, got.ForNs = 0, 0
		if a, b := faulty(got), faulty(want); string(a.JSON()) != string(b.JSON()) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

func TestTheSecondPhaseAndTheLimitsBecomeTheUsualOnes(t *testing.T) {
	s := cluster.Defaults(1)
	s.Heal, s.Beyond, s.Network.BytesPerSecond, s.Network.QueueBytes = cluster.HealQuorum, true, 1_000_000, 1<<20
	small, _ := reduced(t, s, 2, func(*cluster.Schedule) bool { return true })
	if small.Heal != "" || small.Beyond || small.Network.BytesPerSecond != 0 || small.Network.QueueBytes != 0 {
		t.Errorf("%s", small.JSON())
	}
	small, _ = reduced(t, s, 2, func(s *cluster.Schedule) bool {
		return s.Beyond && s.Network.BytesPerSecond > 0 && s.Network.JitterNs > 0
	})
	if small.Heal != "" || !small.Beyond || small.Network.BytesPerSecond != 1_000_000 || small.Network.QueueBytes != 0 || small.Network.TailPPM != 0 {
		t.Errorf("%s", small.JSON())
	}
}
