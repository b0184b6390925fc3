package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine"
)

// small files, so that little fills many.
func smallJournal(c *engine.Config) {
	c.MaxBatchBytes, c.Log.MaxBatchBytes = 16<<10, 16<<10
	c.Journal.FileBytes, c.Journal.MaxBatchBytes = 64<<10, 32<<10
	c.CheckpointBytes = 32 << 10
}

func TestAnIdlePartitionDoesNotPinTheJournal(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		w := newWorld(t, nodes, func(c *engine.Config) { smallJournal(c); partitions(c, 2) })
		w.formatAndStart()
		if r := w.leaderOf(2).produceTo(t, 1, batch("one record, and then none")); r.Err != engine.None {
			t.Fatal(r.Err)
		}
		l := w.leader()
		for range 300 { // 18 files
			if r := l.produce(t, batch(strings.Repeat("x", 4000))); r.Err != engine.None {
				t.Fatal(r.Err)
			}
		}
		w.sleep(time.Second)
		limit := w.config(1).CheckpointFiles + 2
		for _, h := range w.nodes {
			if n := h.journalFiles(); n > limit {
				t.Errorf("%d nodes: node %d keeps %d journal files, want %d at most", nodes, h.id, n, limit)
			}
		}
		w.restartAll()
		if r := w.leaderOf(2).produceTo(t, 1, batch("x")); r.Err != engine.None || r.BaseOffset != 1 {
			t.Errorf("%d nodes: the idle partition after a restart: %+v", nodes, r)
		}
	}
}

// Its last entry alone keeps nothing: the checkpoint has its effect, and its
// term is all that raft asks for.
func TestACheckpointedPartitionPinsNothing(t *testing.T) {
	w := newWorld(t, 1, func(c *engine.Config) {
		smallJournal(c)
		partitions(c, 2)
		c.CheckpointBytes = 1
		c.CheckpointFiles = 1000 // nobody helps
	})
	w.formatAndStart()
	w.leaderOf(2).produceTo(t, 1, batch("x"))
	w.sleep(time.Second)
	l := w.leader()
	for range 200 {
		l.produce(t, batch(strings.Repeat("x", 4000)))
	}
	w.sleep(time.Second)
	if n := l.journalFiles(); n > 3 {
		t.Fatalf("%d journal files", n)
	}
}

// Each boot begins a file; whoever applied little since must let go of them.
func TestBootsDoNotGrowTheJournal(t *testing.T) {
	w := newWorld(t, 1, func(c *engine.Config) { smallJournal(c); c.CheckpointBytes = 1 << 20 })
	w.formatAndStart()
	h := w.nodes[0]
	for range 15 {
		w.leader().produce(t, batch("x"))
		w.sleep(200 * time.Millisecond)
		h.crash()
		h.start()
	}
	w.leader()
	w.sleep(time.Second)
	if n, limit := h.journalFiles(), w.config(1).CheckpointFiles+2; n > limit {
		t.Fatalf("%d journal files after 15 boots with a record each, want %d at most", n, limit)
	}
}
