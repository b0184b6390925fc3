package replica

import (
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/isr"
	"github.com/lockstep-log/lockstep/engine/membership"
)

// A leader that has committed nothing in its term changes no configuration: it
// may not know the newest one.
func TestNoChangeBeforeACommitInTheTerm(t *testing.T) {
	w := newWorld(t, 101)
	for range 30 {
		if w.r.role == env.Leader {
			break
		}
		w.tick()
		for _, m := range w.sent {
			if kind := m.Raft.GetType(); kind == raftpb.MsgPreVote || kind == raftpb.MsgVote {
				w.step(reply(m.Raft))
			}
		}
		w.run(5 * 1e6)
	}
	if w.r.role != env.Leader || w.r.Leading() {
		t.Fatalf("role %v, ready %v", w.r.role, w.r.Leading())
	}
	report := Lost{Group: 1, Node: 3, Replica: 103, Disk: 9, Incarnation: 1}
	if _, ok := w.r.Lost(report); ok || len(w.r.changes.reports) != 0 {
		t.Error("a report is taken by a leader that is not ready")
	}
	report.At = w.Monotonic()
	w.r.changes.note(report)
	last := w.r.lastIndex
	w.tick()
	w.tick()
	if w.r.lastIndex != last {
		t.Errorf("%d entries were proposed", w.r.lastIndex-last)
	}
	w.serve()
	w.tick()
	w.serve()
	if w.r.lastIndex == last || !w.r.members.Joint() && w.r.members.Index == 0 {
		t.Errorf("nothing was changed after the commit: %+v, last %d", w.r.members, w.r.lastIndex)
	}
}

// An in-sync set that was proposed before a removal and is applied after it does
// not bring anybody back.
func TestTheInSyncSetHoldsVotersOnly(t *testing.T) {
	s := membership.Genesis(members)
	cc, err := s.Replace(103, membership.Member{Node: 3, Disk: 9, Incarnation: 1})
	if err != nil {
		t.Fatal(err)
	}
	if s, err = s.Apply(7, cc); err != nil {
		t.Fatal(err)
	}
	got := keepVoters(isr.State{Version: 9, Members: []env.ReplicaID{101, 102, 103, 104}}, s)
	if got.Version != 9 || len(got.Members) != 2 || got.Members[0] != 101 || got.Members[1] != 102 {
		t.Fatalf("in sync: %+v", got)
	}
}

// A change that does not fit what is in force changes nothing, and raft is not
// told.
func TestAChangeThatDoesNotFitIsPassedOver(t *testing.T) {
	w := ledWorld(t)
	before, last := w.r.members, w.r.applied
	kind := raftpb.EntryConfChangeV2
	_, data, err := raftpb.MarshalConfChange(&raftpb.ConfChangeV2{Changes: []*raftpb.ConfChangeSingle{
		{Type: raftpb.ConfChangeAddNode.Enum(), NodeId: new(uint64(200))},
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.do(func() {
		rd, err := w.r.proposeEntries([]*raftpb.Entry{{Type: &kind, Data: data}})
		if err != nil {
			t.Fatal(err)
		}
		w.r.ready(rd)
	})
	w.serve()
	if w.r.applied != last+1 || w.r.members.Index != before.Index || w.fenced != nil {
		t.Fatalf("applied %d after %d, membership %+v, fenced %v", w.r.applied, last, w.r.members, w.fenced)
	}
}
