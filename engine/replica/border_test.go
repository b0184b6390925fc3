package replica

import (
	"errors"
	"slices"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/wire"
)

func TestStepRefusesWhatDoesNotBelongHere(t *testing.T) {
	for name, c := range map[string]struct {
		node     env.NodeID
		kind     raftpb.MessageType
		from, to env.ReplicaID
	}{
		"for another replica":      {2, raftpb.MsgHeartbeat, 102, 103},
		"for nobody":               {2, raftpb.MsgHeartbeat, 102, 0},
		"from itself":              {1, raftpb.MsgHeartbeat, 101, 101},
		"from nobody":              {2, raftpb.MsgHeartbeat, 0, 101},
		"from no node":             {0, raftpb.MsgHeartbeat, 77, 101},
		"a member on another node": {3, raftpb.MsgHeartbeat, 102, 101},
		"no member":                {2, raftpb.MsgVote, 77, 101},
		"a local message":          {2, raftpb.MsgHup, 102, 101},
		"a storage response":       {2, raftpb.MsgStorageAppendResp, 102, 101},
		"a forwarded proposal":     {2, raftpb.MsgProp, 102, 101},
		"a forwarded read":         {2, raftpb.MsgReadIndex, 102, 101},
		"a snapshot of nothing":    {2, raftpb.MsgSnap, 102, 101},
	} {
		w := newWorld(t, 101)
		w.do(func() {
			w.r.Step(c.node, 0, wire.Message{Group: 1, RetainFrom: 5, Raft: message(c.kind, c.from, c.to, 9)})
		})
		w.sent = slices.DeleteFunc(w.sent, func(m wire.Message) bool { return m.Own != nil && m.Own.To == c.from })
		if w.r.Term() != 0 || len(w.sent) != 0 || w.fenced != nil || w.r.role != env.Follower {
			t.Errorf("%s: term %d, role %v, %d messages sent, fenced %v", name, w.r.Term(), w.r.role, len(w.sent), w.fenced)
		}
	}
	w := newWorld(t, 101)
	w.step(message(raftpb.MsgHeartbeat, 102, 101, 9))
	if w.r.Term() != 9 {
		t.Error("a heartbeat as it should be is refused: the test says nothing")
	}
}

func TestAPanicOfRaftFencesTheReplica(t *testing.T) {
	w := newWorld(t, 101)
	w.follow(102)
	m := message(raftpb.MsgHeartbeat, 102, 101, 5)
	*m.Commit = 1000 // raft panics: its log ends before
	w.step(m)
	if w.fenced == nil || w.r.Fenced() == nil || !errors.Is(w.r.CheckLeader(), ErrFenced) {
		t.Fatalf("fenced %v", w.fenced)
	}
	w.do(func() {
		w.r.Tick()
		w.r.PeerDown(2)
		w.r.Step(2, 0, wire.Message{Group: 1, Raft: message(raftpb.MsgHeartbeat, 102, 101, 6)})
		w.r.Flush()
	})
	if w.r.Term() != 5 || w.r.Leader() != 0 {
		t.Fatalf("a fenced replica went on: term %d, leader on node %d", w.r.Term(), w.r.Leader())
	}
}

// Whoever is not told of a proposal's fate learns it, whatever ends the service.
func TestProposalsAreAnsweredOnceWhateverEndsTheService(t *testing.T) {
	for name, c := range map[string]struct {
		end     func(w *world)
		answers int
	}{
		"deposed": {func(w *world) { w.step(message(raftpb.MsgHeartbeat, 103, 101, w.r.Term()+1)) }, 1},
		"retired": {func(w *world) { w.do(w.r.Retire) }, 1},
		"fenced":  {func(w *world) { w.do(func() { w.r.Fence(ErrDamaged) }) }, 1},
		"killed":  {func(w *world) { w.do(w.r.Kill) }, 0},
	} {
		w := ledWorld(t)
		var got []Outcome
		propose := func() { w.r.Propose(AppendCommand(nil, []byte("x")), 1e9, func(o Outcome) { got = append(got, o) }) }
		w.do(propose)
		c.end(w)
		if len(got) != c.answers || len(got) > 0 && (got[0].Err == nil || !got[0].Unknown) {
			t.Errorf("%s: proposed before: %+v; want %d, unknown", name, got, c.answers)
		}
		got = nil
		w.do(propose)
		if len(got) != 1 || got[0].Err == nil || got[0].Unknown {
			t.Errorf("%s: proposed after: %+v; want one refusal", name, got)
		}
	}
}

// Proposed in the turn that ends the service: nothing was written.
func TestAProposalThatWasOnlyQueuedIsDefinitelyRefused(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"retired": func(w *world) { w.r.Retire() },
		"fenced":  func(w *world) { w.r.Fence(ErrDamaged) },
	} {
		w := ledWorld(t)
		var got []Outcome
		w.do(func() {
			w.r.Propose(AppendCommand(nil, []byte("x")), 1e9, func(o Outcome) { got = append(got, o) })
			end(w)
		})
		if len(got) != 1 || got[0].Err == nil || got[0].Unknown {
			t.Errorf("%s: %+v; want one definite refusal", name, got)
		}
	}
}

// TestAnAnswerThatAcknowledgesNothingIsDropped: raft would take it for what a
// probe is waiting for.
func TestAnAnswerThatAcknowledgesNothingIsDropped(t *testing.T) {
	w := newWorld(t, 101)
	for range 60 { // elected by a member that answers nothing else
		if w.r.Leading() || w.r.role == env.Leader {
			break
		}
		w.tick()
		w.run(5 * time.Millisecond)
		sent := w.sent
		w.sent = nil
		for _, m := range sent {
			if m.Raft == nil || m.Raft.GetTo() != 102 {
				continue
			}
			if kind := m.Raft.GetType(); kind == raftpb.MsgPreVote {
				w.step(message(raftpb.MsgPreVoteResp, 102, 101, m.Raft.GetTerm()))
			} else if kind == raftpb.MsgVote {
				w.step(message(raftpb.MsgVoteResp, 102, 101, m.Raft.GetTerm()))
			}
		}
	}
	if w.r.role != env.Leader || w.r.rn.Status().Progress[102].RecentActive {
		t.Fatalf("role %v, progress %v", w.r.role, w.r.rn.Status().Progress)
	}
	w.step(message(raftpb.MsgAppResp, 102, 101, w.r.Term()))
	if p := w.r.rn.Status().Progress[102]; p.RecentActive {
		t.Errorf("raft was told: %v", p)
	}
	w.step(message(raftpb.MsgHeartbeatResp, 102, 101, w.r.Term()))
	if p := w.r.rn.Status().Progress[102]; !p.RecentActive {
		t.Errorf("another answer is refused, too: %v", p)
	}
}
