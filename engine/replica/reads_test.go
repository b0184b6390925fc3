package replica

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// read begins a read barrier; the answers appear in what it returns.
func (w *world) read(timeout time.Duration) *[]error {
	var got []error
	w.do(func() { w.r.ReadBarrier(timeout, func(err error) { got = append(got, err) }) })
	return &got
}

// rounds are the contexts of the heartbeats to one peer since the last call.
func (w *world) rounds() [][]byte {
	var out [][]byte
	for _, m := range w.take(raftpb.MsgHeartbeat) {
		if m.GetTo() == 102 && len(m.Context) > 0 {
			out = append(out, m.Context)
		}
	}
	return out
}

// confirm answers a round as replica 102 does.
func (w *world) confirm(context []byte) {
	m := message(raftpb.MsgHeartbeatResp, 102, 101, w.r.Term())
	m.Context = context
	w.step(m)
}

func ledWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, 101)
	w.lead()
	w.sent = nil
	return w
}

func TestAReadWaitsForARoundThatBeganAfterIt(t *testing.T) {
	w := ledWorld(t)
	first := w.read(time.Second)
	rounds := w.rounds()
	if len(rounds) != 1 || len(*first) != 0 {
		t.Fatalf("%d rounds, answers %v", len(rounds), *first)
	}
	second, third := w.read(time.Second), w.read(time.Second)
	if more := w.rounds(); len(more) != 0 {
		t.Fatalf("%d rounds more while one is in flight", len(more))
	}
	w.confirm(rounds[0])
	if len(*first) != 1 || (*first)[0] != nil || len(*second) != 0 || len(*third) != 0 {
		t.Fatalf("answers %v, %v, %v: the round began before the later reads", *first, *second, *third)
	}
	next := w.rounds()
	if len(next) != 1 || slices.Equal(next[0], rounds[0]) {
		t.Fatalf("rounds %x after %x", next, rounds)
	}
	w.confirm(rounds[0]) // once more: a duplicate
	if len(*second) != 0 {
		t.Fatalf("an older round's answer confirmed a read: %v", *second)
	}
	w.confirm(next[0])
	if len(*second) != 1 || (*second)[0] != nil || len(*third) != 1 || (*third)[0] != nil || len(*first) != 1 {
		t.Fatalf("answers %v, %v, %v", *first, *second, *third)
	}
}

func TestALostRoundIsGivenUpAndItsReadersJoinTheNext(t *testing.T) {
	w := ledWorld(t)
	got := w.read(time.Minute)
	lost := w.rounds()
	for range w.r.cfg.ElectionTicks + 1 {
		w.tick()
		// The peers are there, but the round's answers got lost.
		w.step(message(raftpb.MsgHeartbeatResp, 102, 101, w.r.Term()))
	}
	next := slices.DeleteFunc(w.rounds(), func(c []byte) bool { return slices.Equal(c, lost[0]) })
	if len(next) == 0 || len(*got) != 0 {
		t.Fatalf("%d rounds after the lost one, answers %v", len(next), *got)
	}
	w.confirm(next[len(next)-1])
	if len(*got) != 1 || (*got)[0] != nil {
		t.Fatalf("answers %v", *got)
	}
	w.confirm(lost[0]) // late
	if len(*got) != 1 {
		t.Fatalf("answers %v", *got)
	}
}

func TestAReadIsAnsweredOnceAtItsDeadline(t *testing.T) {
	w := ledWorld(t)
	short, long := w.read(120*time.Millisecond), w.read(time.Hour)
	round := w.rounds()
	w.tick()
	w.tick()
	if len(*short) != 0 {
		t.Fatalf("answered before its deadline: %v", *short)
	}
	w.tick()
	if len(*short) != 1 || !errors.Is((*short)[0], ErrTimeout) || len(*long) != 0 {
		t.Fatalf("at the deadline: %v, %v", *short, *long)
	}
	w.confirm(round[0])
	if len(*short) != 1 {
		t.Fatalf("answered again: %v", *short)
	}
}

func TestAReadWithoutDeadlineWaits(t *testing.T) {
	w := ledWorld(t)
	got := w.read(math.MaxInt64)
	round := w.rounds()
	w.tick()
	if len(*got) != 0 {
		t.Fatalf("answered %v at the next tick", *got)
	}
	w.confirm(round[0])
	if len(*got) != 1 || (*got)[0] != nil {
		t.Fatalf("answers %v", *got)
	}
}

func TestReadsAreAnsweredWhenLeadershipIsLost(t *testing.T) {
	w := ledWorld(t)
	inflight, waiting := w.read(time.Hour), w.read(time.Hour)
	w.step(message(raftpb.MsgHeartbeat, 103, 101, w.r.Term()+1))
	for _, got := range []*[]error{inflight, waiting, w.read(time.Hour)} {
		if len(*got) != 1 || !errors.Is((*got)[0], ErrNotLeader) {
			t.Fatalf("answers %v", *got)
		}
	}
}

func TestReadsThatWaitAreBounded(t *testing.T) {
	w := ledWorld(t)
	var all []*[]error
	for range w.r.cfg.MaxWaiters + 1 {
		all = append(all, w.read(time.Hour))
	}
	for i, got := range all {
		if refused := len(*got) == 1 && errors.Is((*got)[0], ErrOverloaded); refused != (i == w.r.cfg.MaxWaiters) {
			t.Errorf("read %d: %v", i, *got)
		}
	}
}

// raft may answer a context that it has seen with what it knew then
// (etcd-io/raft#397): none comes twice, in no term and no life of the process.
func TestContextsOfRoundsAreNeverUsedTwice(t *testing.T) {
	w := ledWorld(t)
	born := w.r.cfg.Journal.Incarnation() << 32
	last, rounds := born, 0
	for range 3 { // terms
		for range 5 {
			got := w.read(time.Hour)
			for _, c := range w.rounds() {
				if w.r.reads.sequence <= last {
					t.Fatalf("context %#x after %#x", w.r.reads.sequence, last)
				}
				last = w.r.reads.sequence
				rounds++
				w.confirm(c)
			}
			if len(*got) != 1 || (*got)[0] != nil {
				t.Fatalf("answers %v", *got)
			}
		}
		w.step(message(raftpb.MsgHeartbeat, 103, 101, w.r.Term()+1))
		w.run(time.Second)
		w.lead()
		w.sent = nil
	}
	if rounds != 15 || born == 0 || last >= born+1<<32 || New(w.r.cfg).reads.sequence != born {
		t.Fatalf("%d rounds, contexts %#x to %#x, in incarnation %d", rounds, born, last, w.r.cfg.Journal.Incarnation())
	}
}

func TestOnlyTheRoundInFlightIsConfirmed(t *testing.T) {
	for name, c := range map[string]struct {
		context   []byte
		confirmed bool
	}{
		"its own":  {binary.BigEndian.AppendUint64(nil, 7), true},
		"older":    {binary.BigEndian.AppendUint64(nil, 6), false},
		"none":     {nil, false},
		"too long": {append(binary.BigEndian.AppendUint64(nil, 7), 0), false},
	} {
		q := reads{sequence: 7, inflight: []*read{{owner: &Replica{}}}}
		q.confirmed(raft.ReadState{Index: 3, RequestCtx: c.context})
		if got := len(q.agreed) == 1 && len(q.inflight) == 0; got != c.confirmed {
			t.Errorf("%s: confirmed %v, want %v", name, got, c.confirmed)
		}
	}
}

func TestAReadOfAFollowerIsRefused(t *testing.T) {
	w := newWorld(t, 101)
	w.follow(102)
	if got := w.read(time.Hour); len(*got) != 1 || !errors.Is((*got)[0], ErrNotLeader) || w.r.Leader() != env.NodeID(2) {
		t.Fatalf("answers %v, leader on node %d", *got, w.r.Leader())
	}
}

// A reader whose answer ends the service leaves no other reader behind.
func TestAnAnswerThatEndsTheServiceLeavesNobodyBehind(t *testing.T) {
	w := ledWorld(t)
	var second []error
	r := w.r
	r.reads.agreed = []*read{
		{owner: r, index: 0, deadline: time.Hour, done: func(error) { r.Retire() }},
		{owner: r, index: r.applied + 1, deadline: time.Hour, done: func(err error) { second = append(second, err) }},
	}
	w.do(func() { r.reads.answer(r) })
	if len(second) != 1 {
		t.Fatalf("answers %v, left in agreed: %d", second, len(r.reads.agreed))
	}
}
