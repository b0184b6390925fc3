package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
)

// smallFiles makes segments and checkpoints frequent.
func smallFiles(c *engine.Config) {
	c.Log.SegmentBytes, c.CheckpointBytes = 4<<10, 8<<10
	c.RepairEvery, c.ScrubBytes, c.RetentionEvery = time.Second, 0, time.Second
}

// fill produces records of about a KiB from n on, and returns the next number.
func (w *world) fill(t *testing.T, n, count int) int {
	t.Helper()
	for i := range count {
		value := fmt.Sprintf("%06d %s", n+i, strings.Repeat("x", 1000))
		var got engine.ProduceResponse
		for range 50 {
			if got = w.leader().produce(t, batch(value)); got.Err == engine.None {
				break
			}
			w.sleep(100 * time.Millisecond)
		}
		if got.Err != engine.None {
			t.Fatalf("record %d: %v", n+i, got.Err)
		}
	}
	return n + count
}

// whole waits until every node serves its replica as a voter with nothing bad,
// in sync.
func (w *world) whole(t *testing.T) {
	t.Helper()
	w.until(w.isWhole, "whole cluster: "+w.states())
}

func (w *world) isWhole() bool {
	for _, h := range w.nodes {
		if !*h.alive || !h.node.Ready() {
			return false
		}
		s := h.node.Metadata(nil).Partitions[0]
		if s.State != engine.StateServing || s.Learner || s.Fenced != "" || len(s.Damaged) > 0 || len(s.ISR) != len(w.nodes) {
			return false
		}
	}
	return true
}

func (w *world) states() string {
	var b strings.Builder
	for _, h := range w.nodes {
		s := h.node.Metadata(nil).Partitions[0]
		fmt.Fprintf(&b, "node %d: %s learner %v, in sync %v, damaged %v, %s; ", h.id, s.State, s.Learner, s.ISR, s.Damaged, s.Fenced)
	}
	return b.String()
}

// holds checks that every node, as leader or not, has all records.
func (w *world) holds(t *testing.T, count int) {
	t.Helper()
	l := w.leader()
	next := int64(0)
	for next < int64(count) {
		r := l.fetch(t, engine.FetchRequest{Offset: next, Linearizable: true, MaxWait: time.Second})
		if r.Err != engine.None || len(r.Batches) == 0 {
			t.Fatalf("fetch from %d: %v, %d bytes", next, r.Err, len(r.Batches))
		}
		for _, v := range values(t, r.Batches) {
			if want := fmt.Sprintf("%06d ", next); !strings.HasPrefix(v, want) {
				t.Fatalf("at %d: %.10q", next, v)
			}
			next++
		}
	}
}

func (h *host) file(t *testing.T, prefix, suffix string) string {
	t.Helper()
	for _, name := range h.disk.Files() {
		if strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix) {
			return name
		}
	}
	t.Fatalf("no file %s*%s in %v", prefix, suffix, h.disk.Files())
	return ""
}

func follower(w *world) *host {
	l := w.leader()
	for _, h := range w.nodes {
		if h != l {
			return h
		}
	}
	return nil
}

// elsewhere stops one of the others for a while and checks that the records are
// there: h is needed then.
func (w *world) needs(t *testing.T, h *host, count int) {
	t.Helper()
	for _, o := range w.nodes {
		if o != h {
			o.crash()
			w.holdsWithout(t, o, count)
			o.start()
			w.whole(t)
			return
		}
	}
}

func (w *world) holdsWithout(t *testing.T, gone *host, count int) {
	t.Helper()
	w.until(func() bool {
		s := 0
		for _, h := range w.nodes {
			if h != gone && h.node.Metadata(nil).Partitions[0].Leader != gone.id && h.node.Metadata(nil).Partitions[0].Leader != 0 {
				s++
			}
		}
		return s == len(w.nodes)-1
	}, "other leader")
	w.holds(t, count)
}

func TestRotInTheJournalReplacesTheReplica(t *testing.T) {
	w := newWorld(t, 3, smallFiles)
	w.formatAndStart()
	n := w.fill(t, 0, 40)
	h := follower(w)
	h.crash()
	name := h.file(t, "journal/j-", "")
	for off := int64(64 << 10); off < 128<<10; off += 512 {
		h.disk.Rot(name, off, 3)
	}
	h.disk.Rot(name, 12<<10, 3)
	h.start()
	w.until(func() bool { return h.node.Ready() }, "recovery")
	w.whole(t)
	n = w.fill(t, n, 10)
	w.needs(t, h, n)
	if id := h.node.Metadata(nil).Partitions[0].Replica; id <= 103 || h.traced(env.EventReplica) == 0 {
		t.Fatalf("the replica is %d, %d times replaced", id, h.traced(env.EventReplica))
	}
	h.healed(t, "journal/", w)
}

// healed waits until what was found damaged was told, and told to be repaired.
func (h *host) healed(t *testing.T, where string, w *world) {
	t.Helper()
	bad := map[string]bool{}
	found, seen := 0, 0
	w.until(func() bool {
		for ; seen < len(h.events); seen++ {
			switch e := &h.events[seen]; e.Kind {
			case env.EventDamaged:
				if strings.HasPrefix(e.File, where) {
					found++
				}
				bad[e.File] = true
			case env.EventRepaired:
				delete(bad, e.File)
			default:
			}
		}
		return found > 0 && len(bad) == 0
	}, "report of the damage and of its repair")
}

func TestALostSegmentIsFetchedFromAPeer(t *testing.T) {
	w := newWorld(t, 3, smallFiles)
	w.formatAndStart()
	n := w.fill(t, 0, 40)
	h := follower(w)
	h.crash()
	h.disk.LoseEntry(h.file(t, "groups/1/", ".log"))
	h.start()
	w.until(func() bool { return h.node.Ready() }, "recovery")
	w.whole(t)
	w.needs(t, h, n)
	if h.traced(env.EventRepaired) == 0 || h.traced(env.EventReplica) != 0 {
		t.Fatalf("repaired %d, replaced %d times", h.traced(env.EventRepaired), h.traced(env.EventReplica))
	}
}

func TestScrubFindsRotAndAPeerHeals(t *testing.T) {
	w := newWorld(t, 3, func(c *engine.Config) {
		smallFiles(c)
		c.ScrubBytes, c.ScrubEvery = 1<<20, 2*time.Second
	})
	w.formatAndStart()
	n := w.fill(t, 0, 40)
	h := follower(w)
	h.disk.Rot(h.file(t, "groups/1/", ".log"), 700, 5)
	w.until(func() bool { return h.traced(env.EventRepaired) > 0 }, "repair")
	w.whole(t)
	w.needs(t, h, n)
}

func TestRotOnEveryReplicaIsNamed(t *testing.T) {
	w := newWorld(t, 3, func(c *engine.Config) {
		smallFiles(c)
		c.ScrubBytes, c.ScrubEvery, c.LogTailBytes = 1<<20, 2*time.Second, 1<<10
	})
	w.formatAndStart()
	w.fill(t, 0, 40)
	for _, h := range w.nodes {
		h.disk.Rot(h.file(t, "groups/1/", ".log"), 700, 5)
	}
	w.until(func() bool {
		for _, h := range w.nodes {
			d := h.node.Metadata(nil).Partitions[0].Damaged
			if len(d) != 1 || d[0].Base != 0 || !d[0].Everywhere {
				return false
			}
		}
		return true
	}, "word of the damage")
	l := w.leader()
	if r := l.fetch(t, engine.FetchRequest{Offset: 0}); r.Err != engine.KafkaStorageError || len(r.Batches) > 0 {
		t.Fatalf("a read of it answers %v with %d bytes", r.Err, len(r.Batches))
	}
	if r := l.fetch(t, engine.FetchRequest{Offset: 20}); r.Err != engine.None || len(r.Batches) == 0 {
		t.Fatalf("a read beside it answers %v", r.Err)
	}
	if r := l.produce(t, batch("more")); r.Err != engine.None {
		t.Fatalf("a produce answers %v", r.Err)
	}
}

func TestALostCheckpointBeginsAnewUnderAFreshID(t *testing.T) {
	w := newWorld(t, 3, smallFiles)
	w.formatAndStart()
	n := w.fill(t, 0, 40)
	h := follower(w)
	h.crash()
	for _, name := range h.disk.Files() {
		if strings.HasPrefix(name, "groups/1/checkpoint-") {
			h.disk.Rot(name, 70, 1)
		}
	}
	h.start()
	w.until(func() bool { return h.node.Ready() }, "recovery")
	w.whole(t)
	w.needs(t, h, n)
	if h.traced(env.EventReplica) != 1 {
		t.Fatalf("replaced %d times", h.traced(env.EventReplica))
	}
	h.healed(t, "groups/1/checkpoint", w)
}

func TestALostDiskComesBackUnderFreshIDs(t *testing.T) {
	w := newWorld(t, 3, smallFiles)
	w.formatAndStart()
	n := w.fill(t, 0, 40)
	h := follower(w)
	h.crash()
	h.disk.Lose()
	h.disk.Replace()
	if err := h.formatAs(engine.FormatReplace); err != nil {
		t.Fatal(err)
	}
	h.start()
	w.until(func() bool { return h.node.Ready() }, "recovery")
	w.whole(t)
	n = w.fill(t, n, 10)
	w.needs(t, h, n)
	if id := h.node.Metadata(nil).Partitions[0].Replica; id <= 103 {
		t.Fatalf("the replica is %d", id)
	}
}

func TestAFullDiskRefusesAndRecoversWithoutARestart(t *testing.T) {
	w := newWorld(t, 3, func(c *engine.Config) { smallFiles(c); c.Journal.FileBytes, c.Journal.MaxBatchBytes = 256<<10, 128<<10 })
	w.formatAndStart()
	n := w.fill(t, 0, 10)
	full := w.leader()
	full.disk.SetFull(true)
	for i := 0; full.traced(env.EventFull) == 0 && i < 2000; i++ {
		n = w.fill(t, n, 1)
	}
	if full.traced(env.EventFull) == 0 {
		t.Fatal("it is never full")
	}
	w.until(func() bool { return len(full.led()) == 0 }, "leader elsewhere")
	n = w.fill(t, n, 10)
	full.disk.SetFull(false)
	w.until(func() bool { return full.traced(env.EventSpace) > 0 }, "space")
	w.whole(t)
	w.needs(t, full, n)
	if full.failed != nil || full.ready != 1 {
		t.Fatalf("failed %v, began %d times", full.failed, full.ready)
	}
}

func TestRetentionAndDeletedRecords(t *testing.T) {
	w := newWorld(t, 3, func(c *engine.Config) { smallFiles(c); c.Topology.Partitions[0].RetentionBytes = 16 << 10 })
	w.formatAndStart()
	w.fill(t, 0, 60)
	l := w.leader()
	w.until(func() bool { return l.node.Metadata(nil).Partitions[0].LogStart > 20 }, "trim")
	start := l.node.Metadata(nil).Partitions[0].LogStart
	if r := l.fetch(t, engine.FetchRequest{Offset: 0}); r.Err != engine.OffsetOutOfRange || r.LogStart != start {
		t.Fatalf("below the start: %v, start %d, want %d", r.Err, r.LogStart, start)
	}
	del := func(offset int64) engine.DeleteRecordsResponse {
		return ask(t, l, func(done func(engine.DeleteRecordsResponse)) {
			l.node.DeleteRecords(engine.DeleteRecordsRequest{Topic: "t", Offset: offset, LeaderEpoch: -1}, done)
		})
	}
	if r := del(61); r.Err != engine.OffsetOutOfRange {
		t.Fatalf("beyond the end: %+v", r)
	}
	if r := del(55); r.Err != engine.None || r.LogStart != 55 {
		t.Fatalf("%+v", r)
	}
	if r := del(engine.AllRecords); r.Err != engine.None || r.LogStart != 60 {
		t.Fatalf("%+v", r)
	}
	w.until(func() bool {
		for _, h := range w.nodes {
			if h.node.Metadata(nil).Partitions[0].LogStart != 60 {
				return false
			}
		}
		return true
	}, "equal starts")
	w.fill(t, 60, 5)
}

func TestAFollowerBelowTheJournalIsCaughtUpBySnapshot(t *testing.T) {
	w := newWorld(t, 3, func(c *engine.Config) {
		smallFiles(c)
		c.Journal.FileBytes, c.Journal.MaxBatchBytes, c.Journal.RetainBytes = 256<<10, 128<<10, 256<<10
	})
	w.formatAndStart()
	n := w.fill(t, 0, 10)
	h := follower(w)
	h.crash()
	for range 12 {
		n = w.fill(t, n, 100)
	}
	h.start()
	w.until(func() bool { return h.node.Ready() }, "recovery")
	w.whole(t)
	w.needs(t, h, n)
	if h.traced(env.EventSnapshot) == 0 {
		t.Fatal("no snapshot was installed")
	}
}

// Whatever dies while a replica is replaced: no id is used by two lives, and it
// ends with a whole cluster.
func TestReplacementSurvivesCrashesOfEitherSide(t *testing.T) {
	for _, side := range []string{"grantee", "leader"} {
		for at := 10 * time.Millisecond; at < 3*time.Second; at += 150 * time.Millisecond {
			w := newWorld(t, 3, smallFiles)
			w.formatAndStart()
			n := w.fill(t, 0, 20)
			h := follower(w)
			h.crash()
			h.disk.Lose()
			h.disk.Replace()
			if err := h.formatAs(engine.FormatReplace); err != nil {
				t.Fatal(err)
			}
			h.start()
			w.sleep(at)
			dies := h
			if side == "leader" {
				dies = w.leader()
			}
			dies.crash()
			w.sleep(200 * time.Millisecond)
			dies.start()
			w.until(func() bool { return dies.node.Ready() }, "recovery")
			w.whole(t)
			w.needs(t, h, n)
			seen := map[env.ReplicaID]uint64{}
			incarnation := uint64(0)
			for _, e := range h.events {
				switch e.Kind {
				case env.EventBooted:
					incarnation = e.Index
				case env.EventReplica:
					if before, twice := seen[e.Replica]; twice && before != incarnation {
						t.Fatalf("%s at %v: id %d in incarnations %d and %d", side, at, e.Replica, before, incarnation)
					}
					seen[e.Replica] = incarnation
				default:
				}
			}
		}
	}
}

// A record that the disk does not give is as good as lost, for its group alone.
func TestAnUnreadableCheckpointCostsItsGroupAnID(t *testing.T) {
	w := newWorld(t, 3, smallFiles)
	w.formatAndStart()
	n := w.fill(t, 0, 40)
	h := follower(w)
	h.crash()
	for _, name := range h.disk.Files() {
		if strings.HasPrefix(name, "groups/1/checkpoint-") {
			h.disk.FailReads(name, 0, 512)
		}
	}
	h.start()
	w.until(func() bool { return h.node.Ready() }, "recovery")
	w.whole(t)
	w.needs(t, h, n)
	if h.traced(env.EventReplica) != 1 || h.failed != nil {
		t.Fatalf("replaced %d times, failed %v", h.traced(env.EventReplica), h.failed)
	}
}

// A segment that is lost here and deleted everywhere else is not waited for.
func TestALostSegmentThatTheOthersDeletedIsDoneWithout(t *testing.T) {
	w := newWorld(t, 3, smallFiles)
	w.formatAndStart()
	n := w.fill(t, 0, 40)
	h := follower(w)
	h.crash()
	h.disk.LoseEntry(h.file(t, "groups/1/", ".log"))
	l := w.leader()
	r := ask(t, l, func(done func(engine.DeleteRecordsResponse)) {
		l.node.DeleteRecords(engine.DeleteRecordsRequest{Topic: "t", Offset: 30, LeaderEpoch: -1}, done)
	})
	if r.Err != engine.None {
		t.Fatal(r.Err)
	}
	n = w.fill(t, n, 40)
	w.eachOther(h, func(o *host) {
		w.until(func() bool { return o.node.Metadata(nil).Partitions[0].LogStart == 30 }, "trim")
	})
	w.sleep(2 * time.Second)
	h.start()
	w.until(func() bool { return h.node.Ready() }, "recovery")
	w.whole(t)
	_ = w.fill(t, n, 5)
	if s := h.node.Metadata(nil).Partitions[0]; s.LogStart != 30 {
		t.Fatalf("it begins at %d", s.LogStart)
	}
}

// A read that the disk refuses is damage like any other.
func TestARefusedReadIsRepaired(t *testing.T) {
	w := newWorld(t, 3, func(c *engine.Config) {
		smallFiles(c)
		c.ScrubBytes, c.ScrubEvery = 1<<20, 2*time.Second
	})
	w.formatAndStart()
	n := w.fill(t, 0, 40)
	h := follower(w)
	h.disk.FailReads(h.file(t, "groups/1/", ".log"), 1024, 512)
	w.until(func() bool { return h.traced(env.EventRepaired) > 0 }, "repair")
	w.whole(t)
	w.needs(t, h, n)
	if h.failed != nil || h.traced(env.EventFenced) > 0 {
		t.Fatalf("failed %v, fenced %d times", h.failed, h.traced(env.EventFenced))
	}
}

// One group is lost on every node, the other goes on as if nothing were.
func TestOneDamagedPartitionNeverStopsTheOthers(t *testing.T) {
	w := newWorld(t, 3, func(c *engine.Config) { smallFiles(c); partitions(c, 2) })
	w.formatAndStart()
	w.fill(t, 0, 20)
	w.leaderOf(2)
	for _, h := range w.nodes {
		h.crash()
		for _, name := range h.disk.Files() {
			if strings.HasPrefix(name, "groups/1/checkpoint-") {
				h.disk.Rot(name, 70, 1)
			}
		}
	}
	for _, h := range w.nodes {
		h.start()
	}
	l := w.leaderOf(2)
	if r := l.produceTo(t, 1, batch("fine")); r.Err != engine.None {
		t.Fatalf("the whole partition answers %v", r.Err)
	}
	if r := l.produceTo(t, 0, batch("lost")); r.Err != engine.KafkaStorageError || r.Unknown {
		t.Fatalf("the lost one answers %v, unknown %v", r.Err, r.Unknown)
	}
	for _, h := range w.nodes {
		if s := h.node.Metadata(nil).Partitions[0]; s.State != engine.StateAsking || s.Fenced == "" {
			t.Fatalf("node %d: %s, %q", h.id, s.State, s.Fenced)
		}
	}
}

// Many logs share few files, and idle ones hold none.
func TestOpenFilesAreBounded(t *testing.T) {
	const count, limit = 12, 3
	w := newWorld(t, 1, func(c *engine.Config) {
		smallFiles(c)
		partitions(c, count)
		c.MaxOpenFiles, c.IdleClose, c.LogTailBytes = limit, 3*time.Second, 1<<10
	})
	w.formatAndStart()
	h := w.nodes[0]
	most := 0
	for round := range 3 {
		for i := range int32(count) {
			w.leaderOf(env.GroupID(i + 1))
			if r := h.produceTo(t, i, batch(strings.Repeat("x", 3000))); r.Err != engine.None || r.BaseOffset != int64(round) {
				t.Fatalf("partition %d: %v at %d", i, r.Err, r.BaseOffset)
			}
			most = max(most, h.node.Storage().OpenFiles)
		}
	}
	for i := range int32(count) {
		r := ask(t, h, func(done func(engine.FetchResponse)) {
			h.node.Fetch(engine.FetchRequest{Topic: "t", Partition: i, LeaderEpoch: -1}, done)
		})
		if r.Err != engine.None || len(values(t, r.Batches)) == 0 {
			t.Fatalf("fetch of partition %d: %v", i, r.Err)
		}
		most = max(most, h.node.Storage().OpenFiles)
	}
	if most == 0 || most > limit {
		t.Errorf("%d files were open at once, allowed are %d", most, limit)
	}
	w.until(func() bool { return h.node.Storage().OpenFiles == 0 }, "closed files")
}

// Two of five lose their disks at once: a quorum of undamaged replicas is left.
func TestTwoOfFiveLoseTheirDisks(t *testing.T) {
	w := newWorld(t, 5, smallFiles)
	w.formatAndStart()
	n := w.fill(t, 0, 40)
	l := w.leader()
	lost := 0
	w.eachOther(l, func(h *host) {
		if lost++; lost > 2 {
			return
		}
		h.crash()
		h.disk.Lose()
		h.disk.Replace()
		if err := h.formatAs(engine.FormatReplace); err != nil {
			t.Fatal(err)
		}
		h.start()
	})
	w.until(func() bool { return w.nodes[0].node.Ready() && w.nodes[1].node.Ready() && w.nodes[2].node.Ready() }, "recovery")
	w.whole(t)
	n = w.fill(t, n, 5)
	w.needs(t, w.nodes[0], n)
}

// Of two voters one is lost: nothing can be decided, nothing is invented, and the
// one that is left says whom it misses.
func TestOneOfTwoIsNotReplacedWithoutAQuorum(t *testing.T) {
	w := newWorld(t, 2, smallFiles)
	w.formatAndStart()
	w.fill(t, 0, 10)
	h := follower(w)
	h.crash()
	h.disk.Lose()
	h.disk.Replace()
	if err := h.formatAs(engine.FormatReplace); err != nil {
		t.Fatal(err)
	}
	h.start()
	w.sleep(20 * time.Second)
	if s := h.node.Metadata(nil).Partitions[0]; s.State != engine.StateAsking || s.Replica != 0 {
		t.Fatalf("%s as replica %d", s.State, s.Replica)
	}
	w.eachOther(h, func(o *host) {
		if r := o.produce(t, batch("x")); r.Err == engine.None {
			t.Fatal("it acknowledges without a majority")
		}
	})
}

// Rot in the running node's journal: the process knows what stood there.
func TestScrubFindsRotInTheJournal(t *testing.T) {
	w := newWorld(t, 3, func(c *engine.Config) {
		smallFiles(c)
		c.ScrubBytes, c.ScrubEvery = 1<<20, 2*time.Second
	})
	w.formatAndStart()
	n := w.fill(t, 0, 40)
	h := follower(w)
	h.disk.Rot(h.file(t, "journal/j-", ""), 20<<10, 1)
	w.until(func() bool {
		for _, e := range h.events {
			if e.Kind == env.EventRepaired && e.Text == "journal" {
				return true
			}
		}
		return false
	}, "repair of the journal")
	w.whole(t)
	w.needs(t, h, n)
	if h.traced(env.EventFenced) > 0 || h.traced(env.EventDamaged) != 1 {
		t.Fatalf("fenced %d times, damaged %d times", h.traced(env.EventFenced), h.traced(env.EventDamaged))
	}
}

// The whole journal is gone, the logs are not: every group comes back under a
// fresh id, from its own checkpoint.
func TestALostJournalReplacesEveryReplica(t *testing.T) {
	w := newWorld(t, 3, func(c *engine.Config) { smallFiles(c); partitions(c, 3) })
	w.formatAndStart()
	n := w.fill(t, 0, 40)
	h := follower(w)
	h.crash()
	for _, name := range h.disk.Files() {
		if strings.HasPrefix(name, "journal/") {
			h.disk.LoseEntry(name)
		}
	}
	h.start()
	w.until(func() bool { return h.node.Ready() || h.failed != nil }, "recovery")
	if h.failed != nil {
		t.Fatal(h.failed)
	}
	w.whole(t)
	w.needs(t, h, n)
	from := uint64(0)
	for _, e := range h.events {
		if e.Kind == env.EventReplica && e.Group == 1 {
			from = e.Index
		}
	}
	if got := h.traced(env.EventReplica); got != 3 || from == 0 {
		t.Fatalf("%d replicas of 3 came back, group 1 from index %d", got, from)
	}
}
