package journal_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

func TestOpenRefusals(t *testing.T) {
	cfg := testConfig()
	w := &node{world: newWorld(t, 1), cfg: cfg}
	if _, err := w.tryOpen(); !errors.Is(err, journal.ErrNotFormatted) {
		t.Errorf("no directory: %v", err)
	}
	w.disk.dirs["journal"] = true
	if _, err := w.tryOpen(); !errors.Is(err, journal.ErrNotFormatted) {
		t.Errorf("an empty directory: %v", err)
	}
	n := newNode(t, 1, cfg, 1)
	n.await(func(task *env.Task) {
		_, err := journal.Open(task, n.env(), cfg, journal.Identity{Cluster: 7, Node: 4}, nil, n.tasks, nil)
		if !errors.Is(err, journal.ErrForeign) || !strings.Contains(err.Error(), "cluster 7, node 3") || !strings.Contains(err.Error(), "cluster 7, node 4") {
			t.Errorf("another node: %v", err)
		}
		err = journal.Format(task, n.env(), cfg, testID, genesis(1))
		if !errors.Is(err, journal.ErrFormatted) {
			t.Errorf("format again: %v", err)
		}
		bad := cfg
		bad.Spares = 0
		if _, err := journal.Open(task, n.env(), bad, testID, nil, n.tasks, nil); !errors.Is(err, journal.ErrConfig) {
			t.Errorf("bad configuration: %v", err)
		}
		if err := journal.Format(task, n.env(), cfg, testID, append(genesis(1), genesis(1)...)); !errors.Is(err, journal.ErrConfig) {
			t.Errorf("a group twice: %v", err)
		}
	})
	n.open() // nothing of that hurt
}

// A file of another version is not damaged: nothing in it is judged but magic
// and version. A rotten version alone is what the second copy is for.
func TestFileOfAnotherVersion(t *testing.T) {
	n := filled(t)
	file := n.inode("journal/" + n.current())
	version := func(at, v int) { file.cache[at+4], file.durable[at+4] = byte(v), byte(v) }
	version(0, 7)
	version(512, 7)
	file.rot(40) // a header of that version, for all we know
	_, err := n.tryOpen()
	if !errors.Is(err, journal.ErrVersion) || errors.Is(err, journal.ErrDamaged) {
		t.Fatalf("open: %v", err)
	}
	for _, want := range []string{"journal/" + n.current(), "written by another version", "format 7", "reads 3"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	n.kill()
	file.rot(40)
	version(512, 3)
	n.open()
	n.wantFenced()
}

func TestConfigValidate(t *testing.T) {
	good := journal.DefaultConfig()
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*journal.Config){
		"Dir":           func(c *journal.Config) { c.Dir = "" },
		"FileBytes":     func(c *journal.Config) { c.FileBytes = 1000 },
		"MaxBatchBytes": func(c *journal.Config) { c.MaxBatchBytes = int(c.FileBytes) },
		"WindowBytes":   func(c *journal.Config) { c.WindowBytes = 0 },
		"ReadBackBytes": func(c *journal.Config) { c.ReadBackBytes = 0 },
		"Spares":        func(c *journal.Config) { c.Spares = 0 },
		"ReserveSpares": func(c *journal.Config) { c.ReserveSpares = 3 },
		"MaxBytes":      func(c *journal.Config) { c.MaxBytes = 8*c.FileBytes - 1 },
		"RetainBytes":   func(c *journal.Config) { c.RetainBytes = c.MaxBytes - c.FileBytes },
		"SealAfter":     func(c *journal.Config) { c.SealAfter = -1 },
	} {
		c := journal.DefaultConfig()
		change(&c)
		if err := c.Validate(); !errors.Is(err, journal.ErrConfig) || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// TestFormatCrash crashes a format anywhere: it can be done again, or it is done.
func TestFormatCrash(t *testing.T) {
	for at := 0; ; at++ {
		w := &node{world: newWorld(t, 1), cfg: testConfig()}
		w.crashAt = at
		format := func() (err error, ok bool) {
			ok = w.await(func(task *env.Task) { err = journal.Format(task, w.env(), w.cfg, testID, genesis(2)) })
			return err, ok
		}
		if _, ok := format(); ok {
			break
		}
		w.powerLoss(loss(at % int(losses)))
		if err, _ := format(); err != nil && !errors.Is(err, journal.ErrFormatted) {
			t.Fatalf("crash at %d: format again: %v", at, err)
		}
		w.open()
	}
}

// B17: what a process read from the page cache after a crash is durable before
// anybody relies on it.
func TestRecoveredTailIsResynced(t *testing.T) {
	n := newNode(t, 1, testConfig(), 2)
	n.open()
	n.put(1, journal.HardState{Term: 1}, span(1, 5, 1, "a"))
	n.settle()
	n.j.Append(1, journal.HardState{Term: 2, Vote: 6}, span(6, 9, 2, "b"), func() { t.Error("acknowledged") })
	n.fault = func(op, name string) error {
		if op == "sync" && strings.Contains(name, "/j-") {
			n.crashed = true // written, not synced
		}
		return nil
	}
	n.settle()
	n.kill()
	n.open()
	if r := n.j.Groups()[0]; r.Last != 9 || r.HardState.Vote != 6 {
		t.Fatalf("what was written should read back: %+v", r)
	}
	resynced := slices.IndexFunc(n.events, func(e env.Event) bool { return e.Kind == env.EventResynced && e.Length > 0 })
	if resynced < 0 {
		t.Error("no event tells of it")
	}
	// The oracles know where it stands now.
	w := n.written(1)
	if last := w[len(w)-1]; last.First != 6 || last.Last != 9 || last.File != "journal/j-0000000000000003" {
		t.Errorf("written: %+v", last)
	}
	n.powerLoss(loseAll)
	n.open()
	n.expect(1, append(span(1, 5, 1, "a"), span(6, 9, 2, "b")...))
	if hs := n.j.Groups()[0].HardState; hs.Term != 2 || hs.Vote != 6 {
		t.Errorf("hard state %+v", hs)
	}
}

// B18: a vote outlives the file it was written to.
func TestVoteOutlivesItsFile(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 2)
	n.open()
	n.put(2, journal.HardState{Term: 6, Vote: 3}, nil)
	for i := uint64(1); n.j.Stats().Recycled < 4; i++ {
		n.put(1, journal.HardState{Term: 1, Commit: i}, span(i, i, 1, strings.Repeat("w", 1200)))
		n.j.View(1).SetApplied(i)
		n.j.Checkpointed(1, i, i, 1)
		n.j.Retain(1, i+1)
		n.settle()
	}
	n.powerLoss(loseAll)
	n.open()
	if hs := n.j.Groups()[1].HardState; hs.Term != 6 || hs.Vote != 3 {
		t.Errorf("hard state %+v", hs)
	}
	told := 0
	for _, e := range n.events {
		if e.Kind == env.EventRecycled {
			told++
		}
	}
	if told < 4 {
		t.Errorf("%d events of recycling", told)
	}
}

// Entries that a slow follower or the machine needs keep their file.
func TestRetainKeepsFiles(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 2)
	n.open()
	fill := func(from, to uint64) {
		for i := from; i <= to; i++ {
			n.put(1, journal.HardState{Term: 1, Commit: i}, span(i, i, 1, strings.Repeat("w", 1200)))
			n.j.View(1).SetApplied(i)
		}
		n.settle()
	}
	fill(1, 60)
	if s := n.j.Stats(); s.Recycled != 1 || s.Files < 5 { // the first file has only a head
		t.Fatalf("no checkpoint: %+v", s)
	}
	n.j.Checkpointed(1, 1, 60, 1)
	fill(61, 80)
	if s := n.j.Stats(); s.Recycled != 1 {
		t.Fatalf("nothing is released: %+v", s)
	}
	n.j.Retain(1, 30)
	fill(81, 100)
	first, _ := n.j.View(1).FirstIndex()
	if s := n.j.Stats(); s.Recycled < 3 || first > 30 || first < 15 {
		t.Fatalf("first entry %d: %+v", first, s)
	}
	if _, err := n.j.View(1).Term(first - 1); err != nil {
		t.Errorf("the term before the first entry: %v", err)
	}
	n.powerLoss(loseAll)
	n.open()
	if again, _ := n.j.View(1).FirstIndex(); again != first {
		t.Errorf("first entry %d, before the crash %d", again, first)
	}
	got := n.fetch(1, first, 101)
	if uint64(len(got)) != 101-first {
		t.Errorf("%d entries", len(got))
	}
}

// Stale bytes of a recycled file are never taken for the file's own. All batches
// are of one size, so those of an earlier use stand exactly where the next ones
// will; the process crashes at every operation of more than one file.
func TestStaleBatchesAreNotReplayed(t *testing.T) {
	life := func(crashAfter int) (n *node, last, acked uint64) {
		n = newNode(t, 5, smallConfig(), 1)
		n.open()
		for last < 100 {
			if last == 60 && crashAfter >= 0 {
				n.crashAt = n.steps + crashAfter
			}
			last++
			n.j.Append(1, journal.HardState{Term: 1, Commit: acked}, span(last, last, 1, strings.Repeat("s", 1000)), func() { acked = last })
			n.settle()
			if n.crashed {
				return n, last, acked
			}
			n.j.View(1).SetApplied(acked)
			n.j.Checkpointed(1, acked, acked, 1)
			n.j.Retain(1, acked+1)
		}
		return n, last, acked
	}
	n, _, _ := life(-1)
	own, stale := n.inode("journal/"+n.current()), 0
	batches := n.batches("journal/" + n.current())
	for i, b := range batches {
		if string(own.cache[24:32]) != string(own.cache[b[0]+24:b[0]+32]) && i > 0 && b[0] == batches[i-1][1] {
			stale++
		}
	}
	if stale == 0 || n.j.Stats().Recycled < 8 {
		t.Fatalf("no batch of an earlier use follows the last one: the test tests nothing: %+v", n.j.Stats())
	}
	for at := range 60 {
		n, last, acked := life(at)
		n.powerLoss(loss(at % int(losses)))
		n.open()
		if r := n.j.Groups()[0]; r.Last < acked || r.Last > last || r.Fenced != nil {
			t.Fatalf("crash at %d: %d of %d acknowledged, recovered %+v", at, acked, last, r)
		}
	}
}

// current is the name of the newest journal file.
func (n *node) current() string {
	newest := ""
	for name := range n.disk.names {
		if rest, ok := strings.CutPrefix(name, "journal/j-"); ok {
			newest = max(newest, "j-"+rest)
		}
	}
	return newest
}

// A rename that only the page cache knows is not built upon: two processes
// crash between rename and directory sync, then the power goes, and of all
// directory changes only the latest survives.
func TestRenamesAreDurableInOrder(t *testing.T) {
	cfg := testConfig()
	cfg.Spares = 2
	n := newNode(t, 1, cfg, 1)
	n.open()
	n.put(1, journal.HardState{Term: 4, Vote: 2}, span(1, 3, 4, "a"))
	n.settle()
	n.kill()
	for range 2 {
		renamed := false
		n.fault = func(op, _ string) error {
			if op == "syncdir" && renamed {
				n.crashed = true
			}
			renamed = renamed || op == "rename"
			return nil
		}
		if ok, _ := n.tryOpen(); ok {
			t.Fatal("no crash between rename and directory sync")
		}
		if l := len(n.disk.pending); l != 1 {
			t.Errorf("%d directory changes wait for a sync", l)
		}
		n.kill()
	}
	n.powerLoss(keepLatest)
	n.open()
	n.expect(1, span(1, 3, 4, "a"))
}

// What a crash left of a spare is no spare.
func TestHalfSparesAreRemoved(t *testing.T) {
	n := newNode(t, 1, testConfig(), 1)
	n.open()
	n.settle()
	n.kill()
	for name, f := range n.disk.names {
		if strings.Contains(name, "spare") {
			f.cache, f.durable = f.cache[:4096], f.durable[:4096]
		}
	}
	n.open()
	n.put(1, journal.HardState{Term: 1}, span(1, 3, 1, "a"))
	n.settle()
	for name, f := range n.disk.names {
		if strings.Contains(name, "/j-") && name != "journal/j-0000000000000001" && int64(len(f.cache)) != n.cfg.FileBytes {
			t.Errorf("%s has %d bytes", name, len(f.cache))
		}
	}
}

// A node that starts again and again leaves no trail of files, and keeps all it
// has.
func TestRestartsDoNotPileUpFiles(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 2)
	n.open()
	var want []*raftpb.Entry
	for i := uint64(1); i <= 12; i++ {
		e := span(i, i, 1, strings.Repeat("p", 1000))
		want = append(want, e...)
		n.put(1, journal.HardState{Term: 1}, e)
	}
	for i := uint64(1); i <= 20; i++ {
		n.put(2, journal.HardState{Term: i, Vote: 1}, span(i, i, i, "q"))
		n.crash(loss(i%uint64(losses)) - 1)
		n.open()
		n.expect(1, want)
	}
	if s := n.j.Stats(); s.Files > 4 {
		t.Errorf("%d files after 20 starts", s.Files)
	}
	if r := n.j.Groups()[1]; r.Last != 20 || r.HardState.Term != 20 {
		t.Errorf("recovered %+v", r)
	}
}

// A vote within a term is a change of its own.
func TestVoteInTheSameTerm(t *testing.T) {
	n := newNode(t, 1, testConfig(), 1)
	n.open()
	n.put(1, journal.HardState{Term: 4}, nil)
	n.put(1, journal.HardState{Term: 4, Vote: 2}, nil)
	n.powerLoss(loseAll)
	n.open()
	if hs := n.j.Groups()[0].HardState; hs.Vote != 2 {
		t.Errorf("hard state %+v", hs)
	}
}

// A file that is being read is not given back, and is afterwards.
func TestFileStaysWhileItIsRead(t *testing.T) {
	cfg := smallConfig()
	cfg.WindowBytes = 1
	n := newNode(t, 1, cfg, 1)
	n.open()
	n.j.OnDamage(func(g env.GroupID, err error) { t.Errorf("group %d: %v", g, err) })
	last := uint64(0)
	fill := func(to uint64) {
		for last < to {
			last++
			n.put(1, journal.HardState{Term: 1, Commit: last}, span(last, last, 1, strings.Repeat("k", 1000)))
			n.j.View(1).SetApplied(last)
		}
	}
	fill(30)
	file := n.written(1)[0].File
	n.hold = func(op, name string) bool { return op == "read" && name == file }
	if _, err := n.j.View(1).Entries(1, 2, 1); err == nil {
		t.Fatal("entry 1 is in memory")
	}
	n.j.Checkpointed(1, 1, last, 1)
	n.j.Retain(1, last+1)
	fill(60)
	if n.inode(file) == nil {
		t.Fatalf("%s is gone while it is read", file)
	}
	n.hold = nil
	n.settle()
	if n.inode(file) != nil {
		t.Errorf("%s is kept for nobody", file)
	}
	if first, _ := n.j.View(1).FirstIndex(); first < 15 {
		t.Errorf("first entry %d", first)
	}
}
