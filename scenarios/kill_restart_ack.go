package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// killRestartAck is the adversary of an acknowledgement from the page cache: a
// process is killed between a write and its sync, restarts on bytes that read
// back and are not durable, acknowledges, and then the power goes.
func killRestartAck() Scenario {
	return Scenario{
		Name:  "kill-restart-ack-powerloss",
		About: "a process dies between write and sync, restarts, acknowledges, and then its machine loses its power",
		Schedule: func(seed uint64) cluster.Schedule {
			s := cluster.Defaults(seed)
			s.Scenario = "kill-restart-ack-powerloss"
			s.DurationNs = int64(30 * time.Second)
			s.Workload.ProducesPerMinute = 1200
			s.Disk.SyncNs = int64(2 * time.Millisecond)
			draw := sim.NewRand(seed, "kill-restart-ack", 0)
			for at := 3 * time.Second; at < 26*time.Second; at += draw.Duration(5*time.Second, 8*time.Second) {
				s.Faults = append(s.Faults, pageCacheTrap(draw, at, 1+uint64(draw.Pick(s.Nodes)), s.Disk.SyncNs)...)
			}
			return s
		},
	}
}

// pageCacheTrap kills a node's process within a write, lets it come back at
// once, and cuts its power a little later.
func pageCacheTrap(draw *sim.Rand, at time.Duration, node uint64, syncNs int64) []cluster.Fault {
	kill := cluster.Fault{
		AtNs: int64(at), ForNs: draw.Between(int64(10*time.Millisecond), int64(300*time.Millisecond)),
		Kind: cluster.Crash, Nodes: []uint64{node}, On: cluster.OnWrite, DelayNs: draw.Between(syncNs/20, syncNs),
	}
	power := cluster.Fault{
		AtNs:  kill.AtNs + kill.ForNs + draw.Between(int64(100*time.Millisecond), int64(1500*time.Millisecond)),
		ForNs: draw.Between(int64(500*time.Millisecond), int64(2*time.Second)),
		Kind:  cluster.PowerLoss, Nodes: []uint64{node}, Mode: "all",
	}
	return []cluster.Fault{kill, power}
}
