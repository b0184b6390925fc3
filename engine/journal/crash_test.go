package journal_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// smallConfig makes files roll after a few batches.
func smallConfig() journal.Config {
	return journal.Config{
		Dir: "journal", FileBytes: 16 << 10, MaxBatchBytes: 4 << 10, WindowBytes: 8 << 10,
		ReadBackBytes: 2 << 10, Spares: 1, ReserveSpares: 1,
		RetainBytes: 512 << 20, MaxBytes: 1 << 30,
	}
}

const crashGroups = 3

// story is a short life with everything in it: several groups a batch, big and
// small entries, votes, truncations, commits that ride, rolls and recycling.
func (m *model) story(rounds int) {
	for round := range rounds {
		for id := env.GroupID(1); id <= crashGroups; id++ {
			m.chapter(id, round)
		}
		target := m.groups[1]
		mark := len(target.states) - 1
		if round%3 != 2 { // now and then without waiting
			m.run(func() bool { return target.acked >= mark || m.crashed })
		}
		if m.crashed {
			return
		}
	}
	m.settle()
}

func (m *model) chapter(id env.GroupID, round int) {
	g := m.groups[id]
	now := g.now()
	term := max(1, now.hs.Term)
	first, n := now.last()+1, uint64(1+round%3)
	hs := journal.HardState{}
	switch (round + int(id)) % 5 {
	case 1: // a new term, voting for somebody
		term++
		hs = journal.HardState{Term: term, Vote: env.ReplicaID(100 + round%3), Commit: now.hs.Commit}
		m.append(id, hs, nil)
		hs = journal.HardState{}
	case 2: // a new leader replaces what is not committed
		term++
		first = now.hs.Commit + 1
		hs = journal.HardState{Term: term, Commit: now.hs.Commit}
	case 3:
		m.commit(id, now.last())
		m.apply(id)
		m.compact(id)
	}
	if now.hs.Term == 0 && hs.Term == 0 && g.now().hs.Term == 0 {
		hs = journal.HardState{Term: term}
	}
	size := 40
	if round%4 == 1 {
		size = 900
	}
	if round == 5 && id == 2 {
		size, n = 2500, 3 // more than a batch holds
	}
	m.append(id, hs, span(first, first+n-1, term, fmt.Sprintf("%d.%d.%s", id, round, strings.Repeat("x", size))))
}

func newStory(t *testing.T, seed uint64) *model {
	return newModel(newNode(t, seed, smallConfig(), crashGroups), crashGroups)
}

func TestStoryRollsAndRecycles(t *testing.T) {
	m := newStory(t, 1)
	m.recovered()
	m.story(24)
	s := m.j.Stats()
	if s.Rolls < 3 || s.Recycled < 2 || s.Spares < 1 {
		t.Fatalf("the story is too short to test anything: %+v", s)
	}
	for id, g := range m.groups {
		if g.acked != len(g.states)-1 && g.states[g.acked].last() != g.now().last() {
			t.Errorf("group %d: %d of %d states acknowledged", id, g.acked, len(g.states)-1)
		}
	}
	m.powerLoss(loseAll)
	m.recovered()
}

// TestCrashAnywhere crashes at every operation of the story, under every way to
// lose what is not durable, then once more at some operation of the recovery,
// and goes on after it.
func TestCrashAnywhere(t *testing.T) {
	const rounds = 20
	m := newStory(t, 1)
	m.recovered()
	from := m.steps
	m.story(rounds)
	total := m.steps - from
	stride := 1
	if testing.Short() {
		stride = 7
	}
	runs := 0
	for l := loss(-1); l < losses; l++ {
		for at := 0; at < total; at += stride {
			crashOnce(t, at, rounds, l)
			runs++
		}
	}
	t.Logf("%d operations, %d runs", total, runs)
}

func crashOnce(t *testing.T, at, rounds int, l loss) {
	m := newStory(t, uint64(at%5))
	m.recovered()
	m.crashAt = m.steps + at
	m.story(rounds)
	m.crash(l)
	// Three attempts that crash inside recovery, then one that does not.
	for range 3 {
		m.crashAt = m.steps + m.rng.IntN(60)
		if m.recovered() {
			break
		}
		m.crash(loss(m.rng.IntN(int(losses)+1) - 1))
	}
	m.kill()
	m.recovered()
	m.crashAt = -1
	m.story(3)
	m.crash(loss(m.rng.IntN(int(losses)+1) - 1))
	m.recovered()
}

// TestCrashInsideRecovery crashes one recovery at every operation.
func TestCrashInsideRecovery(t *testing.T) {
	for l := loss(-1); l < losses; l++ {
		for at := 0; ; at++ {
			m := newStory(t, 2)
			m.recovered()
			m.crashAt = m.steps + 40
			m.story(12)
			m.crash(keepSubset)
			m.crashAt = m.steps + at
			whole := m.recovered()
			m.crash(l)
			m.recovered()
			m.crash(loseAll)
			m.recovered()
			if whole {
				break
			}
		}
	}
}
