package adapter

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/lockstep-log/lockstep/engine/env"
)

// tracer counts a node's events for the metrics and writes those that a person
// wants to read to the log. Trace runs on the loop; the counters are read by
// the metrics from elsewhere.
type tracer struct {
	log     *slog.Logger
	events  [env.EventKinds]atomic.Uint64
	written atomic.Uint64 // bytes handed to the journal
	records atomic.Uint64 // acknowledged, in batches of events[EventProduceAcked]
}

// Unsummed implements env.Unsummed: nobody here compares entries.
func (t *tracer) Unsummed() {}

// Trace implements env.Tracer.
func (t *tracer) Trace(e env.Event) {
	if int(e.Kind) < len(t.events) {
		t.events[e.Kind].Add(1)
	}
	switch e.Kind {
	case env.EventWritten:
		if e.First == 0 || e.Term != 0 { // else it is of an unreplicated log, which writes elsewhere
			t.written.Add(uint64(e.Length))
		}
	case env.EventProduceAcked:
		t.records.Add(uint64(e.Length))
	case env.EventBooted:
		t.log.Debug("node recovered", "incarnation", e.Index)
	case env.EventRole:
		t.say(slog.LevelInfo, "role", e, "role", e.Role.String(), "leader", uint64(e.Peer))
	case env.EventISR:
		if t.log.Enabled(context.Background(), slog.LevelInfo) {
			t.log.Info("in-sync set", "group", uint64(e.Group), "term", e.Term, "nodes", append([]env.NodeID(nil), e.Set...))
		}
	case env.EventTornTail:
		t.log.Warn("cut an incomplete write at the end of a file", "file", e.File, "offset", e.Offset)
	case env.EventResynced:
		t.log.Info("made durable what recovery read", "bytes", e.Length)
	case env.EventFenced:
		t.say(slog.LevelError, "replica serves no more", e, "reason", e.Text)
	case env.EventRecovered, env.EventCheckpoint:
		t.say(slog.LevelDebug, eventName(e.Kind), e, "index", e.Index)
	default:
		t.tellStorage(e)
	}
}

// tellStorage logs what becomes of the disk and of what is on it.
func (t *tracer) tellStorage(e env.Event) {
	switch e.Kind {
	case env.EventDamaged:
		t.log.Warn("damaged", "group", uint64(e.Group), "file", e.File, "offset", e.Offset, "reason", e.Text)
	case env.EventRepaired:
		t.log.Info("repaired", "group", uint64(e.Group), "file", e.File, "what", e.Text)
	case env.EventUnrepairable:
		t.say(slog.LevelError, "no other replica has good bytes", e, "offset", e.Offset, "records", e.Length)
	case env.EventReplica:
		t.say(slog.LevelWarn, "replica comes back under a fresh id", e, "instead", uint64(e.Peer), "from", e.Index)
	case env.EventSnapshotSent, env.EventSnapshot:
		t.say(slog.LevelInfo, eventName(e.Kind), e, "index", e.Index, "peer", uint64(e.Peer))
	case env.EventSnapshotFailed:
		t.say(slog.LevelWarn, eventName(e.Kind), e, "index", e.Index, "peer", uint64(e.Peer), "reason", e.Text)
	case env.EventMembers:
		t.logMembers(e)
	case env.EventRetention:
		t.say(slog.LevelDebug, "old records go", e, "offset", e.Offset, "by", e.Text)
	case env.EventTrim:
		t.say(slog.LevelDebug, "log begins later", e, "offset", e.Offset)
	case env.EventFull:
		t.log.Warn("the disk is full: records are refused until it has room")
	case env.EventSpace:
		t.log.Info("the disk has room again")
	default: // counted only; why a node stopped itself is for Node.Failed to say
	}
}

func (t *tracer) logMembers(e env.Event) {
	if t.log.Enabled(context.Background(), slog.LevelInfo) {
		ids := func(from []env.ReplicaID) []env.ReplicaID { return append([]env.ReplicaID(nil), from...) }
		t.log.Info("members", "group", uint64(e.Group), "index", e.Index,
			"voters", ids(e.Voters), "outgoing", ids(e.Outgoing), "learners", ids(e.Learners))
	}
}

// say logs an event of one replica.
func (t *tracer) say(level slog.Level, text string, e env.Event, more ...any) {
	if !t.log.Enabled(context.Background(), level) {
		return
	}
	args := append([]any{"group", uint64(e.Group), "replica", uint64(e.Replica), "term", e.Term}, more...)
	t.log.Log(context.Background(), level, text, args...)
}

// eventName is a kind's label in the metrics.
func eventName(k env.EventKind) string {
	if names := eventNames(); int(k) < len(names) {
		return names[k]
	}
	return "other"
}

func eventNames() []string {
	return []string{
		env.EventNone: "none", env.EventBooted: "booted", env.EventRecovered: "recovered",
		env.EventRole: "role", env.EventEntry: "entry", env.EventWritten: "written",
		env.EventPersisted: "persisted", env.EventVoteSent: "vote_sent", env.EventAckSent: "ack_sent",
		env.EventCommit: "commit", env.EventApply: "apply", env.EventProduceAcked: "produce_acked",
		env.EventISR: "isr", env.EventCheckpoint: "checkpoint", env.EventRecycled: "recycled",
		env.EventTornTail: "torn_tail", env.EventResynced: "resynced", env.EventReadBack: "read_back",
		env.EventFenced: "fenced", env.EventStopped: "stopped",
		env.EventSnapshotSent:    "snapshot_sent",
		env.EventSnapshotResumed: "snapshot_resumed",
		env.EventSnapshotStaged:  "snapshot_staged",
		env.EventSnapshot:        "snapshot",
		env.EventSnapshotFailed:  "snapshot_failed",
		env.EventMembers:         "members",
		env.EventReplica:         "replica",
		env.EventDamaged:         "damaged",
		env.EventRepaired:        "repaired",
		env.EventUnrepairable:    "unrepairable",
		env.EventTrim:            "trim",
		env.EventFull:            "full",
		env.EventSpace:           "space",
		env.EventScrubbed:        "scrubbed",
		env.EventLostReported:    "lost_reported",
		env.EventRetention:       "retention",
		env.EventDurableEnd:      "durable_end",
	}
}
