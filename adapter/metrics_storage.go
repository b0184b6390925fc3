package adapter

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
)

// storageMetrics tell how the disk is doing and what is done to look after it.
type storageMetrics struct {
	full, backlog, openFiles, damaged           *prometheus.Desc
	files, window, blockingFiles, blockingBytes *prometheus.Desc
	shipped, switched, busy                     *prometheus.Desc
	scrubbed, passes, lastPass                  *prometheus.Desc
	snapshots, repaired, replaced               *prometheus.Desc
	checkpoints, boundUsed, boundLimit          *prometheus.Desc
}

func (m *storageMetrics) describe(desc func(name, help string, labels ...string) *prometheus.Desc) {
	m.full = desc("disk_full", "1 if the disk has no room: the node takes no records until it has.")
	m.backlog = desc("log_backlog_bytes", "Applied bytes that the disk has not taken yet.")
	m.openFiles = desc("log_open_files", "Open files of logs.")
	m.damaged = desc("damaged_files", "Files of logs that do not verify and are not repaired yet.")
	m.files = desc("journal_files", "Journal files in use.")
	m.window = desc("journal_window_bytes", "Log entries in memory.")
	m.blockingFiles = desc("journal_blocking_files", "Journal files that a group keeps for want of a checkpoint; groups that keep few are left out.", "group", "why")
	m.blockingBytes = desc("journal_blocking_bytes", "Bytes of these files.", "group", "why")
	m.shipped = desc("ship_bytes_total", "Bytes of files sent to and received from other nodes.", "direction")
	m.switched = desc("ship_source_switches_total", "Turns to another node in the middle of a transfer.")
	m.busy = desc("ship_busy_total", "Pieces of files that were asked for and refused for now, by who refused.", "by")
	m.scrubbed = desc("scrub_bytes_total", "Bytes of own files read again to verify them.")
	m.passes = desc("scrub_passes_total", "Times that everything was read.")
	m.lastPass = desc("scrub_last_pass_seconds", "How long the last whole pass took; 0 before the first.")
	m.snapshots = desc("snapshots_total", "Snapshots, by what became of them: sent, resumed, staged, installed, failed.", "what")
	m.repaired = desc("repaired_files_total", "Files that were made whole again.")
	m.checkpoints = desc("checkpoint_seconds", "How long checkpoints of replicas took, until they were durable.")
	m.boundUsed = desc("bound_used", "How much of a limit of the node is used; see docs/bounds.md.", "bound", "unit")
	m.boundLimit = desc("bound_limit", "That limit.", "bound", "unit")
	m.replaced = desc("replicas_replaced_total", "Replicas of this node that came back under a fresh id.")
}

func (m *storageMetrics) collect(out chan<- prometheus.Metric, n *Node) {
	events := func(kind env.EventKind) uint64 { return n.tracer.events[kind].Load() }
	counter(out, m.snapshots, events(env.EventSnapshotSent), "sent")
	counter(out, m.snapshots, events(env.EventSnapshotResumed), "resumed")
	counter(out, m.snapshots, events(env.EventSnapshotStaged), "staged")
	counter(out, m.snapshots, events(env.EventSnapshot), "installed")
	counter(out, m.snapshots, events(env.EventSnapshotFailed), "failed")
	counter(out, m.repaired, events(env.EventRepaired))
	counter(out, m.replaced, events(env.EventReplica))
	var s engine.StorageStatus
	if !n.loop.Call(func() { s = n.engine.Storage() }) {
		return
	}
	gauge(out, m.full, flag(s.Full))
	gauge(out, m.backlog, float64(s.BacklogBytes))
	gauge(out, m.openFiles, float64(s.OpenFiles))
	gauge(out, m.damaged, float64(s.DamagedFiles))
	gauge(out, m.files, float64(s.Journal.Files))
	gauge(out, m.window, float64(s.Journal.WindowBytes))
	for _, b := range s.Blocking {
		group := strconv.FormatUint(uint64(b.Group), 10)
		gauge(out, m.blockingFiles, float64(b.Files), group, b.Why)
		gauge(out, m.blockingBytes, float64(b.Bytes), group, b.Why)
	}
	counter(out, m.shipped, uint64(s.Ship.SentBytes), "sent")
	counter(out, m.shipped, uint64(s.Ship.ReceivedBytes), "received")
	counter(out, m.switched, uint64(s.Ship.Switched))
	counter(out, m.busy, uint64(s.Ship.Busy), "peer")
	counter(out, m.busy, uint64(s.Ship.Refused), "self")
	counter(out, m.scrubbed, uint64(s.ScrubbedBytes))
	counter(out, m.passes, uint64(s.ScrubPasses))
	gauge(out, m.lastPass, s.LastScrub.Seconds())
	m.collectBounds(out, append(s.Bounds, n.bounds()...))
	collectCheckpoints(out, m.checkpoints, &s.Checkpoints)
}

func (m *storageMetrics) collectBounds(out chan<- prometheus.Metric, all []engine.Bound) {
	for _, b := range all {
		gauge(out, m.boundUsed, float64(b.Used), b.Name, b.Unit)
		gauge(out, m.boundLimit, float64(b.Limit), b.Name, b.Unit)
	}
}

func collectCheckpoints(out chan<- prometheus.Metric, d *prometheus.Desc, s *engine.CheckpointStats) {
	buckets, upTo := map[float64]uint64{}, uint64(0)
	for i, bound := range engine.CheckpointBounds {
		upTo += s.Buckets[i]
		buckets[bound.Seconds()] = upTo
	}
	out <- prometheus.MustNewConstHistogram(d, s.Count, s.Time.Seconds(), buckets)
}

// bounds are those of the process around the engine.
func (n *Node) bounds() []engine.Bound {
	requests, answers := n.budgets.Requests(), n.budgets.Answers()
	return []engine.Bound{
		{Name: "RequestBytes", Unit: "bytes", Used: requests.Bytes, Limit: requests.Limit},
		{Name: "AnswerBytes", Unit: "bytes", Used: answers.Bytes, Limit: answers.Limit},
	}
}
