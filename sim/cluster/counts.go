package cluster

import "github.com/lockstep-log/lockstep/diskmodel"

// counts are what happened in a run, by number.
type counts struct {
	crashes, crashesInRecovery, powerLosses, stops, restarts, selfStops uint64
	pauses, partitions, oneWayPartitions, skipped                       uint64
	lostWrites, tornSectors, lostEntries, lostFiles                     uint64
	tornTails, resyncedBytes, checkpoints, recycled, readBacks          uint64
	damages, withheld, fenced                                           uint64
	elections, leaderChanges, isrChanges, applied                       uint64
}

func (c *Cluster) countLoss(r diskmodel.LossReport) {
	c.count.lostWrites += uint64(r.LostWrites)
	c.count.tornSectors += uint64(r.TornSectors)
	c.count.lostEntries += uint64(r.LostEntries)
	c.count.lostFiles += uint64(r.LostFiles)
}

// counters gives the counts by the names of Result.Counters.
func (c *Cluster) counters() map[string]uint64 {
	n, net := &c.count, c.net.Stats()
	m := map[string]uint64{
		"crashes": n.crashes, "crashesInRecovery": n.crashesInRecovery, "powerLosses": n.powerLosses,
		"cleanStops": n.stops, "restarts": n.restarts, "selfStops": n.selfStops, "pauses": n.pauses,
		"partitions": n.partitions, "oneWayPartitions": n.oneWayPartitions, "faultsWithoutTarget": n.skipped,
		"lostUnsyncedWrites": n.lostWrites, "tornSectors": n.tornSectors, "lostEntries": n.lostEntries,
		"lostFiles": n.lostFiles, "tornTails": n.tornTails, "resyncedBytes": n.resyncedBytes,
		"checkpoints": n.checkpoints, "recycledFiles": n.recycled, "readBacks": n.readBacks,
		"damages": n.damages, "damagesWithheld": n.withheld, "fencedReplicas": n.fenced,
		"elections": n.elections, "leaderChanges": n.leaderChanges, "isrChanges": n.isrChanges, "applied": n.applied,
		"framesSent": net.Sent, "framesLost": net.Lost, "framesDuplicated": net.Duplicated,
		"framesReordered": net.Reordered, "framesCorrupted": net.Corrupted, "framesCut": net.Cut,
	}
	for _, h := range c.hosts {
		s := h.disk.Stats()
		m["syncs"] += s.Syncs
		m["failedSyncs"] += s.FailedSyncs
		m["diskBytesWritten"] += s.BytesWritten
	}
	return m
}
