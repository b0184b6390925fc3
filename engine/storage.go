package engine

import (
	"time"

	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/ship"
)

// StorageStatus is how a node's disk and its looking after are doing.
type StorageStatus struct {
	Full         bool  // no room: no records are taken
	BacklogBytes int64 // applied and owed by the disk, as of the last tick
	OpenFiles    int   // of logs
	DamagedFiles int   // of logs, not repaired yet

	Journal  journal.Stats
	Blocking []journal.Block // groups that keep journal files, the worst first
	Ship     ship.Stats
	Bounds   []Bound

	Checkpoints CheckpointStats

	ScrubbedBytes int64 // since the start
	ScrubPasses   int
	LastScrub     time.Duration // how long the last whole pass took
}

// Storage tells of the node's disk. Before the node is ready it is empty.
func (n *Node) Storage() StorageStatus {
	if !n.Ready() {
		return StorageStatus{}
	}
	s := StorageStatus{
		Full: n.space.out, BacklogBytes: n.space.backlog, OpenFiles: n.pool.Open(),
		Journal: n.journal.Stats(), Blocking: n.journal.Blocking(), Ship: n.ship.Stats(),
		Bounds: n.Bounds(), Checkpoints: n.checkpoints,
		ScrubbedBytes: n.scrub.bytes, ScrubPasses: n.scrub.passes, LastScrub: n.scrub.lastPass,
	}
	for p := range n.hosted() {
		if p.keeper != nil {
			s.DamagedFiles += len(p.keeper.Bad())
		}
	}
	return s
}
