package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// misdirected lets a disk report the success of writes that it loses, or that
// land elsewhere in their file. What stands in such places verifies in itself, and
// is still not what belongs there.
func misdirected() Scenario {
	const name = "misdirected"
	return Scenario{
		Name:  name,
		About: "writes are lost, and land in other places, while the disk reports success; the node finds out",
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			s.DurationNs = int64(25 * time.Second)
			s.Engine.ScrubBytesPerSecond = pick(draw, int64(256<<10), 1<<20)
			node := anyNode(&s, draw)
			at := lasting(draw, 3*time.Second, 5*time.Second)
			kinds := []string{cluster.LostWrite, cluster.MisdirectedWrite}
			draw.Shuffle(len(kinds), func(i, k int) { kinds[i], kinds[k] = kinds[k], kinds[i] })
			for _, kind := range kinds {
				s.Faults = append(s.Faults,
					cluster.Fault{AtNs: at, ForNs: int64(5 * time.Second), Kind: kind, Nodes: node, Area: cluster.AreaSegment, Shift: pick(draw, int64(-4), -1, 1, 3)},
					cluster.Fault{
						AtNs: at + lasting(draw, 2*time.Second, 4*time.Second), ForNs: lasting(draw, 50*time.Millisecond, time.Second),
						Kind: pick(draw, cluster.Crash, cluster.PowerLoss), Nodes: node, Mode: "any",
					})
				at += lasting(draw, 8*time.Second, 9*time.Second)
			}
			return s
		},
		Check: checkReached(name, "storage/stale-write-found", "storage/misdirected-write-found"),
	}
}
