package cluster

import (
	"slices"
	"testing"
	"time"
)

// The leader is lost for good reason to wait: times count only from when the
// cluster could do better.
func TestOutagesCountFromWhenTheyCanEnd(t *testing.T) {
	crash := at(2000, 4000)
	crash.Kind, crash.Role = Crash, RoleLeader
	tests := map[string]struct {
		minISR  int
		role    string // of the second fault's targets
		kind    string
		latency time.Duration
	}{
		"nothing else":                {minISR: 2},
		"no majority":                 {2, RoleFollower, Partition, 0},
		"a follower's disk hangs":     {2, RoleFollower, SlowDisk, 300 * time.Millisecond},
		"the clients are cut off":     {2, RoleAll, ClientCut, 0},
		"too few for the in-sync set": {3, "", "", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := Defaults(11)
			s.DurationNs = int64(8 * time.Second)
			s.Workload.ProducesPerMinute = 1200
			s.MinISR = test.minISR
			s.Faults = []Fault{crash}
			if test.kind != "" {
				f := at(1900, 3000)
				f.Kind, f.Role, f.LatencyNs = test.kind, test.role, int64(test.latency)
				s.Faults = append([]Fault{f}, s.Faults...)
			}
			r := run(t, s, Options{})
			mustPass(t, r)
			if len(r.ElectionNs) == 0 || len(r.FailoverNs) == 0 {
				t.Fatalf("elections %v, failovers %v", r.ElectionNs, r.FailoverNs)
			}
			const limit = int64(1500 * time.Millisecond)
			if worst := slices.Max(r.ElectionNs); worst > limit {
				t.Errorf("an election took %v", time.Duration(worst))
			}
			if worst := slices.Max(r.FailoverNs); worst > limit {
				t.Errorf("a failover took %v", time.Duration(worst))
			}
		})
	}
}

// A partition that nobody writes to fails over as soon as somebody does.
func TestAFailoverThatNobodyWaitsForTakesNoTime(t *testing.T) {
	crash := at(1500, 500)
	crash.Kind, crash.Role = Crash, RoleLeader
	s := Defaults(11)
	s.DurationNs = int64(30 * time.Second)
	s.Workload.Clients, s.Workload.ProducesPerMinute = 1, 6 // one in ten seconds
	s.Workload.FetchesPerMinute, s.Workload.ListsPerMinute = 0, 0
	s.Faults = []Fault{crash}
	r := run(t, s, Options{})
	mustPass(t, r)
	if len(r.FailoverNs) != 1 || r.FailoverNs[0] > int64(time.Second) {
		t.Errorf("failovers %v", r.FailoverNs)
	}
}
