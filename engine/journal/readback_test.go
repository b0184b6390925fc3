package journal_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"go.etcd.io/raft/v3"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// TestReadBacksShareABudget: a node that comes back is behind in all of its groups at
// once. What is read back for it stays within a quarter of the window's budget, and
// each group gets on.
func TestReadBacksShareABudget(t *testing.T) {
	const groups, entries = 40, 60
	cfg := smallConfig()
	cfg.WindowBytes, cfg.ReadBackBytes = 64<<10, 2<<10
	n := newNode(t, 1, cfg, groups)
	n.open()
	for i := uint64(1); i <= entries; i++ {
		for g := env.GroupID(1); g <= groups; g++ {
			n.put(g, journal.HardState{Term: 1, Commit: i}, span(i, i, 1, strings.Repeat("x", 200)))
			n.j.View(g).SetApplied(i)
		}
	}
	most, served := int64(0), map[env.GroupID]uint64{}
	clock := n.env().Clock
	for round := 0; len(served) > 0 || round == 0; round++ {
		if round > 2000 {
			t.Fatalf("after %d rounds %d groups are not through: %v", round, len(served), served)
		}
		for g := env.GroupID(1); g <= groups; g++ {
			if round == 0 {
				served[g] = 0
			}
			at, behind := served[g]
			if !behind {
				continue
			}
			got, err := n.j.View(g).Entries(at+1, entries+1, math.MaxUint64)
			if err != nil && !errors.Is(err, raft.ErrCompacted) {
				t.Fatalf("group %d from %d: %v", g, at+1, err)
			}
			if served[g] += uint64(len(got)); served[g] == entries {
				delete(served, g)
			}
		}
		passed := false
		clock.AfterFunc(20*time.Millisecond, func() { passed = true })
		for !passed && n.step() {
			most = max(most, n.j.Stats().ColdBytes)
		}
	}
	if limit := cfg.WindowBytes/4 + 4<<10; most == 0 || most > limit {
		t.Errorf("%d bytes were read back at once, the limit is %d", most, limit)
	}
}
