package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// divergentSnapshot cuts a leader off that goes on appending for all clients. The
// others go on without it, and so far that they no longer have what follows the
// last entry that it shares with them: it gets a snapshot, which ends before its
// own log does. Nothing of that log may be left behind the snapshot.
func divergentSnapshot() Scenario {
	const name = "divergent-snapshot"
	return Scenario{
		Name:  name,
		About: "a deposed leader's log is longer than the snapshot that replaces it, and none of its entries behind that is kept",
		Extra: true,
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			s.DurationNs = int64(4 * time.Second)
			s.Engine.JournalRetainBytes, s.Engine.JournalFileBytes = 8<<10, 8<<10
			s.Workload.Clients, s.Workload.ProducesPerMinute = 100, pick(draw, int64(6000), 9000)
			s.Workload.FetchesPerMinute, s.Workload.ListsPerMinute, s.Workload.ValueBytes = 60, 60, 1500
			s.Faults = []cluster.Fault{{
				AtNs:  lasting(draw, 700*time.Millisecond, 1000*time.Millisecond),
				ForNs: lasting(draw, 900*time.Millisecond, 1300*time.Millisecond), Kind: cluster.Partition, Role: cluster.RoleLeader,
			}}
			return s
		},
	}
}
