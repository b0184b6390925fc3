package scenarios

import (
	"fmt"
	"strings"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// storage are the scenarios of what disks do to data, and of what is done about
// it: journals that are given back, snapshots, repair, full and lost disks. In
// each of them a few batches fill a file, so that all of a disk's life passes in
// seconds.
func storage() []Scenario {
	return []Scenario{
		journalReclaim(), snapshotCatchUp(), rotInJournal(), rotInSegments(), rotInCheckpoint(),
		misdirected(), recycledTorn(), fullDisk(), lostDisk(), retention(), journalFull(), unreplicated(),
		divergentSnapshot(), recycledVote(), slowReplacement(), unreadableTail(),
	}
}

// storageSchedule is what these scenarios start from: some 16 KB a second into
// files of 8 and 16 KiB.
func storageSchedule(name string, seed uint64) (cluster.Schedule, *sim.Rand) {
	s := cluster.Defaults(seed)
	s.Scenario = name
	s.DurationNs = int64(20 * time.Second)
	s.Engine.JournalFileBytes, s.Engine.JournalRetainBytes = 16<<10, 32<<10
	s.Engine.MaxBatchBytes = 2 << 10
	s.Engine.SegmentBytes, s.Engine.CheckpointBytes, s.Engine.LogTailBytes = 8<<10, 8<<10, 8<<10
	s.Engine.ChunkBytes = 2 << 10
	s.Workload = cluster.WorkloadSpec{
		Clients: 8, ProducesPerMinute: 2400, FetchesPerMinute: 900, ListsPerMinute: 120,
		LinearizablePPM: 300_000, ValueBytes: 400, FetchBytes: 8 << 10,
		AttemptTimeoutNs: int64(500 * time.Millisecond), DeadlineNs: int64(5 * time.Second),
	}
	return s, sim.NewRand(seed, name, 0)
}

// anyNode draws one of a schedule's nodes, which may lead or not.
func anyNode(s *cluster.Schedule, draw *sim.Rand) []uint64 {
	return []uint64{1 + draw.Below(uint64(s.Nodes))}
}

// checkReached is a scenario's point if that is what probes say: each must have
// been reached.
func checkReached(scenario string, names ...string) func(*cluster.Result) []checker.Violation {
	return func(r *cluster.Result) []checker.Violation {
		v := verdict{scenario: scenario}
		v.reached(r, names...)
		v.converged(r)
		return v.found
	}
}

// reached fails for each probe that the run did not come to; "a|b" is either.
func (v *verdict) reached(r *cluster.Result, names ...string) {
	for _, name := range names {
		times := uint64(0)
		for one := range strings.SplitSeq(name, "|") {
			times += r.Probes[one]
		}
		if times == 0 {
			v.fail(0, "the run never came to %s", about(name))
		}
	}
}

// about names probes for people.
func about(names string) string {
	first, _, _ := strings.Cut(names, "|")
	for _, p := range cluster.Probes() {
		if p.Name == first {
			return fmt.Sprintf("%s: %s", names, p.About)
		}
	}
	return names + ", which is no probe"
}
