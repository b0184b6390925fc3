package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// pausedLeader stops the leader's process and cuts its node off from the other
// nodes, clients excepted. Another leader is elected meanwhile. The old one goes
// on without a hint that time has passed, hears of nobody, and is asked by
// clients: it must not answer a read as if it still led.
func pausedLeader() Scenario {
	return Scenario{
		Name:  "paused-leader",
		About: "the leader is paused and cut off until another is elected; when it goes on, it serves no stale read",
		Schedule: func(seed uint64) cluster.Schedule {
			s := cluster.Defaults(seed)
			s.Scenario = "paused-leader"
			s.DurationNs = int64(30 * time.Second)
			s.Workload.ProducesPerMinute = 1200
			s.Workload.ListsPerMinute = 900
			s.Workload.FetchesPerMinute = 900
			s.Workload.LinearizablePPM = 700_000
			draw := sim.NewRand(seed, "paused-leader", 0)
			s.Nodes = 3 + 2*draw.Pick(2)
			s.Replication = s.Nodes
			at := time.Duration(0)
			for range 3 {
				at += draw.Duration(4*time.Second, 6*time.Second)
				pause := draw.Duration(1500*time.Millisecond, 3*time.Second)
				s.Faults = append(s.Faults,
					cluster.Fault{
						AtNs: int64(at), ForNs: int64(pause) + draw.Between(int64(time.Second), int64(2*time.Second)),
						Kind: cluster.Partition, Role: cluster.RoleLeader,
					},
					cluster.Fault{AtNs: int64(at), ForNs: int64(pause), Kind: cluster.Pause, Role: cluster.RoleLeader},
				)
				at += pause
			}
			return s
		},
		Check: checkPausedLeader,
	}
}

func checkPausedLeader(r *cluster.Result) []checker.Violation {
	v := verdict{scenario: "paused-leader"}
	faults := marks(r, cluster.MarkFault)
	if len(faults) < 2 {
		v.fail(0, "no leader was paused and cut off")
	}
	for i := 0; i+1 < len(faults); i += 2 {
		cut := faults[i]
		next, elected := first(r, cut.AtNs, func(m cluster.Mark) bool { return m.Kind == cluster.MarkLeader })
		switch {
		case !elected:
			v.fail(cut.AtNs, "no leader was elected while node %d was paused", cut.Nodes[0])
		case next.Node == cut.Nodes[0]:
			v.fail(next.AtNs, "node %d, paused and cut off, was elected before any other", next.Node)
		case next.AtNs-cut.AtNs > electionLimit:
			v.fail(next.AtNs, "a leader came %v after node %d was paused", time.Duration(next.AtNs-cut.AtNs), cut.Nodes[0])
		}
	}
	v.converged(r)
	return v.found
}
