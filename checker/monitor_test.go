package checker_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine/env"
)

// TestEventMirrorsEnv holds the copies of env's constants and fields together.
func TestEventMirrorsEnv(t *testing.T) {
	pairs := map[env.EventKind]checker.EventKind{
		env.EventBooted: checker.EventBooted, env.EventRecovered: checker.EventRecovered, env.EventRole: checker.EventRole,
		env.EventEntry: checker.EventEntry, env.EventWritten: checker.EventWritten, env.EventPersisted: checker.EventPersisted,
		env.EventVoteSent: checker.EventVoteSent, env.EventAckSent: checker.EventAckSent, env.EventCommit: checker.EventCommit,
		env.EventApply: checker.EventApply, env.EventProduceAcked: checker.EventProduceAcked, env.EventISR: checker.EventISR,
		env.EventCheckpoint: checker.EventCheckpoint, env.EventRecycled: checker.EventRecycled, env.EventTornTail: checker.EventTornTail,
		env.EventResynced: checker.EventResynced, env.EventReadBack: checker.EventReadBack, env.EventFenced: checker.EventFenced,
		env.EventStopped:         checker.EventStopped,
		env.EventSnapshotSent:    checker.EventSnapshotSent,
		env.EventSnapshotResumed: checker.EventSnapshotResumed,
		env.EventSnapshotStaged:  checker.EventSnapshotStaged,
		env.EventSnapshot:        checker.EventSnapshot,
		env.EventSnapshotFailed:  checker.EventSnapshotFailed,
		env.EventMembers:         checker.EventMembers,
		env.EventReplica:         checker.EventReplica,
		env.EventDamaged:         checker.EventDamaged,
		env.EventRepaired:        checker.EventRepaired,
		env.EventUnrepairable:    checker.EventUnrepairable,
		env.EventTrim:            checker.EventTrim,
		env.EventFull:            checker.EventFull,
		env.EventSpace:           checker.EventSpace,
		env.EventScrubbed:        checker.EventScrubbed,
		env.EventLostReported:    checker.EventLostReported,
		env.EventRetention:       checker.EventRetention,
		env.EventDurableEnd:      checker.EventDurableEnd,
	}
	for theirs, ours := range pairs {
		if uint8(theirs) != uint8(ours) {
			t.Errorf("%v is %d, env has %d", ours, ours, theirs)
		}
	}
	if len(pairs) != int(env.EventKinds)-1 {
		t.Errorf("env has %d kinds, compared %d", env.EventKinds-1, len(pairs))
	}
	for _, r := range []env.Role{env.Follower, env.PreCandidate, env.Candidate, env.Leader} {
		if checker.Role(r).String() != r.String() {
			t.Errorf("role %d is %v, env has %v", r, checker.Role(r), r)
		}
	}
	ours := reflect.TypeFor[checker.Event]()
	theirs := reflect.TypeFor[env.Event]()
	for f := range theirs.Fields() {
		if !hasField(ours, f.Name) {
			t.Errorf("env.Event.%s has no mirror", f.Name)
		}
	}
}

func hasField(t reflect.Type, name string) bool {
	_, ok := t.FieldByName(name)
	return ok
}

func TestOracleTable(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range checker.Oracles() {
		if o.Name == "" || o.About == "" || seen[o.Name] {
			t.Errorf("oracle %+v has no name, no line, or stands twice", o)
		}
		seen[o.Name] = true
	}
}

func TestCleanRun(t *testing.T) {
	c := started(2)
	report := c.m.Finish()
	wantClean(t, report)
	for _, name := range []string{
		checker.ElectionSafety, checker.LeaderAppendOnly, checker.LogMatching, checker.LeaderCompleteness, checker.StateMachineSafety,
		checker.MonotoneTerm, checker.Durability, checker.RecoveredState, checker.LostWrite, checker.ReplicasEqual, checker.GaplessOffsets,
	} {
		if v, _ := report.Verdict(name); v.Checked == 0 {
			t.Errorf("%s looked at nothing", name)
		}
	}
}

// TestLegalRuns: random faults in a correct group are nobody's violation.
func TestLegalRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newToy(2)
		steps := rapid.SliceOfN(rapid.Uint16(), 20, 200).Draw(t, "steps")
		for _, s := range steps {
			legalStep(c, int(s))
		}
		wantClean(t, c.m.Finish())
	})
}

// TestLongLegalRuns is TestLegalRuns with evenly drawn steps: rapid draws small
// numbers, which shrink well and wander little.
func TestLongLegalRuns(t *testing.T) {
	var all checker.Report
	for seed := range uint64(1000) {
		c := newToy(2)
		random := rand.New(rand.NewPCG(seed, 1))
		for i := range 300 {
			legalStep(c, int(random.Uint32()>>16))
			if c.m.Violations() > 0 {
				t.Fatalf("seed %d, step %d: objection to a legal run: %v", seed, i, c.m.Finish().Violations[0])
			}
		}
		all = checker.Merge(all, c.m.Finish())
	}
	for _, o := range []string{checker.RecoveredState, checker.Durability, checker.LeaderCompleteness, checker.ReplicasEqual, checker.FencedSpeaks} {
		if v, _ := all.Verdict(o); v.Checked < 5000 {
			t.Errorf("%s looked at %d things only", o, v.Checked)
		}
	}
	if v, _ := all.Verdict(checker.SnapshotSafety); v.Checked < 50 {
		t.Errorf("%d snapshots only", v.Checked)
	}
}

// lacks says that raft would install the leader's checkpoint on f.
func (c *toy) lacks(leader, f *toyReplica) bool {
	at := leader.checkpoint
	return f != leader && f.up && leader.up && leader.role == checker.Leader && f.term <= leader.term && at > f.commit &&
		(uint64(len(f.log)) < at || f.log[at-1] != leader.log[at-1])
}

func legalStep(c *toy, n int) {
	kind, r, other := n%16, c.rs[n/16%3], c.rs[n/48%3]
	leader := r
	for _, l := range c.rs {
		if l.up && l.role == checker.Leader && (leader.role != checker.Leader || l.term > leader.term) {
			leader = l
		}
	}
	switch kind {
	case 0:
		c.elect(r)
	case 1, 2, 3:
		c.propose(leader)
	case 4, 5, 6, 7:
		if c.lacks(leader, other) && n&0x2000 != 0 { // it has no older entries
			c.snapshot(leader, other)
			return
		}
		c.replicate(leader, other)
	case 8, 9, 10:
		if r.up {
			c.sync(r)
		}
	case 11:
		c.advance(leader)
		c.apply(leader)
	case 12:
		c.apply(r)
		c.takeCheckpoint(r)
	case 13:
		if n&0x100 != 0 {
			c.crash(r, n&0x4000 != 0, n/144%5)
		}
	case 14:
		if n&0x3000 == 0 {
			c.halfRecover(r, n&0x400 != 0, n&0x800 != 0)
			return
		}
		c.recover(r, true)
	default:
		// A deposed leader that does not know it goes on.
		c.propose(r)
		c.replicate(r, other)
	}
}

// plant is one anomaly in an otherwise correct group.
type plant struct {
	name   string
	oracle string
	run    func(c *toy)
}

func role(role checker.Role, term uint64) checker.Event {
	return checker.Event{Kind: checker.EventRole, Role: role, Term: term}
}

var raftPlants = []plant{
	{"two leaders in a term", checker.ElectionSafety, func(c *toy) {
		c.tell(c.r(2), role(checker.Leader, 1))
	}},
	{"two leaders in a term, long after", checker.ElectionSafety, func(c *toy) {
		c.elect(c.r(2))
		c.elect(c.r(3))
		c.tell(c.r(1), role(checker.Leader, 2))
	}},
	{"B20: two votes in one term", checker.ElectionSafety, func(c *toy) {
		r := c.r(3)
		c.become(r, checker.Follower, 2)
		for _, peer := range []uint64{1, 2} {
			r.vote = peer
			c.writeState(r)
			c.sync(r)
			c.tell(r, checker.Event{Kind: checker.EventVoteSent, Term: 2, Peer: peer})
		}
	}},
	{"a leader replaces its own entry", checker.LeaderAppendOnly, func(c *toy) {
		c.propose(c.r(1))
		c.enter(c.r(1), uint64(len(c.r(1).log)), []toyEntry{{1, 999}})
	}},
	{"the same entry with other data", checker.LogMatching, func(c *toy) {
		c.propose(c.r(1))
		c.enter(c.r(2), uint64(len(c.r(1).log)), []toyEntry{{1, 999}})
	}},
	{"the same entry after another predecessor", checker.LogMatching, func(c *toy) {
		c.elect(c.r(1)) // entry 6 of term 2
		c.propose(c.r(1))
		c.become(c.r(2), checker.Follower, 2)
		c.enter(c.r(2), 6, []toyEntry{{1, 998}, c.r(1).log[6]})
	}},
	{"terms fall along a log", checker.LogMatching, func(c *toy) {
		c.elect(c.r(1))
		c.enter(c.r(1), 7, []toyEntry{{1, 998}})
	}},
	{"a gap in a log", checker.LogMatching, func(c *toy) {
		c.tell(c.r(2), checker.Event{Kind: checker.EventEntry, Index: 9, Term: 1, Sum: 3})
	}},
	{"B31: late entries cut committed ones", checker.LogMatching, func(c *toy) {
		c.enter(c.r(2), 3, c.r(2).log[2:3])
	}},
	{"B24: Figure 8, an entry of an older term committed by counting", checker.LeaderCompleteness, func(c *toy) {
		c.propose(c.r(1)) // entry 6 of term 1, on 1 only
		c.sync(c.r(1))
		c.crash(c.r(1), false, 0)
		c.elect(c.r(2)) // entry 6 of term 2, on 2 only
		c.sync(c.r(2))
		c.crash(c.r(2), false, 0)
		c.recover(c.r(1), true)
		c.elect(c.r(1))
		c.r(1).log = c.r(1).log[:6] // its no-op of term 2 is not sent yet
		c.replicate(c.r(1), c.r(3))
		c.sync(c.r(3))
		c.tell(c.r(1), checker.Event{Kind: checker.EventCommit, Index: 6, Term: c.r(1).term})
	}},
	{"B24: the leader after Figure 8 misses a committed entry", checker.LeaderCompleteness, func(c *toy) {
		c.propose(c.r(1))
		c.replicate(c.r(1), c.r(2))
		c.sync(c.r(1))
		c.sync(c.r(2))
		c.advance(c.r(1))
		c.tell(c.r(3), role(checker.Leader, 2))
	}},
	{"B30: a commit without a quorum", checker.LeaderCompleteness, func(c *toy) {
		c.propose(c.r(1))
		c.sync(c.r(1))
		c.tell(c.r(1), checker.Event{Kind: checker.EventCommit, Index: 6, Term: 1})
	}},
	{"a commit of what is written and not persisted", checker.LeaderCompleteness, func(c *toy) {
		c.propose(c.r(1))
		c.replicate(c.r(1), c.r(2))
		c.sync(c.r(1))
		c.tell(c.r(1), checker.Event{Kind: checker.EventCommit, Index: 6, Term: 1})
	}},
	{"B36: applied past the commit", checker.StateMachineSafety, func(c *toy) {
		c.propose(c.r(1))
		c.tell(c.r(1), c.applyEvent(6, c.r(1).log[5]))
	}},
	{"another entry applied", checker.StateMachineSafety, func(c *toy) {
		c.propose(c.r(1))
		c.spread(c.r(1))
		c.crash(c.r(3), false, 0)
		c.recover(c.r(3), true)
		c.replicate(c.r(1), c.r(3))
		c.turn()
		e := c.applyEvent(c.r(3).applied+1, c.r(3).log[c.r(3).applied])
		e.Sum++
		c.tell(c.r(3), e)
	}},
	{"an entry skipped by apply", checker.StateMachineSafety, func(c *toy) {
		c.propose(c.r(1))
		c.propose(c.r(1))
		c.spread(c.r(1))
		c.propose(c.r(1))
		c.propose(c.r(1))
		c.sync(c.r(1))
		c.replicate(c.r(1), c.r(2))
		c.sync(c.r(2))
		c.advance(c.r(1))
		c.tell(c.r(1), c.applyEvent(9, c.r(1).log[8]))
	}},
	{"two committed entries at one index", checker.StateMachineSafety, func(c *toy) {
		c.propose(c.r(1))
		c.spread(c.r(1))
		r := c.r(3)
		c.crash(r, false, 0)
		r.writes = r.writes[:len(r.writes)-1]
		r.synced = len(r.writes)
		c.recover(r, true)
		c.enter(r, 6, []toyEntry{{1, 999}})
		c.sync(r)
		c.tell(r, checker.Event{Kind: checker.EventCommit, Index: 6, Term: 1})
		c.turn()
		c.tell(r, c.applyEvent(6, toyEntry{1, 999}))
	}},
	{"B22: an older hard state restored", checker.MonotoneTerm, func(c *toy) {
		c.elect(c.r(2))
		r := c.r(3)
		c.crash(r, false, 0)
		c.tell(r, checker.Event{Kind: checker.EventRecovered, Term: 1, Vote: 1, First: 1, Last: 5, Index: 5})
	}},
	{"the term goes back while running", checker.MonotoneTerm, func(c *toy) {
		c.become(c.r(3), checker.Follower, 4)
		c.tell(c.r(3), role(checker.Follower, 3))
	}},
	{"an older term is written", checker.MonotoneTerm, func(c *toy) {
		c.become(c.r(3), checker.Follower, 4)
		c.writeState(c.r(3))
		c.write(c.r(3), toyWrite{term: 3})
	}},
	{"the commit index goes back", checker.MonotoneTerm, func(c *toy) {
		c.tell(c.r(1), checker.Event{Kind: checker.EventCommit, Index: 4, Term: 1})
	}},
	{"an entry applied twice", checker.MonotoneTerm, func(c *toy) {
		c.tell(c.r(1), c.applyEvent(5, c.r(1).log[4]))
	}},
	{"B01: acknowledged before the sync", checker.Durability, func(c *toy) {
		c.propose(c.r(1))
		c.replicate(c.r(1), c.r(2))
		c.turn()
		c.sendAcks(c.r(2))
	}},
	{"B03: a failed sync swallowed", checker.Durability, func(c *toy) {
		c.propose(c.r(1))
		w := &c.r(1).writes[len(c.r(1).writes)-1]
		c.tell(c.r(1), w.event(checker.EventPersisted))
	}},
	{"persisted and never written", checker.Durability, func(c *toy) {
		c.tell(c.r(1), checker.Event{Kind: checker.EventPersisted, First: 6, Last: 6, Term: 1})
	}},
	{"acknowledged and not in the log", checker.Durability, func(c *toy) {
		c.tell(c.r(2), checker.Event{Kind: checker.EventAckSent, Index: 8, Term: 1, Peer: 1})
	}},
	{"acknowledged and never written", checker.Durability, func(c *toy) {
		c.tell(c.r(2), checker.Event{Kind: checker.EventEntry, Index: 6, Term: 1, Sum: 77})
		c.tell(c.r(2), checker.Event{Kind: checker.EventAckSent, Index: 6, Term: 1, Peer: 1})
	}},
	{"B15, B16: an ack after a truncation counts for what came instead", checker.Durability, func(c *toy) {
		c.propose(c.r(1)) // entry 6 of term 1
		c.replicate(c.r(1), c.r(3))
		c.crash(c.r(1), false, 0)
		c.crash(c.r(3), false, 0)
		c.recover(c.r(3), true)
		c.elect(c.r(2)) // 3 knows more and does not vote
		c.recover(c.r(1), true)
		c.become(c.r(2), checker.Follower, 5)
		c.enter(c.r(3), 6, []toyEntry{{2, 500}})
		c.tell(c.r(3), checker.Event{Kind: checker.EventAckSent, Index: 6, Term: 2, Peer: 2})
	}},
	{"B17: a recovered tail is acknowledged from the page cache", checker.Durability, func(c *toy) {
		c.propose(c.r(1))
		c.replicate(c.r(1), c.r(2))
		c.crash(c.r(2), false, 0)
		c.recover(c.r(2), false)
		c.replicate(c.r(1), c.r(2))
		c.turn()
		c.sendAcks(c.r(2))
	}},
	{"B17: a recovered vote is sent from the page cache", checker.Durability, func(c *toy) {
		r := c.r(3)
		c.become(r, checker.Follower, 2)
		r.vote = 2
		c.writeState(r)
		c.crash(r, false, 0)
		c.recover(r, false)
		c.turn()
		c.tell(r, checker.Event{Kind: checker.EventVoteSent, Term: 2, Peer: 2})
	}},
	{"B21: a vote that is not saved", checker.Durability, func(c *toy) {
		c.become(c.r(3), checker.Follower, 2)
		c.tell(c.r(3), checker.Event{Kind: checker.EventVoteSent, Term: 2, Peer: 2})
	}},
	{"B21: a vote that leaves before its sync", checker.Durability, func(c *toy) {
		c.become(c.r(3), checker.Follower, 2)
		c.r(3).vote = 2
		c.writeState(c.r(3))
		c.tell(c.r(3), checker.Event{Kind: checker.EventVoteSent, Term: 2, Peer: 2})
	}},
	{"an ack in a term that is not saved", checker.Durability, func(c *toy) {
		c.become(c.r(3), checker.Follower, 2)
		c.tell(c.r(3), checker.Event{Kind: checker.EventAckSent, Index: 5, Term: 2, Peer: 2})
	}},
	{"min ISR ignored", checker.Durability, func(c *toy) {
		// Min ISR is 3 in this one; see TestPlants.
		c.crash(c.r(3), false, 0)
		for range 2 {
			c.propose(c.r(1))
		}
		c.spread(c.r(1))
	}},
	{"an acknowledged entry lost by a restart", checker.RecoveredState, func(c *toy) {
		r := c.r(2)
		c.crash(r, true, 0)
		r.writes = r.writes[:len(r.writes)-1]
		r.synced = len(r.writes)
		c.recover(r, true)
	}},
	{"what was acknowledged before its sync is lost", checker.RecoveredState, func(c *toy) {
		c.propose(c.r(1))
		c.replicate(c.r(1), c.r(2))
		c.turn()
		c.sendAcks(c.r(2))
		c.crash(c.r(2), true, 0)
		c.recover(c.r(2), true)
	}},
	{"neither the replaced entry nor the new one comes back", checker.RecoveredState, func(c *toy) {
		r := c.r(1)
		c.propose(r)
		c.sync(r) // entry 6 of term 1 is durable on 1
		c.elect(c.r(2))
		c.replicate(c.r(2), r) // entry 6 of term 2 is not
		c.crash(r, true, 0)
		c.tell(r, checker.Event{Kind: checker.EventRecovered, Term: 1, Vote: 1, First: 1, Last: 5, Index: 5})
	}},
	{"B05: a torn record taken for the last one", checker.RecoveredState, func(c *toy) {
		c.propose(c.r(1))
		r := c.r(1)
		torn := r.writes[len(r.writes)-1]
		c.crash(r, true, 0)
		r.writes = append(r.writes, torn)
		c.recover(r, false)
	}},
	{"B05: a length without any record behind it", checker.RecoveredState, func(c *toy) {
		r := c.r(1)
		c.crash(r, true, 0)
		c.tell(r, checker.Event{Kind: checker.EventRecovered, Term: 1, Vote: 1, First: 1, Last: 9, Index: 5})
	}},
	{"B12: a lost file", checker.RecoveredState, func(c *toy) {
		r := c.r(2)
		c.crash(r, true, 0)
		r.writes = r.writes[:1]
		r.synced = 1
		c.recover(r, true)
	}},
	{"a term that was promised is forgotten", checker.RecoveredState, func(c *toy) {
		c.become(c.r(3), checker.Follower, 2)
		c.tell(c.r(3), checker.Event{Kind: checker.EventAckSent, Index: 5, Term: 2, Peer: 2})
		c.crash(c.r(3), false, 0)
		c.recover(c.r(3), true)
	}},
	{"another vote comes back", checker.RecoveredState, func(c *toy) {
		r := c.r(3)
		c.become(r, checker.Follower, 2)
		r.vote = 2
		c.writeState(r)
		c.sync(r)
		c.tell(r, checker.Event{Kind: checker.EventVoteSent, Term: 2, Peer: 2})
		c.crash(r, false, 0)
		r.writes = append(r.writes, toyWrite{term: 2, vote: 1})
		r.synced = len(r.writes)
		c.recover(r, true)
	}},
	{"a term that was never written", checker.RecoveredState, func(c *toy) {
		c.crash(c.r(3), false, 0)
		c.tell(c.r(3), checker.Event{Kind: checker.EventRecovered, Term: 40, First: 1, Last: 5, Index: 5})
	}},
	{"a lost hard state comes back", checker.RecoveredState, func(c *toy) {
		r := c.r(3)
		c.become(r, checker.Follower, 2)
		c.writeState(r)
		torn := r.writes[len(r.writes)-1]
		c.crash(r, true, 0)
		r.writes = append(r.writes, torn)
		c.recover(r, false)
	}},
	{"the head of the log is gone", checker.RecoveredState, func(c *toy) {
		c.crash(c.r(3), false, 0)
		c.tell(c.r(3), checker.Event{Kind: checker.EventRecovered, Term: 1, Vote: 1, First: 9, Last: 8, Index: 5})
	}},
	{"a commit index beyond the log", checker.RecoveredState, func(c *toy) {
		c.crash(c.r(3), false, 0)
		c.tell(c.r(3), checker.Event{Kind: checker.EventRecovered, Term: 1, Vote: 1, First: 1, Last: 5, Index: 7})
	}},
	{"an incarnation comes twice", checker.RecoveredState, func(c *toy) {
		c.tell(c.r(3), checker.Event{Kind: checker.EventBooted, Index: 1})
	}},
	{"B34: a waiter completes on another's entry", checker.LostWrite, func(c *toy) {
		c.propose(c.r(1)) // entry 6 of term 1: its client waits
		c.elect(c.r(2))   // entry 6 of term 2
		c.spread(c.r(2))
		c.tell(c.r(1), checker.Event{Kind: checker.EventProduceAcked, Index: 6, Term: 1, Offset: 2, Length: 1})
	}},
	{"acknowledged and not applied", checker.LostWrite, func(c *toy) {
		c.propose(c.r(1))
		c.tell(c.r(1), checker.Event{Kind: checker.EventProduceAcked, Index: 6, Term: 1, Offset: 2, Length: 1})
	}},
	{"acknowledged at another offset", checker.LostWrite, func(c *toy) {
		c.tell(c.r(1), checker.Event{Kind: checker.EventProduceAcked, Index: 4, Term: 1, Offset: 7, Length: 1})
	}},
	{"another end offset after the same entry", checker.ReplicasEqual, func(c *toy) {
		c.propose(c.r(1))
		c.spread(c.r(1))
		r := c.r(3)
		c.crash(r, false, 0)
		r.commit = 0
		c.recover(r, true)
		e := c.applyEvent(1, r.log[0])
		e.Offset += 5
		c.tell(r, e)
	}},
	{"end offsets go back", checker.GaplessOffsets, func(c *toy) {
		c.propose(c.r(1))
		for _, r := range c.rs {
			c.replicate(c.r(1), r)
			c.sync(r)
		}
		c.advance(c.r(1))
		e := c.applyEvent(6, c.r(1).log[5])
		e.Offset = 0
		c.tell(c.r(1), e)
	}},
}

// TestPlants: every anomaly is named by its oracle, and the run before it by
// none.
func TestPlants(t *testing.T) {
	for _, p := range plants {
		t.Run(p.name, func(t *testing.T) {
			minISR := 2
			if p.name == "min ISR ignored" {
				minISR = 3
			}
			c := started(minISR)
			wantClean(t, c.m.Finish())
			p.run(c)
			report := c.m.Finish()
			if violations(t, report, p.oracle) == 0 {
				t.Fatalf("%s said nothing; others: %v", p.oracle, report.Violations)
			}
		})
	}
}

// TestWithoutGhost: without a disk model the ghost's verdict is that it looked
// at nothing.
func TestWithoutGhost(t *testing.T) {
	m := checker.NewMonitor(checker.Config{}, nil)
	m.Observe(checker.Event{Kind: checker.EventVoteSent, Group: 1, Replica: 1, Node: 1, Term: 2, Peer: 2})
	m.Observe(checker.Event{Kind: checker.EventAckSent, Group: 1, Replica: 1, Node: 1, Term: 2, Index: 9, Peer: 2})
	report := m.Finish()
	wantClean(t, report)
	if v, _ := report.Verdict(checker.Durability); v.Checked != 0 {
		t.Errorf("checked %d without a disk model", v.Checked)
	}
}

// TestAmbiguousRestart: a power loss may take the entries that replaced others,
// and bring those back.
func TestAmbiguousRestart(t *testing.T) {
	for keep := range 4 {
		c := started(2)
		c.propose(c.r(1)) // entries 6 and 7 of term 1 on 1 only
		c.propose(c.r(1))
		c.sync(c.r(1))
		c.elect(c.r(2)) // entry 6 of term 2
		c.propose(c.r(2))
		c.replicate(c.r(2), c.r(1)) // term, then entries 6 and 7 of term 2: not synced
		c.crash(c.r(1), true, keep)
		c.recover(c.r(1), true)
		c.spread(c.r(2))
		wantClean(t, c.m.Finish())
	}
}

func TestObserveAllocatesLittle(t *testing.T) {
	c := started(2)
	joint(c)
	again := c.changes[6]
	again.Group, again.Replica, again.Node, again.AtNs = 1, 3, 3, c.at
	for _, e := range []checker.Event{
		{Kind: checker.EventRole, Group: 1, Replica: 2, Node: 2, Role: checker.Follower, Term: 1},
		{Kind: checker.EventAckSent, Group: 1, Replica: 3, Node: 3, Index: 6, Term: 1, Peer: 1},
		{Kind: checker.EventCommit, Group: 1, Replica: 1, Node: 1, Index: 6, Term: 1},
		{Kind: checker.EventRecycled, Node: 1, File: "journal-0"},
		again,
	} {
		if n := testing.AllocsPerRun(1000, func() { c.m.Observe(e) }); n != 0 {
			t.Errorf("%v: %v allocations an event", e.Kind, n)
		}
	}
	wantClean(t, c.m.Finish())
}
