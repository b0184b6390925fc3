package journal_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// lives is a story of replicas that are fenced and replaced, and of snapshots
// over logs of all kinds, while the files roll.
func (m *model) lives(rounds int) {
	for round := range rounds {
		for id := env.GroupID(1); id <= crashGroups; id++ {
			m.life(id, round)
		}
		target := m.groups[1]
		mark := len(target.states) - 1
		if round%3 != 2 {
			m.run(func() bool { return target.acked >= mark || m.crashed })
		}
		if m.crashed {
			return
		}
	}
	m.settle()
}

func (m *model) life(id env.GroupID, round int) {
	g := m.groups[id]
	now := g.now()
	if now.fenced {
		m.adopt(id, round%2 == 0)
		m.append(id, journal.HardState{Term: 7, Commit: g.now().hs.Commit}, nil)
	}
	switch (round + 2*int(id)) % 6 {
	case 0:
		m.commit(id, now.last())
		m.apply(id)
		m.compact(id)
	case 2: // over a part of the log
		m.restart(id, (g.now().hs.Commit+g.now().last())/2+1, round%2 == 0)
	case 3: // beyond its end
		m.restart(id, g.now().last()+3, false)
	case 5:
		m.fence(id)
		if round%4 == 1 { // what waits in the queue is of both
			m.adopt(id, false)
		}
		return
	}
	now = g.now()
	term := max(1, now.hs.Term)
	hs := journal.HardState{}
	if now.hs.Term == 0 {
		hs = journal.HardState{Term: term, Commit: now.hs.Commit}
	}
	size := 60 + 700*(round%3)
	m.append(id, hs, span(now.last()+1, now.last()+2, term, fmt.Sprintf("%d.%d.%s", id, round, strings.Repeat("l", size))))
}

// TestLivesCrashAnywhere crashes at every operation of such a story, under every
// way to lose what is not durable, then inside the recovery, and goes on.
func TestLivesCrashAnywhere(t *testing.T) {
	const rounds = 14
	m := newStory(t, 1)
	m.recovered()
	from := m.steps
	m.lives(rounds)
	total := m.steps - from
	if s := m.j.Stats(); s.Rolls < 2 {
		t.Fatalf("no rolls: %+v", s)
	}
	m.powerLoss(loseAll)
	m.recovered()
	stride := 1
	if testing.Short() {
		stride = 7
	}
	for l := loss(-1); l < losses; l++ {
		for at := 0; at < total; at += stride {
			m := newStory(t, uint64(at%5))
			m.recovered()
			m.crashAt = m.steps + at
			m.lives(rounds)
			m.crash(l)
			m.crashAt = m.steps + m.rng.IntN(60)
			if !m.recovered() {
				m.crash(loss(m.rng.IntN(int(losses)+1) - 1))
				m.recovered()
			}
			m.kill()
			m.recovered()
			m.lives(3)
			m.crash(l)
			m.recovered()
		}
	}
	t.Logf("%d operations", total)
}
