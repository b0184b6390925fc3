package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// partKill is the adversary of an acknowledgement that is not on the disk. One
// of three nodes is cut off and becomes stale while the others acknowledge.
// Then one of those loses its power and comes back at once, the other is killed
// and stays away, and the stale one returns: the majority that is left consists
// of a node that knows nothing of the last acknowledgements, and of one that
// knows them by its disk alone.
func partKill() Scenario {
	return Scenario{
		Name:  "part-kill",
		About: "a stale node and one that lost its power form the majority; what was acknowledged meanwhile is on the latter's disk",
		Schedule: func(seed uint64) cluster.Schedule {
			s := cluster.Defaults(seed)
			s.Scenario = "part-kill"
			s.DurationNs = int64(30 * time.Second)
			s.Workload.ProducesPerMinute = 1200
			draw := sim.NewRand(seed, "part-kill", 0)
			at := time.Duration(0)
			for range 2 {
				at += draw.Duration(4*time.Second, 5*time.Second)
				s.Faults = append(s.Faults, partKillRound(draw, at)...)
				at += 8 * time.Second
			}
			return s
		},
		Check: checkPartKill,
	}
}

// partKillRound draws which node is stale, which loses its power and which is
// killed.
func partKillRound(draw *sim.Rand, at time.Duration) []cluster.Fault {
	nodes := []uint64{1, 2, 3}
	draw.Shuffle(len(nodes), func(i, k int) { nodes[i], nodes[k] = nodes[k], nodes[i] })
	stale := draw.Duration(2*time.Second, 4*time.Second)
	strike := int64(at + stale)
	return []cluster.Fault{
		{AtNs: int64(at), ForNs: int64(stale), Kind: cluster.Partition, Nodes: nodes[:1]},
		{AtNs: strike, ForNs: draw.Between(int64(100*time.Millisecond), int64(400*time.Millisecond)), Kind: cluster.PowerLoss, Nodes: nodes[1:2], Mode: "all"},
		{AtNs: strike, ForNs: draw.Between(int64(2*time.Second), int64(4*time.Second)), Kind: cluster.Crash, Nodes: nodes[2:]},
	}
}

func checkPartKill(r *cluster.Result) []checker.Violation {
	v := verdict{scenario: "part-kill"}
	faults := marks(r, cluster.MarkFault)
	if len(faults) < 3 {
		v.fail(0, "no node was cut off and no other killed")
	}
	for i := 0; i+2 < len(faults); i += 3 {
		strike, away := faults[i+1], faults[i+2].Nodes[0]
		next, elected := first(r, strike.AtNs, func(m cluster.Mark) bool { return m.Kind == cluster.MarkLeader })
		switch {
		case !elected:
			v.fail(strike.AtNs, "no leader was elected after the strike")
		case next.Node == away:
			v.fail(next.AtNs, "node %d was elected, not one of the majority that was left", next.Node)
		}
	}
	v.converged(r)
	return v.found
}
