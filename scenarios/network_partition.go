package scenarios

import (
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// networkPartition cuts the leader and a minority off. Clients reach both
// sides: the minority must acknowledge nothing, the majority must go on.
func networkPartition() Scenario {
	return Scenario{
		Name:  "network-partition",
		About: "the leader is cut off with a minority: it acknowledges nothing, the majority goes on",
		Schedule: func(seed uint64) cluster.Schedule {
			s := cluster.Defaults(seed)
			s.Scenario = "network-partition"
			s.DurationNs = int64(40 * time.Second)
			draw := sim.NewRand(seed, "network-partition", 0)
			s.Nodes = 3 + 2*draw.Pick(2)
			s.Replication = s.Nodes
			s.Workload.ProducesPerMinute = 1200
			at := time.Duration(0)
			for range 2 {
				at += draw.Duration(5*time.Second, 8*time.Second)
				length := draw.Duration(6*time.Second, 9*time.Second)
				s.Faults = append(s.Faults, cluster.Fault{
					AtNs: int64(at), ForNs: int64(length), Kind: cluster.Partition,
					Role: cluster.RoleLeader, Count: 1 + draw.Pick(s.Nodes/2),
				})
				at += length
			}
			return s
		},
		Check: checkPartition,
	}
}

func checkPartition(r *cluster.Result) []checker.Violation {
	v := verdict{scenario: "network-partition"}
	cuts := marks(r, cluster.MarkFault)
	if len(cuts) == 0 {
		v.fail(0, "nothing was cut off")
	}
	for _, cut := range cuts {
		healed, _ := first(r, cut.AtNs, func(m cluster.Mark) bool {
			return m.Kind == cluster.MarkOver || m.Kind == cluster.MarkHealed
		})
		majority := 0
		for i := range r.History.Ops {
			op := &r.History.Ops[i]
			if op.Kind != checker.Produce || op.Outcome != checker.OK || op.CallNs <= cut.AtNs || op.ReturnNs >= healed.AtNs {
				continue
			}
			if slices.Contains(cut.Nodes, op.Node) {
				v.fail(op.ReturnNs, "node %d, cut off with a minority, acknowledged operation %d", op.Node, op.Seq)
				continue
			}
			majority++
		}
		if majority == 0 {
			v.fail(healed.AtNs, "the majority acknowledged nothing in %v", time.Duration(healed.AtNs-cut.AtNs))
		}
	}
	return v.found
}
