package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// crashRecovery kills nodes, by crash and by power loss, some of them again
// while they recover. Each comes back with the log it had and becomes equal.
func crashRecovery() Scenario {
	return Scenario{
		Name:  "crash-recovery",
		About: "killed nodes rejoin with their data recovered and become equal to the others",
		Schedule: func(seed uint64) cluster.Schedule {
			s := cluster.Defaults(seed)
			s.Scenario = "crash-recovery"
			s.DurationNs = int64(30 * time.Second)
			draw := sim.NewRand(seed, "crash-recovery", 0)
			at := time.Duration(0)
			for range 4 {
				at += draw.Duration(3*time.Second, 6*time.Second)
				f := cluster.Fault{
					AtNs: int64(at), ForNs: draw.Between(int64(200*time.Millisecond), int64(3*time.Second)),
					Kind: []string{cluster.Crash, cluster.PowerLoss}[draw.Pick(2)], Nodes: []uint64{1 + uint64(draw.Pick(3))},
				}
				if draw.Chance(1, 2) {
					f.On, f.DelayNs = cluster.OnWrite, draw.Between(0, int64(500*time.Microsecond))
				}
				s.Faults = append(s.Faults, f)
				if draw.Chance(1, 3) {
					again := f
					again.On, again.DelayNs = cluster.OnStart, draw.Between(0, int64(5*time.Millisecond))
					s.Faults = append(s.Faults, again)
				}
			}
			return s
		},
		Check: checkRecovery,
	}
}

func checkRecovery(r *cluster.Result) []checker.Violation {
	v := verdict{scenario: "crash-recovery"}
	kills := marks(r, cluster.MarkFault)
	if len(kills) == 0 {
		v.fail(0, "no node was killed")
	}
	for _, kill := range kills {
		node := kill.Nodes[0]
		if _, back := first(r, kill.AtNs, func(m cluster.Mark) bool { return m.Kind == cluster.MarkServes && m.Node == node }); !back {
			v.fail(kill.AtNs, "node %d never served again after it was killed", node)
		}
		found, recovered := first(r, kill.AtNs, func(m cluster.Mark) bool { return m.Kind == cluster.MarkRecovered && m.Node == node })
		if recovered && found.Term == 0 {
			v.fail(found.AtNs, "node %d came back with an empty log", node)
		}
	}
	v.converged(r)
	return v.found
}
