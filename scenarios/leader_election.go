package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// leaderElection kills the leader several times; each time another one is
// elected within five seconds, and nothing acknowledged is lost.
func leaderElection() Scenario {
	return Scenario{
		Name:  "leader-election",
		About: "the leader is killed several times; each time another one is elected within 5 s, and nothing is lost",
		Schedule: func(seed uint64) cluster.Schedule {
			s := cluster.Defaults(seed)
			s.Scenario = "leader-election"
			s.DurationNs = int64(30 * time.Second)
			draw := sim.NewRand(seed, "leader-election", 0)
			s.Nodes = 3 + 2*draw.Pick(2)
			s.Replication = s.Nodes
			at := time.Duration(0)
			for range 4 {
				at += draw.Duration(5*time.Second, 7*time.Second)
				f := cluster.Fault{AtNs: int64(at), ForNs: draw.Between(int64(2*time.Second), int64(4*time.Second)), Role: cluster.RoleLeader}
				f.Kind = []string{cluster.Crash, cluster.PowerLoss, cluster.Crash}[draw.Pick(3)]
				s.Faults = append(s.Faults, f)
			}
			return s
		},
		Check: func(r *cluster.Result) []checker.Violation {
			v := verdict{scenario: "leader-election"}
			kills := marks(r, cluster.MarkFault)
			if len(kills) == 0 {
				v.fail(0, "no leader was killed")
			}
			for _, kill := range kills {
				next, elected := first(r, kill.AtNs, func(m cluster.Mark) bool { return m.Kind == cluster.MarkLeader })
				switch {
				case !elected:
					v.fail(kill.AtNs, "no leader was elected after node %d was killed", kill.Nodes[0])
				case next.Node == kill.Nodes[0]:
					v.fail(next.AtNs, "the killed node %d was elected before any other", next.Node)
				case next.AtNs-kill.AtNs > electionLimit:
					v.fail(next.AtNs, "it took %v to elect a leader after node %d was killed", time.Duration(next.AtNs-kill.AtNs), kill.Nodes[0])
				}
			}
			v.boundSamples("election", r.ElectionNs, len(kills))
			return v.found
		},
	}
}
