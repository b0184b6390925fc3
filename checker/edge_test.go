package checker_test

import (
	"testing"

	"github.com/lockstep-log/lockstep/checker"
)

// legalEdges are rare and right: each ends without an objection.
var legalEdges = []struct {
	name string
	run  func(c *toy)
}{
	{"an acknowledgement waits while a newer leader replaces its entries", func(c *toy) {
		c.propose(c.r(1)) // entry 6 of term 1, on 1 only
		c.sync(c.r(1))
		c.elect(c.r(2)) // entry 6 of term 2
		c.replicate(c.r(2), c.r(1))
		c.r(1).acks = []toyAck{{6, 1, 1}}
		c.sendAcks(c.r(1))
		c.spread(c.r(2))
	}},
	{"a file with unsynced records is given back: a checkpoint covers them", func(c *toy) {
		r := c.r(2)
		c.propose(c.r(1))
		c.replicate(c.r(1), r)
		c.tell(r, checker.Event{Kind: checker.EventRecycled, File: "journal-1"})
		c.sendAcks(r)
	}},
	{"one Persisted sums up several records", func(c *toy) {
		c.propose(c.r(1))
		c.propose(c.r(1))
		r := c.r(1)
		for i := range r.writes {
			c.durable[toyByte{r.id, r.writes[i].file, r.writes[i].off}] = true
		}
		r.synced = len(r.writes)
		c.tell(r, checker.Event{Kind: checker.EventPersisted, First: 6, Last: 7, Term: 1})
		c.sendAcks(r)
	}},
	{"records of entries do not tell the term", func(c *toy) {
		observe := c.tap
		c.tap = func(e checker.Event) {
			if e.First != 0 && (e.Kind == checker.EventWritten || e.Kind == checker.EventPersisted) {
				e.Term = 0
			}
			observe(e)
		}
		c.propose(c.r(1)) // entries 6 and 7 of term 1, on 1 only; replaced before they are durable
		c.propose(c.r(1))
		c.elect(c.r(2))
		c.propose(c.r(2))
		c.replicate(c.r(2), c.r(1))
		c.crash(c.r(1), true, 3)
		c.recover(c.r(1), true)
		c.spread(c.r(2))
	}},
	{"an entry that was replaced before it was written is never written", func(c *toy) {
		r := c.r(3)
		c.tell(r, checker.Event{Kind: checker.EventEntry, Index: 6, Term: 1, Sum: 700})
		c.turn()
		c.elect(c.r(2))
		c.replicate(c.r(2), r)
		c.sync(r)
		c.spread(c.r(2))
	}},
	{"a snapshot replaces a log that is far behind", func(c *toy) {
		r := c.r(3)
		c.turn()
		c.tell(r, checker.Event{Kind: checker.EventCheckpoint, Index: 40})
		c.tell(r, checker.Event{Kind: checker.EventEntry, Index: 41, Term: 1, Sum: 8})
	}},
	{"a follower's commit is traced before the entries it speaks of", func(c *toy) {
		c.propose(c.r(1))
		c.replicate(c.r(1), c.r(2))
		c.sync(c.r(1))
		c.sync(c.r(2))
		c.advance(c.r(1))
		c.replicate(c.r(1), c.r(3)) // commit index 6 and entry 6 in one turn
		c.sync(c.r(3))
		c.apply(c.r(3))
	}},
	{"a stale leader is elected after a newer one has committed", func(c *toy) {
		late := c.r(3)
		c.become(late, checker.Candidate, 2)
		late.vote = 3
		c.writeState(late)
		c.sync(late)
		c.become(c.r(1), checker.Follower, 2)
		late.up = false // cut off
		for !c.elect(c.r(2)) {
		}
		c.propose(c.r(2))
		c.replicate(c.r(2), c.r(1))
		c.sync(c.r(1))
		c.sync(c.r(2))
		c.advance(c.r(2))
		c.tell(late, role(checker.Leader, 2)) // the votes arrive now
	}},
	{"nobody knows which of two logs came back", func(c *toy) {
		observe := c.tap
		c.tap = func(e checker.Event) {
			if e.Kind != checker.EventLost {
				observe(e)
			}
		}
		c.propose(c.r(1)) // entries 6 and 7 of term 1, written on 1 only
		c.propose(c.r(1))
		c.elect(c.r(2)) // entries 6 and 7 of term 2
		c.propose(c.r(2))
		c.replicate(c.r(2), c.r(1))
		c.crash(c.r(1), true, 3) // the entries of term 2 are lost, those of term 1 are back
		c.crash(c.r(2), false, 0)
		c.recover(c.r(1), true)
		c.elect(c.r(1))
		c.spread(c.r(1))
	}},
}

func TestLegalEdges(t *testing.T) {
	for _, e := range legalEdges {
		t.Run(e.name, func(t *testing.T) {
			c := started(2)
			e.run(c)
			wantClean(t, c.m.Finish())
		})
	}
}

// TestHistoryBeginsLate: a recording of a running cluster knows nothing of what
// was before, and objects to nothing of it.
func TestHistoryBeginsLate(t *testing.T) {
	var events []checker.Event
	c := unbooted()
	c.m = checker.NewMonitor(toyConfig(2), nil)
	c.tap = func(e checker.Event) { events = append(events, e) }
	c.boot()
	c.elect(c.r(1))
	for range 6 {
		c.propose(c.r(1))
		c.spread(c.r(1))
		c.takeCheckpoint(c.r(3))
		c.crash(c.r(3), false, 0)
		c.recover(c.r(3), true)
	}
	for from := range events {
		m := checker.NewMonitor(toyConfig(2), nil)
		for _, e := range events[from:] {
			m.Observe(e)
		}
		for _, v := range m.Finish().Violations {
			t.Errorf("from event %d (%v of replica %d) on: %v", from, events[from].Kind, events[from].Replica, v)
		}
		if t.Failed() {
			return
		}
	}
}

// TestHistoryKeepsEvents: events and samples in a history are judged like those
// of a running monitor.
func TestHistoryKeepsEvents(t *testing.T) {
	h := clean().h
	h.Groups = toyConfig(2).Groups
	h.Events = []checker.Event{
		{Kind: checker.EventRole, Group: 1, Replica: 1, Node: 1, Role: checker.Leader, Term: 2},
		{Kind: checker.EventRole, Group: 1, Replica: 2, Node: 2, Role: checker.Leader, Term: 2},
	}
	h.Samples = []checker.Sample{{Group: 1, Reported: []uint64{1}, Truth: []checker.MemberTruth{{Node: 1, State: checker.OutOfSync}}}}
	r := check(t, h, checker.Options{})
	if violations(t, r, checker.ElectionSafety) != 1 || violations(t, r, checker.ISRAccuracy) != 1 {
		t.Errorf("judged: %v", r.Violations)
	}
	if a := r.ISR.AccuracyMilliPercent(); a == nil || *a != 0 {
		t.Errorf("accuracy %v", a)
	}
}
