package replica

import (
	"errors"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/machine"
)

func wait(t *testing.T, w *waiters, term, index uint64, deadline time.Duration) *[]Outcome {
	t.Helper()
	var got []Outcome
	w.add(&proposal{owner: &Replica{}, term: term, index: index, deadline: deadline, done: func(o Outcome) { got = append(got, o) }})
	return &got
}

func nothing(*proposal) {}

// B34: an entry of another term at a waiter's index is not its entry.
func TestAnotherTermsEntryIsNotAnAcknowledgement(t *testing.T) {
	var w waiters
	got := wait(t, &w, 2, 10, time.Hour)
	w.apply(3, 10, machine.Result{Offset: 77}, 0)
	w.acknowledge(10, nothing)
	if len(*got) != 1 || (*got)[0].Err == nil || !(*got)[0].Unknown {
		t.Fatalf("outcome %+v; want one unknown failure", *got)
	}
}

func TestAnUnappliedEntryIsNotAcknowledged(t *testing.T) {
	var w waiters
	got := wait(t, &w, 2, 10, time.Hour)
	w.acknowledge(10, nothing)
	if len(*got) != 0 {
		t.Fatalf("answered %+v before the entry was applied", *got)
	}
	w.apply(2, 10, machine.Result{Offset: 5}, 0)
	w.acknowledge(9, nothing)
	if len(*got) != 0 {
		t.Fatalf("answered %+v though durable up to 9 only", *got)
	}
	w.acknowledge(10, nothing)
	if len(*got) != 1 || (*got)[0].Err != nil || (*got)[0].Result.Offset != 5 {
		t.Fatalf("outcome %+v; want success at offset 5", *got)
	}
}

func TestLostLeadershipIsUnknownNeverFailure(t *testing.T) {
	var w waiters
	a, b := wait(t, &w, 2, 10, time.Hour), wait(t, &w, 2, 11, time.Hour)
	w.apply(2, 10, machine.Result{}, 0)
	w.failAll(ErrNotLeader)
	for _, got := range []*[]Outcome{a, b} {
		if len(*got) != 1 || !(*got)[0].Unknown || !errors.Is((*got)[0].Err, ErrNotLeader) {
			t.Fatalf("outcome %+v; want one unknown", *got)
		}
	}
}

// Every waiter is answered exactly once, whatever happens in which order.
func TestEveryWaiterIsAnsweredOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w waiters
		answers := map[uint64]int{}
		next, applied, now := uint64(1), uint64(0), time.Duration(0)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				index := next
				next++
				answers[index] = 0
				w.add(&proposal{
					owner: &Replica{}, term: 1, index: index,
					deadline: now + time.Duration(rapid.IntRange(0, 20).Draw(t, "patience")),
					done:     func(Outcome) { answers[index]++ },
				})
			},
			"apply": func(t *rapid.T) {
				if applied+1 < next {
					applied++
					w.apply(1, applied, machine.Result{Offset: int64(applied)}, 0)
				}
			},
			"acknowledge": func(t *rapid.T) {
				w.acknowledge(rapid.Uint64Range(0, next).Draw(t, "index"), func(p *proposal) {
					if p.index > applied {
						t.Fatalf("index %d acknowledged, applied up to %d", p.index, applied)
					}
				})
			},
			"time": func(t *rapid.T) {
				now += time.Duration(rapid.IntRange(1, 10).Draw(t, "passes"))
				w.expire(now)
			},
			"": func(t *rapid.T) {
				for index, n := range answers {
					if n > 1 {
						t.Fatalf("waiter %d was answered %d times", index, n)
					}
				}
			},
		})
		w.failAll(ErrNotLeader)
		for index, n := range answers {
			if n != 1 {
				t.Fatalf("waiter %d was answered %d times", index, n)
			}
		}
	})
}

func TestTheBorderRefusesWhatNoPeerMaySend(t *testing.T) {
	for _, kind := range []raftpb.MessageType{
		raftpb.MsgHup, raftpb.MsgBeat, raftpb.MsgProp, raftpb.MsgUnreachable, raftpb.MsgCheckQuorum,
		raftpb.MsgStorageAppend, raftpb.MsgStorageAppendResp, raftpb.MsgStorageApply, raftpb.MsgStorageApplyResp, raftpb.MsgReadIndex,
	} {
		if acceptable(kind) {
			t.Errorf("%v is taken from a peer", kind)
		}
	}
	for _, kind := range []raftpb.MessageType{raftpb.MsgApp, raftpb.MsgAppResp, raftpb.MsgVote, raftpb.MsgVoteResp, raftpb.MsgHeartbeat, raftpb.MsgHeartbeatResp, raftpb.MsgPreVote, raftpb.MsgPreVoteResp, raftpb.MsgTimeoutNow, raftpb.MsgSnap} {
		if !acceptable(kind) {
			t.Errorf("%v is refused", kind)
		}
	}
}
