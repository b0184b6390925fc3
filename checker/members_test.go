package checker_test

import (
	"slices"
	"testing"

	"github.com/lockstep-log/lockstep/checker"
)

var plants = slices.Concat(raftPlants, memberPlants, snapshotPlants, storagePlants)

// fence takes replica 2 out of service for good.
func fence(c *toy) *toyReplica {
	r := c.r(2)
	c.crash(r, false, 0)
	c.turn()
	c.tell(r, checker.Event{Kind: checker.EventFenced, Text: "damaged"})
	c.tell(r, checker.Event{Kind: checker.EventLostReported, Peer: 1})
	return r
}

// joint brings the group into the joint configuration that replaces 2 by 4.
func joint(c *toy) {
	c.change(c.r(1), []uint64{1, 3}, []uint64{1, 2, 3}, []uint64{4})
	c.spread(c.r(1))
}

// left replaces replica 2, whose node adopts the id 4.
func left(c *toy) *toyReplica {
	old := fence(c)
	joint(c)
	c.change(c.r(1), []uint64{1, 3}, nil, []uint64{4})
	c.spread(c.r(1))
	return c.adopt(old, 4)
}

// replacement replaces replica 2 by 4, which catches up by a snapshot and votes.
func replacement(c *toy) *toyReplica {
	r := left(c)
	c.takeCheckpoint(c.r(1))
	c.snapshot(c.r(1), r)
	c.change(c.r(1), []uint64{1, 3, 4}, nil, nil)
	c.spread(c.r(1))
	return r
}

// TestReplacement: what a replacement does, with and without crashes, is legal.
func TestReplacement(t *testing.T) {
	for name, run := range map[string]func(c *toy){
		"by a snapshot": func(c *toy) {
			r := replacement(c)
			c.crash(c.r(3), true, 0)
			c.propose(c.r(1))
			c.spread(c.r(1)) // on 1 and 4
			c.crash(r, true, 0)
			c.recover(r, true)
			c.recover(c.r(3), true)
			c.elect(r)
			c.spread(r)
		},
		"by its own checkpoint and the log": func(c *toy) {
			c.takeCheckpoint(c.r(2))
			c.propose(c.r(1))
			c.spread(c.r(1))
			r := left(c)
			c.spread(c.r(1))
			c.crash(r, false, 0)
			c.recover(r, true)
			c.spread(c.r(1))
		},
		"an adoption that nobody told": func(c *toy) {
			observe := c.tap
			c.tap = func(e checker.Event) {
				if e.Kind != checker.EventReplica {
					observe(e)
				}
			}
			replacement(c)
		},
		"an installation that nobody told": func(c *toy) {
			observe := c.tap
			r := left(c)
			c.takeCheckpoint(c.r(1))
			c.tap = func(e checker.Event) {
				if e.Kind != checker.EventSnapshot && e.Kind != checker.EventMembers && e.Kind != checker.EventAckSent {
					observe(e)
				}
			}
			c.snapshot(c.r(1), r)
			c.tap = observe
			c.crash(r, false, 0)
			c.recover(r, true)
			c.spread(c.r(1))
		},
		"a replica that begins anew within its process": func(c *toy) {
			r := replacement(c)
			r.up = false
			c.recover(r, true)
			c.spread(c.r(1))
		},
		"a fence that the next process finds no reason for": func(c *toy) {
			r := c.r(2)
			c.tell(r, checker.Event{Kind: checker.EventFenced, Text: "panic"})
			c.crash(r, false, 0)
			c.recover(r, true)
			c.spread(c.r(1))
		},
		"a lost disk": func(c *toy) {
			r := c.r(2)
			c.crash(r, true, 0)
			c.tell(r, checker.Event{Kind: checker.EventDiskLost})
			joint(c)
			r.checkpoint, r.incarnation = 0, 0
			n := c.adopt(r, 4)
			c.snapshotOf(n)
		},
		"a damage that is repaired": func(c *toy) {
			c.tell(c.r(2), checker.Event{Kind: checker.EventDamaged, File: "f", Offset: 7, Length: 1, Text: "rot"})
			c.tell(c.r(2), checker.Event{Kind: checker.EventRepaired, File: "f", Text: "segment"})
			c.tell(c.r(2), checker.Event{Kind: checker.EventDamaged, File: "g", Text: "rot"})
			c.tell(c.r(2), checker.Event{Kind: checker.EventRecycled, File: "g"})
			c.tell(c.r(3), checker.Event{Kind: checker.EventDamaged, File: "h", Text: "rot"})
			c.m.JudgeDamage(func(d checker.Damage) bool { return d.Node == 3 && d.File == "h" })
		},
		"trims, replayed": func(c *toy) {
			for _, r := range c.rs {
				c.tell(r, checker.Event{Kind: checker.EventTrim, Index: 3, Offset: 1})
				c.tell(r, checker.Event{Kind: checker.EventTrim, Index: 5, Offset: 2})
				c.tell(r, checker.Event{Kind: checker.EventTrim, Index: 3, Offset: 1})
			}
			if got := c.m.TrimmedTo(1); got != 2 {
				c.tell(c.r(1), checker.Event{Kind: checker.EventTrim, Index: 6, Offset: -1})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := started(2)
			run(c)
			report := c.m.Finish()
			wantClean(t, report)
			if v, _ := report.Verdict(checker.FencedSpeaks); v.Checked == 0 {
				t.Error("nobody spoke")
			}
		})
	}
}

// TestReplacementBeginsLate: a recording that begins anywhere in a replacement
// objects to nothing.
func TestReplacementBeginsLate(t *testing.T) {
	var events []checker.Event
	c := unbooted()
	c.tap = func(e checker.Event) { events = append(events, e) }
	c.boot()
	c.elect(c.r(1))
	c.propose(c.r(1))
	c.spread(c.r(1))
	r := replacement(c)
	for _, again := range []*toyReplica{r, c.r(3), c.r(1)} {
		c.crash(again, false, 0)
		c.recover(again, true)
		c.elect(c.r(3))
		c.propose(c.r(3))
		c.spread(c.r(3))
	}
	for from := range events {
		m := checker.NewMonitor(toyConfig(2), nil)
		for _, e := range events[from:] {
			m.Observe(e)
		}
		for _, v := range m.Finish().Violations {
			t.Fatalf("from event %d (%v of replica %d) on: %v", from, events[from].Kind, events[from].Replica, v)
		}
	}
}

// snapshotOf brings a replica to the leader's newest state.
func (c *toy) snapshotOf(f *toyReplica) {
	c.takeCheckpoint(c.r(1))
	c.snapshot(c.r(1), f)
	c.propose(c.r(1))
	c.spread(c.r(1))
}

// ackOf tells of the leader's acknowledgement of an entry with a record.
func (c *toy) ackOf(index uint64) {
	e := c.r(1).log[index-1]
	c.tell(c.r(1), c.applyEvent(index, e))
	c.tell(c.r(1), checker.Event{Kind: checker.EventProduceAcked, Index: index, Term: e.term, Offset: -1, Length: 1})
}

var memberPlants = []plant{
	{"a joint configuration commits by one half", checker.LeaderCompleteness, func(c *toy) {
		joint(c)
		c.propose(c.r(1))
		c.replicate(c.r(1), c.r(2))
		c.sync(c.r(1))
		c.sync(c.r(2))
		c.turn()
		c.tell(c.r(1), checker.Event{Kind: checker.EventCommit, Index: 7, Term: 1})
	}},
	{"a joint configuration acknowledges by one half", checker.Durability, func(c *toy) {
		joint(c)
		c.propose(c.r(1))
		c.replicate(c.r(1), c.r(2))
		c.sync(c.r(1))
		c.sync(c.r(2))
		c.turn()
		c.tell(c.r(1), checker.Event{Kind: checker.EventCommit, Index: 7, Term: 1})
		c.ackOf(7)
	}},
	{"a learner counts", checker.LeaderCompleteness, func(c *toy) {
		r := left(c)
		c.takeCheckpoint(c.r(1))
		c.snapshot(c.r(1), r)
		c.propose(c.r(1))
		c.replicate(c.r(1), r)
		c.sync(c.r(1))
		c.sync(r)
		c.advance(c.r(1))
	}},
	{"a removed replica counts", checker.LeaderCompleteness, func(c *toy) {
		joint(c)
		c.change(c.r(1), []uint64{1, 3}, nil, []uint64{4})
		c.spread(c.r(1))
		c.propose(c.r(1))
		c.replicate(c.r(1), c.r(2))
		c.sync(c.r(1))
		c.sync(c.r(2))
		c.advance(c.r(1))
	}},
	{"a leader that nobody voted for", checker.ElectionSafety, func(c *toy) {
		c.tell(c.r(3), role(checker.Leader, 9))
	}},
	{"a joint configuration elects by one half", checker.ElectionSafety, func(c *toy) {
		joint(c)
		c.r(3).up = false
		c.elect(c.r(1))
	}},
	{"B54: a vote under an id that nobody asks", checker.ElectionSafety, func(c *toy) {
		r := left(c) // 4, a learner
		c.tell(r, checker.Event{Kind: checker.EventVoteSent, Term: 9, Peer: 3})
	}},
	{"two configurations of one entry", checker.Configuration, func(c *toy) {
		joint(c)
		c.tell(c.r(3), checker.Event{Kind: checker.EventMembers, Index: 6, Voters: []uint64{1, 3}, Outgoing: []uint64{1, 2, 3}})
	}},
	{"a configuration without voters", checker.Configuration, func(c *toy) {
		c.tell(c.r(3), checker.Event{Kind: checker.EventMembers, Index: 6, Outgoing: []uint64{1, 2, 3}})
	}},
	{"a configuration that is not applied", checker.Configuration, func(c *toy) {
		c.tell(c.r(3), checker.Event{Kind: checker.EventMembers, Index: 9, Voters: []uint64{1, 3}})
	}},
	{"an entry without its configuration", checker.Configuration, func(c *toy) {
		c.change(c.r(1), []uint64{1, 3}, []uint64{1, 2, 3}, []uint64{4})
		for range 2 {
			for _, r := range c.rs {
				c.replicate(c.r(1), r)
				c.sync(r)
			}
			c.advance(c.r(1))
		}
		c.apply(c.r(1))
		delete(c.changes, 6)
		c.apply(c.r(2))
	}},
	{"B52: an uncommitted configuration in a snapshot", checker.Configuration, func(c *toy) {
		r := left(c)
		c.takeCheckpoint(c.r(1))
		at := c.r(1).checkpoint
		c.change(c.r(1), []uint64{1, 3, 4}, nil, nil)
		c.changes[at] = c.changes[at+1]
		c.snapshot(c.r(1), r)
	}},
	{"B10: a vote after a fence", checker.FencedSpeaks, func(c *toy) {
		c.tell(c.r(2), checker.Event{Kind: checker.EventFenced, Text: "damaged"})
		c.tell(c.r(2), checker.Event{Kind: checker.EventVoteSent, Term: 1, Peer: 1})
	}},
	{"B10: a durable fence is forgotten", checker.FencedSpeaks, func(c *toy) {
		r := fence(c)
		c.recover(r, true)
	}},
	{"B54: a replaced id speaks", checker.FencedSpeaks, func(c *toy) {
		replacement(c)
		c.tell(c.r(2), checker.Event{Kind: checker.EventAckSent, Index: 5, Term: 1, Peer: 1})
	}},
	{"B53: an id returns on an empty disk", checker.FencedSpeaks, func(c *toy) {
		r := c.r(2)
		c.crash(r, true, 0)
		c.tell(r, checker.Event{Kind: checker.EventDiskLost})
		r.writes, r.synced, r.incarnation = nil, 0, 0
		c.recover(r, true)
	}},
	{"an id lives twice", checker.FencedSpeaks, func(c *toy) {
		replacement(c)
		c.crash(c.r(3), false, 0)
		twin := &toyReplica{id: 4, on: 3}
		c.tell(twin, checker.Event{Kind: checker.EventReplica, Peer: 3})
	}},
	{"an id speaks on two nodes", checker.FencedSpeaks, func(c *toy) {
		replacement(c)
		c.tell(&toyReplica{id: 4, on: 3}, checker.Event{Kind: checker.EventAckSent, Index: 5, Term: 1, Peer: 1})
	}},
	{"a node goes back to an older id", checker.FencedSpeaks, func(c *toy) {
		replacement(c)
		c.tell(&toyReplica{id: 2, on: 2}, checker.Event{Kind: checker.EventReplica, Peer: 4})
	}},
}

var snapshotPlants = []plant{
	{"a snapshot of what is not committed", checker.SnapshotSafety, func(c *toy) {
		c.turn()
		c.tell(c.r(3), checker.Event{Kind: checker.EventSnapshot, Index: 40, Term: 1})
	}},
	{"a snapshot of another history", checker.SnapshotSafety, func(c *toy) {
		c.crash(c.r(3), false, 0)
		c.propose(c.r(1))
		c.spread(c.r(1))
		c.recover(c.r(3), true)
		c.tell(c.r(3), checker.Event{Kind: checker.EventSnapshot, Index: 6, Term: 7})
	}},
	{"a snapshot takes back what was applied", checker.SnapshotSafety, func(c *toy) {
		c.tell(c.r(3), checker.Event{Kind: checker.EventSnapshot, Index: 4, Term: 1})
	}},
	{"a fresh replica begins beyond the commit index", checker.SnapshotSafety, func(c *toy) {
		old := fence(c)
		c.tell(&toyReplica{id: 4, on: old.id}, checker.Event{Kind: checker.EventReplica, Peer: 2, Index: 30})
	}},
	{"B13: an entry of an older term is kept behind a snapshot", checker.LogMatching, func(c *toy) {
		c.turn()
		l, r := c.r(1), c.r(3)
		r.up = false
		c.propose(l)
		c.spread(l)
		c.tell(r, checker.Event{Kind: checker.EventSnapshot, Index: uint64(len(l.log)), Term: 2})
		c.tell(r, checker.Event{Kind: checker.EventEntry, Index: uint64(len(l.log)) + 1, Term: 1, Sum: 77})
	}},
	{"the record of a snapshot is not durable", checker.Durability, func(c *toy) {
		c.r(3).up = false
		c.propose(c.r(1))
		c.spread(c.r(1))
		c.tell(c.r(3), checker.Event{Kind: checker.EventSnapshot, Index: 6, Term: 1, File: "journal-1", Offset: 9000, Length: 10})
	}},
	{"an installed snapshot is forgotten", checker.RecoveredState, func(c *toy) {
		r := replacement(c)
		c.crash(r, false, 0)
		r.writes, r.synced, r.checkpoint, r.base, r.commit = r.writes[:1], 1, 0, 0, 0
		c.recover(r, true)
	}},
	{"B13: entries are kept under an installed snapshot", checker.RecoveredState, func(c *toy) {
		r := c.r(3)
		c.elect(r) // entry 6 of term 2, and 7, on 3 only
		c.propose(r)
		c.propose(r)
		c.sync(r)
		old := r.log
		c.elect(c.r(1))
		c.r(3).up = false
		c.spread(c.r(1))
		c.takeCheckpoint(c.r(1))
		c.r(3).up = true
		c.snapshot(c.r(1), r)
		at := r.checkpoint
		r.writes = append(r.writes, toyWrite{first: at + 1, entries: old[at:]})
		c.crash(r, false, 0)
		c.recover(r, false)
	}},
	{"B11: an older checkpoint", checker.RecoveredState, func(c *toy) {
		r := c.r(3)
		c.takeCheckpoint(r)
		c.propose(c.r(1))
		c.spread(c.r(1))
		older := r.checkpoint
		c.takeCheckpoint(r)
		c.crash(r, false, 0)
		r.checkpoint = older
		c.recover(r, true)
	}},
	{"a checkpoint beyond what was applied", checker.RecoveredState, func(c *toy) {
		r := c.r(3)
		c.crash(r, false, 0)
		r.checkpoint = 9
		c.recover(r, true)
	}},
}

func trimAt(index uint64, offset int64) checker.Event {
	return checker.Event{Kind: checker.EventTrim, Index: index, Offset: offset}
}

var storagePlants = []plant{
	{"two starts by one command", checker.Retention, func(c *toy) {
		c.tell(c.r(1), trimAt(5, 1))
		c.tell(c.r(2), trimAt(5, 2))
	}},
	{"a start goes back", checker.Retention, func(c *toy) {
		c.tell(c.r(1), trimAt(4, 2))
		c.tell(c.r(1), trimAt(5, 1))
	}},
	{"a start beyond the end", checker.Retention, func(c *toy) {
		c.tell(c.r(1), trimAt(6, 70))
	}},
	{"B09: a node knows nothing of what was placed on it", checker.TopicExists, func(c *toy) {
		c.m.ObserveHosted(checker.Hosted{Node: 1, Groups: []uint64{1}})
		c.m.ObserveHosted(checker.Hosted{Node: 2, Groups: []uint64{2}})
	}},
	{"B11: a state that lacks entries is gone on with", checker.StateMachineSafety, func(c *toy) {
		r := c.r(3)
		c.crash(r, false, 0)
		c.turn()
		c.tell(r, checker.Event{
			Kind: checker.EventRecovered, Term: r.term, Vote: r.vote, First: r.base + 1, Last: uint64(len(r.log)), Index: r.commit, Offset: 2,
		})
		c.tell(r, c.applyEvent(r.applied, r.log[r.applied-1])) // that of 3 to here are not in its state
	}},
	{"a damage is left", checker.DamageRepaired, func(c *toy) {
		c.tell(c.r(1), checker.Event{Kind: checker.EventDamaged, File: "f", Text: "rot"})
		c.tell(c.r(2), checker.Event{Kind: checker.EventRepaired, File: "f", Text: "segment"})
		c.m.JudgeDamage(nil)
	}},
}

// trimmed deletes the first records of the clean history.
func trimmed(b *book, start int64) {
	log := &b.h.Logs[0]
	log.StartOffset, log.Records, log.TrimmedTo = start, log.Records[start:], new(start)
}

func (b *book) outside(at int64) *checker.Op {
	o := b.op(checker.Op{Kind: checker.Fetch, Client: 2, Offset: at, Outcome: checker.Failed, Code: 1})
	o.Linearizable = true
	return o
}

// deleted lets a client delete the first records of the clean history.
func (b *book) deleted(offset, start int64) *checker.Op {
	return b.op(checker.Op{Kind: checker.DeleteRecords, Client: 3, Offset: offset, LogStart: start})
}

// keeps says what retention may let go of.
func (b *book) keeps(bytes, ms int64) {
	b.h.Logs[0].Retention = &checker.LogRetention{Bytes: bytes, Ms: ms}
}

// TestWhatMayBeGone: what somebody asked to delete, certainly or perhaps, and what
// retention lets go of.
func TestWhatMayBeGone(t *testing.T) {
	for name, run := range map[string]func(b *book){
		"a deletion":                  func(b *book) { b.deleted(3, 3); b.keeps(0, 0) },
		"all records":                 func(b *book) { b.deleted(-1, 6); trimmed(b, 6); b.keeps(0, 0) },
		"perhaps a deletion":          func(b *book) { b.deleted(3, 0).Outcome = checker.Unknown; b.keeps(0, 0) },
		"perhaps of all":              func(b *book) { b.deleted(-1, 0).Outcome = checker.Unknown; b.keeps(0, 0) },
		"one that failed at last":     func(b *book) { o := b.deleted(3, 0); o.Outcome, o.UnknownAttempts = checker.Failed, 1; b.keeps(0, 0) },
		"what is old":                 func(b *book) { b.keeps(1<<40, 1) },
		"what is too much":            func(b *book) { b.keeps(100, 0) },
		"nobody knows":                func(*book) {},
		"a deletion and old segments": func(b *book) { b.deleted(1, 1); b.keeps(100, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			b := clean()
			run(b)
			if b.h.Logs[0].StartOffset == 0 {
				trimmed(b, 3)
			}
			b.h.Logs[0].Replicas = []checker.ReplicaDigest{{Replica: 1, Segments: []checker.SegmentDigest{{Base: 2, Bytes: 60}, {Base: 4, Bytes: 40}}}}
			wantClean(t, check(t, b.h, checker.Options{Porcupine: true}))
		})
	}
}

func TestTrimmedHistory(t *testing.T) {
	b := clean()
	b.op(checker.Op{Kind: checker.DeleteRecords, Offset: 2, LogStart: 2})
	b.outside(1)
	b.outside(9)
	trimmed(b, 3)
	report := check(t, b.h, checker.Options{Porcupine: true})
	wantClean(t, report)
	if v, _ := report.Verdict(checker.Retention); v.Checked == 0 {
		t.Error("nothing was looked at")
	}
}

// TestTrimsOfEvents: without TrimmedTo the events of the history say it.
func TestTrimsOfEvents(t *testing.T) {
	for start := range int64(4) {
		b := clean()
		trimmed(b, start)
		b.h.Logs[0].TrimmedTo = nil
		b.h.Groups = []checker.Group{{ID: 1, Topic: "t"}}
		b.h.Events = []checker.Event{{Kind: checker.EventTrim, Group: 1, Replica: 1, Node: 1, Index: 3, Offset: 2}}
		if got := violations(t, check(t, b.h, checker.Options{}), checker.Retention); (got > 0) != (start > 2) {
			t.Errorf("start %d: %d violations", start, got)
		}
	}
}

var retentionPlants = []historyPlant{
	{"records are gone and nobody deleted them", checker.Retention, func(b *book) {
		trimmed(b, 3)
		b.h.Logs[0].TrimmedTo = new(int64(2))
	}},
	{"a deletion is undone", checker.Retention, func(b *book) {
		b.op(checker.Op{Kind: checker.DeleteRecords, Offset: 2, LogStart: 2})
		trimmed(b, 1)
	}},
	{"a deletion that deletes too little", checker.Retention, func(b *book) {
		b.op(checker.Op{Kind: checker.DeleteRecords, Offset: 3, LogStart: 2})
		trimmed(b, 3)
	}},
	{"a start that nobody set", checker.Retention, func(b *book) { b.at(13).LogStart = 4 }},
	{"a fetch below a start that was told", checker.Retention, func(b *book) {
		b.op(checker.Op{Kind: checker.DeleteRecords, Offset: 2, LogStart: 2})
		b.fetch(6, 1, 1, 2).Linearizable = true
		trimmed(b, 2)
	}},
	{"what stands in the log is out of range", checker.Retention, func(b *book) { b.outside(4) }},
	{"more is gone than was asked for", checker.Retention, func(b *book) {
		b.deleted(2, 2)
		trimmed(b, 3)
		b.keeps(0, 0)
	}},
	{"a deletion that was refused", checker.Retention, func(b *book) {
		b.deleted(3, 0).Outcome = checker.Failed
		trimmed(b, 3)
		b.keeps(0, 0)
	}},
	{"retention leaves less than it has to", checker.Retention, func(b *book) {
		trimmed(b, 3)
		b.keeps(101, 0)
		b.h.Logs[0].Replicas = []checker.ReplicaDigest{{Replica: 1, Segments: []checker.SegmentDigest{{Base: 2, Bytes: 60}, {Base: 4, Bytes: 40}}}}
	}},
	{"all records are not all that were acknowledged", checker.Retention, func(b *book) {
		b.deleted(-1, 4)
		trimmed(b, 4)
	}},
	{"out of a range that has the offset in it", checker.Retention, func(b *book) {
		o := b.outside(3)
		o.Linearizable, o.LogStart, o.HighWatermark = false, 2, 6
		trimmed(b, 4)
	}},
	{"who is out of range is told a start that nobody set", checker.Retention, func(b *book) { b.outside(9).LogStart = 4 }},
	{"two values at an offset that is deleted", checker.InconsistentOffsets, func(b *book) {
		b.at(13).Fetched[0].Value = "d"
		trimmed(b, 3)
	}},
	{"a deletion beyond the log", checker.Linearizability, func(b *book) {
		b.deleted(7, 7)
		trimmed(b, 3)
	}},
	{"a length from before what was acknowledged and deleted", checker.Linearizability, func(b *book) {
		b.list(3)
		trimmed(b, 5)
	}},
	{"a deletion in a log that was shorter then", checker.Linearizability, func(b *book) {
		b.deleted(7, 7)
		b.h.Logs[0].Records = append(b.h.Logs[0].Records, checker.LogRecord{Offset: 6, Value: "f"})
		b.produce(6, "f")
		trimmed(b, 7)
	}},
	{"replicas start at different offsets", checker.Retention, func(b *book) { b.h.Logs[0].Replicas[1].StartOffset = 1 }},
}
