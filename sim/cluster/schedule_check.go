package cluster

import (
	"fmt"
	"slices"
	"time"
)

// Bounds of a schedule: a run must fit a worker's memory.
const (
	maxNodes      = 9
	maxPartitions = 1000
	maxFaults     = 10_000

	maxUnreplicated = 100
	maxClients      = 1000
	maxValueBytes   = 64 << 10
	maxTime         = int64(24 * time.Hour)
	maxBytes        = int64(1) << 40
	maxNth          = 1_000_000
	maxSectors      = 10_000
	million         = 1_000_000
)

// fieldError is a bad value with the path of its field, as "faults[3].kind".
type fieldError struct {
	path    string
	problem string
}

func (e *fieldError) Error() string { return e.path + ": " + e.problem }

// fieldCheck collects the first problem; later checks are no-ops then.
type fieldCheck struct{ err *fieldError }

func (c *fieldCheck) between(path string, v, lo, hi int64) {
	if c.err == nil && (v < lo || v > hi) {
		c.err = &fieldError{path, fmt.Sprintf("%d is not within %d to %d", v, lo, hi)}
	}
}

func (c *fieldCheck) ppm(path string, v uint64) {
	c.between(path, int64(min(v, million+1)), 0, million)
}

func (c *fieldCheck) oneOf(path, v string, allowed ...string) {
	if c.err == nil && !slices.Contains(allowed, v) {
		c.err = &fieldError{path, fmt.Sprintf("%q is none of %q", v, allowed)}
	}
}

// Validate reports the first value that makes no sense, with its field.
func (s *Schedule) Validate() error {
	var c fieldCheck
	c.between("version", int64(s.Version), Version, Version)
	c.between("nodes", int64(s.Nodes), 1, maxNodes)
	c.between("partitions", int64(s.Partitions), 1, maxPartitions)
	c.between("replication", int64(s.Replication), 1, int64(s.Nodes))
	c.between("minISR", int64(s.MinISR), 1, int64(s.Replication))
	c.between("unreplicated", int64(s.Unreplicated), 0, maxUnreplicated)
	c.between("durationNs", s.DurationNs, 1, maxTime)
	c.between("healNs", s.HealNs, 1, maxTime)
	c.oneOf("heal", s.Heal, "", HealAll, HealQuorum)
	s.Network.check(&c)
	s.Disk.check(&c)
	c.between("clock.wallSpreadNs", s.Clock.WallSpreadNs, 0, maxTime)
	c.between("clock.driftPPM", s.Clock.DriftPPM, 0, 100_000)
	s.Engine.check(&c)
	s.Workload.check(&c)
	c.between("faults", int64(len(s.Faults)), 0, maxFaults)
	for i := range s.Faults {
		s.Faults[i].check(&c, fmt.Sprintf("faults[%d]", i), s)
	}
	if c.err != nil {
		return fmt.Errorf("schedule: %w", c.err)
	}
	return nil
}

func (n *Network) check(c *fieldCheck) {
	c.between("network.baseNs", n.BaseNs, 0, maxTime)
	c.between("network.jitterNs", n.JitterNs, 0, maxTime)
	c.between("network.tailNs", n.TailNs, 0, maxTime)
	c.ppm("network.tailPPM", n.TailPPM)
	c.ppm("network.lossPPM", n.LossPPM)
	c.ppm("network.duplicatePPM", n.DuplicatePPM)
	c.ppm("network.reorderPPM", n.ReorderPPM)
	c.between("network.reorderNs", n.ReorderNs, 0, maxTime)
	c.ppm("network.corruptPPM", n.CorruptPPM)
	c.between("network.bytesPerSecond", n.BytesPerSecond, 0, maxBytes)
	c.between("network.queueBytes", n.QueueBytes, 0, maxBytes)
}

func (d *Disk) check(c *fieldCheck) {
	c.between("disk.writeNs", d.WriteNs, 0, maxTime)
	c.between("disk.syncNs", d.SyncNs, 0, maxTime)
	c.between("disk.jitterNs", d.JitterNs, 0, maxTime)
	c.between("disk.tailNs", d.TailNs, 0, maxTime)
	c.ppm("disk.tailPPM", d.TailPPM)
}

func (e *Engine) check(c *fieldCheck) {
	c.between("engine.journalFileBytes", e.JournalFileBytes, 0, maxBytes)
	c.between("engine.journalSpares", int64(e.JournalSpares), 0, 64)
	c.between("engine.journalWindowBytes", e.JournalWindowBytes, 0, maxBytes)
	c.between("engine.segmentBytes", e.SegmentBytes, 0, maxBytes)
	c.between("engine.indexIntervalBytes", e.IndexIntervalBytes, 0, maxBytes)
	c.between("engine.maxBatchBytes", e.MaxBatchBytes, 0, 1<<30)
	c.between("engine.checkpointBytes", e.CheckpointBytes, 0, maxBytes)
	c.between("engine.logTailBytes", int64(e.LogTailBytes), 0, 1<<30)
	c.between("engine.isrLagNs", e.ISRLagNs, 0, maxTime)
	c.between("engine.journalRetainBytes", e.JournalRetainBytes, 0, maxBytes)
	c.between("engine.journalMaxBytes", e.JournalMaxBytes, 0, maxBytes)
	c.between("engine.stageSyncBytes", e.StageSyncBytes, 0, maxBytes)
	c.between("engine.chunkBytes", e.ChunkBytes, 0, 1<<20)
	c.between("engine.shipBytesPerSecond", e.ShipBytesPerSecond, 0, maxBytes)
	c.between("engine.scrubBytesPerSecond", e.ScrubBytesPerSecond, 0, maxBytes)
	c.between("engine.retentionBytes", e.RetentionBytes, 0, maxBytes)
	c.between("engine.retentionNs", e.RetentionNs, 0, maxTime)
	c.between("engine.maxOpenFiles", int64(e.MaxOpenFiles), 0, 1<<20)
	c.between("engine.turnNs", e.TurnNs, 0, 20*million)
	c.between("engine.restartNs", e.RestartNs, 0, maxTime)
}

func (w *WorkloadSpec) check(c *fieldCheck) {
	const most = 60 * million
	c.between("workload.clients", int64(w.Clients), 0, maxClients)
	c.between("workload.producesPerMinute", w.ProducesPerMinute, 0, most)
	c.between("workload.fetchesPerMinute", w.FetchesPerMinute, 0, most)
	c.between("workload.listsPerMinute", w.ListsPerMinute, 0, most)
	c.between("workload.deletesPerMinute", w.DeletesPerMinute, 0, most)
	c.ppm("workload.linearizablePPM", w.LinearizablePPM)
	c.between("workload.valueBytes", int64(w.ValueBytes), 16, maxValueBytes)
	c.between("workload.maxRecords", int64(w.MaxRecords), 0, 1000)
	c.between("workload.fetchBytes", int64(w.FetchBytes), 0, 1<<30)
	c.between("workload.attemptTimeoutNs", w.AttemptTimeoutNs, 0, maxTime)
	c.between("workload.deadlineNs", w.DeadlineNs, 0, maxTime)
}

func (f *Fault) check(c *fieldCheck, at string, s *Schedule) {
	if _, known := kinds[f.Kind]; !known && c.err == nil {
		c.err = &fieldError{at + ".kind", fmt.Sprintf("%q is no kind of fault", f.Kind)}
	}
	c.between(at+".atNs", f.AtNs, 0, maxTime)
	c.between(at+".forNs", f.ForNs, 0, maxTime)
	c.between(at+".delayNs", f.DelayNs, 0, maxTime)
	least := int64(0)
	if f.Kind == WallJump { // nothing else goes back in time
		least = -maxTime
	}
	c.between(at+".latencyNs", f.LatencyNs, least, maxTime)
	c.between(at+".count", int64(f.Count), 0, int64(s.Nodes))
	c.between(at+".group", int64(min(f.Group, maxPartitions+maxUnreplicated+1)), 0, int64(s.Partitions+s.Unreplicated))
	for i, n := range f.Nodes {
		c.between(fmt.Sprintf("%s.nodes[%d]", at, i), int64(min(n, maxNodes+1)), 1, int64(s.Nodes))
	}
	c.oneOf(at+".role", f.Role, "", RoleLeader, RoleFollower, RoleISRFollower, RoleLongestLog, RoleShortestLog, RoleAll)
	c.oneOf(at+".on", f.On, "", OnWrite, OnStart, OnSync, OnIO, OnRecoveryIO)
	c.between(at+".nth", int64(f.Nth), 0, maxNth)
	c.between(at+".bytesPerSecond", f.BytesPerSecond, 0, maxBytes)
	c.between(at+".queueBytes", f.QueueBytes, 0, maxBytes)
	c.between(at+".driftPPM", f.DriftPPM, -million/2, million/2)
	c.oneOf(at+".area", f.Area, "", AreaAny, AreaJournal, AreaTail, AreaSegment, AreaIndex, AreaCheckpoint)
	c.between(at+".sectors", int64(f.Sectors), 0, maxSectors)
	c.between(at+".shift", f.Shift, -maxSectors, maxSectors)
	leastPeriod := int64(0)
	if f.Kind == Flap {
		leastPeriod = minPeriod
	}
	c.between(at+".periodNs", f.PeriodNs, leastPeriod, maxTime)
	c.oneOf(at+".mode", f.Mode, "", "all", "prefix", "subset", "torn", "any")
	c.oneOf(at+".direction", f.Direction, "", DirectionIn, DirectionOut)
	c.ppm(at+".lossPPM", f.LossPPM)
	c.ppm(at+".duplicatePPM", f.DuplicatePPM)
	c.ppm(at+".reorderPPM", f.ReorderPPM)
	c.ppm(at+".corruptPPM", f.CorruptPPM)
	if c.err == nil && len(f.Nodes) == 0 && f.Role == "" {
		c.err = &fieldError{at, "names neither nodes nor a role"}
	}
	f.checkKind(c, at)
}

// checkKind reports what makes a fault of its kind do nothing.
func (f *Fault) checkKind(c *fieldCheck, at string) {
	sorted := slices.Sorted(slices.Values(f.Nodes))
	var problem, field string
	switch {
	case c.err != nil:
		return
	case len(slices.Compact(sorted)) < len(f.Nodes):
		field, problem = ".nodes", "a node stands there twice"
	case f.On != "" && together(f.Kind):
		field, problem = ".on", "of all its targets together there is no such event"
	case f.Kind == SwapDisks && (len(f.Nodes) == 1 || len(f.Nodes) == 0 && f.Role != RoleAll && f.Count < 2):
		field, problem = ".nodes", "it takes two disks to swap them"
	case f.Kind == ThrottleDisk && f.BytesPerSecond == 0:
		field, problem = ".bytesPerSecond", "0 throttles nothing"
	case f.Kind == Drift && f.DriftPPM == 0:
		field, problem = ".driftPPM", "0 is no drift"
	case (f.Kind == MisdirectedWrite || f.Kind == LostWrite) && f.Area == AreaJournal:
		field, problem = ".area", "writes to the journal are spared"
	case f.Area == AreaTail && f.Kind != BadRead:
		field, problem = ".area", "only what cannot be read may be at the end of the journal"
	default:
		return
	}
	c.err = &fieldError{at + field, problem}
}

// together tells whether a kind of fault is about all of its targets at once.
func together(kind string) bool { return kind == Ring || kind == Bridge || kind == SwapDisks }
