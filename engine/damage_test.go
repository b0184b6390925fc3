package engine_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// damage does something bad to the files of a node that is down.
func (h *host) damage(t *testing.T, r *sim.Rand) string {
	t.Helper()
	files := func(prefix, suffix string) (out []string) {
		for _, name := range h.disk.Files() {
			if strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix) {
				out = append(out, name)
			}
		}
		return out
	}
	pick := func(names []string) string {
		if len(names) == 0 {
			return "none"
		}
		return names[r.Uint64()%uint64(len(names))]
	}
	switch what := r.Uint64() % 7; what {
	case 0:
		name := pick(files("journal/j-", ""))
		for range 20 {
			h.disk.Rot(name, int64(r.Uint64()%(200<<10)), uint(r.Uint64()%8))
		}
		return "rot in " + name
	case 1:
		name := pick(files("journal/j-", ""))
		h.disk.LoseEntry(name)
		return "lost " + name
	case 2:
		name := pick(files("groups/1/", ".log"))
		h.disk.LoseEntry(name)
		return "lost " + name
	case 3:
		for _, name := range files("groups/1/checkpoint-", "") {
			h.disk.Rot(name, int64(r.Uint64()%200), 1)
		}
		return "rot in the checkpoint"
	case 4:
		name := pick(files("groups/1/", ".log"))
		h.disk.Rot(name, int64(r.Uint64()%4000), 1)
		return "rot in " + name
	case 5:
		name := pick(files("groups/1/", ""))
		h.disk.FailReads(name, 0, 4096)
		return "unread " + name
	default:
		h.disk.Lose()
		h.disk.Replace()
		if err := h.formatAs(engine.FormatReplace); err != nil {
			t.Fatal(err)
		}
		return "lost disk"
	}
}

// One node after the other is damaged, and anyone may crash while it is brought
// back: nothing that was acknowledged is lost, and it always ends whole.
// LOCKSTEP_SEEDS tries more.
func TestNodesAreDamagedOneAfterTheOther(t *testing.T) {
	seeds := uint64(12)
	if n, err := strconv.ParseUint(os.Getenv("LOCKSTEP_SEEDS"), 10, 64); err == nil {
		seeds = n
	}
	for seed := range seeds {
		w := newWorld(t, 3, func(c *engine.Config) {
			smallFiles(c)
			c.Journal.FileBytes, c.Journal.MaxBatchBytes, c.Journal.RetainBytes = 256<<10, 128<<10, 256<<10
			c.ScrubBytes, c.ScrubEvery = 1<<20, 3*time.Second
		})
		r := w.k.Rand("damage", seed)
		w.formatAndStart()
		n := w.fill(t, 0, 30)
		var story []string
		for range 4 {
			h := w.nodes[r.Uint64()%3]
			h.crash()
			story = append(story, strconv.Itoa(int(h.id))+": "+h.damage(t, r))
			n = w.fill(t, n, int(r.Uint64()%300))
			h.start()
			w.sleep(time.Duration(r.Uint64() % uint64(3*time.Second)))
			if dies := w.nodes[r.Uint64()%3]; r.Uint64()%2 == 0 {
				dies.crash()
				w.sleep(time.Duration(r.Uint64() % uint64(time.Second)))
				dies.start()
				story = append(story, strconv.Itoa(int(dies.id))+" dies")
			}
			w.settle(t, seed, story)
			if full := w.nodes[r.Uint64()%3]; r.Uint64()%2 == 0 {
				full.disk.SetFull(true)
				n = w.fill(t, n, int(r.Uint64()%200))
				full.disk.SetFull(false)
				story = append(story, strconv.Itoa(int(full.id))+" was full")
			}
			w.settle(t, seed, story)
		}
		w.holds(t, n)
		for _, h := range w.nodes {
			w.needs(t, h, n)
		}
		for _, h := range w.nodes {
			ids := map[env.ReplicaID]bool{}
			for _, e := range h.events {
				if e.Kind == env.EventReplica && ids[e.Replica] {
					t.Fatalf("seed %d: id %d was adopted twice; %v", seed, e.Replica, story)
				}
				ids[e.Replica] = ids[e.Replica] || e.Kind == env.EventReplica
			}
		}
	}
}

// settle restarts whoever stopped itself, as a supervisor does, until all is
// whole.
func (w *world) settle(t *testing.T, seed uint64, story []string) {
	t.Helper()
	end := w.k.Now() + int64(5*time.Minute)
	for !w.isWhole() {
		for _, h := range w.nodes {
			if h.failed != nil {
				h.crash()
				h.start()
			}
		}
		if w.k.Now() > end {
			t.Fatalf("seed %d: not whole; %v\n%s", seed, story, w.states())
		}
		w.sleep(100 * time.Millisecond)
	}
}
