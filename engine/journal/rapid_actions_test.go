package journal_test

import (
	"slices"

	"go.etcd.io/raft/v3/raftpb"
	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// anyBarrier appends nothing and waits, maybe, for what was appended before.
func (m *machine) anyBarrier(t *rapid.T) {
	id := m.any(t)
	g := m.groups[id]
	mark := len(g.states) - 1
	m.j.Append(id, journal.HardState{}, nil, func() {
		if mark < g.acked {
			t.Fatalf("group %d: barrier %d done after %d", id, mark, g.acked)
		}
		g.acked = mark
	})
	if rapid.Bool().Draw(t, "waits") {
		m.run(func() bool { return g.acked >= mark })
	}
}

func (m *machine) anyRetain(t *rapid.T) {
	id := m.any(t)
	g := m.groups[id]
	m.retain(id, rapid.Uint64Range(0, g.now().last()+1).Draw(t, "from"))
}

// anyBeyond is a checkpoint that the log does not reach.
func (m *machine) anyBeyond(t *rapid.T) {
	id := m.speaking(t)
	if m.groups[id].now().hs.Term > 0 {
		m.beyond(id, rapid.Uint64Range(1, 20).Draw(t, "beyond"))
	}
}

// anyReplay reads a stretch of the log from wherever it is, durable or not.
func (m *machine) anyReplay(t *rapid.T) {
	id := m.speaking(t)
	g := m.groups[id]
	first, last := m.floor(g, g.now()), g.now().last()
	if first > last {
		return
	}
	from := rapid.Uint64Range(first, last).Draw(t, "from")
	to := rapid.Uint64Range(from, last).Draw(t, "to")
	next := from
	m.await(func(task *env.Task) {
		err := m.j.View(id).Replay(task, from, to, func(e *raftpb.Entry) error {
			if !same(e, g.now().log[next-1]) {
				t.Fatalf("group %d: entry %d of a replay is not the one appended", id, next)
			}
			next++
			return nil
		})
		if err != nil || next != to+1 {
			t.Fatalf("group %d: a replay of %d..%d ended at %d: %v", id, from, to, next, err)
		}
	})
}

// anyFailure makes an operation on the disk fail, now or in a recovery. If one
// does, the process ends and the next one goes on from what is there.
func (m *machine) anyFailure(t *rapid.T) {
	kinds := rapid.SampledFrom([][]string{{"sync", "syncdir"}, {"syncdir"}, {"write"}, {"open", "rename", "remove", "truncate"}}).Draw(t, "operations")
	err := rapid.SampledFrom([]error{env.ErrIO, env.ErrNoSpace}).Draw(t, "error")
	nth := rapid.IntRange(1, 12).Draw(t, "nth")
	l := loss(rapid.IntRange(-1, int(losses)-1).Draw(t, "loss"))
	recovering := rapid.Bool().Draw(t, "recovering")
	if recovering {
		m.crash(l)
	}
	failed := false
	m.fault = func(op, _ string) error {
		if !slices.Contains(kinds, op) {
			return nil
		}
		if nth--; nth != 0 {
			return nil
		}
		failed, m.dying = true, true
		return err
	}
	if !recovering || m.begin() {
		m.someTime(rapid.IntRange(1, 40).Draw(t, "life"))
	} else if !failed {
		t.Fatalf("a recovery ended early, and no operation failed")
	}
	m.fault = nil
	if failed {
		m.crash(loss(rapid.IntRange(-1, int(losses)-1).Draw(t, "loss after it")))
		m.recovered()
	}
}
