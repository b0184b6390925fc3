package ship_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/netmodel"
)

func TestStage(t *testing.T) {
	w := newWorld(t, 1, 3, small)
	files := randomFiles(1, 5000, 0, 300, 2999, 1)
	w.replicate(files)
	o := w.mustStage(w.offer(10), files)
	if o.staged.Bytes != 8300 || o.staged.Resumed != 0 || string(o.staged.Manifest.Body) != "body" || string(o.staged.Manifest.Checkpoint.Meta) != "meta" {
		t.Errorf("got %+v", o.staged)
	}
	last := w.host(1).events[len(w.host(1).events)-1]
	if last.Kind != env.EventSnapshotStaged || last.Index != 10 || last.Length != 8300 || last.Replica != 101 || last.Group != group {
		t.Errorf("traced %+v", last)
	}
	if w.host(2).reads == 0 || w.host(3).reads != 0 {
		t.Errorf("%d reads at the sender, %d at another node", w.host(2).reads, w.host(3).reads)
	}
}

// links are bad networks.
var links = map[string]netmodel.Link{
	"good":       netmodel.DefaultLink(),
	"lossy":      {Base: time.Millisecond, Jitter: 5 * time.Millisecond, LossPPM: 100_000},
	"repeating":  {Base: time.Millisecond, Jitter: 5 * time.Millisecond, DuplicatePPM: 300_000},
	"reordering": {Base: time.Millisecond, ReorderPPM: 300_000, ReorderBy: 300 * time.Millisecond},
	"corrupting": {Base: time.Millisecond, CorruptPPM: 100_000},
	"slow":       {Base: 20 * time.Millisecond, BytesPerSecond: 20_000, QueueBytes: 2000},
	"awful": {
		Base: 5 * time.Millisecond, Jitter: 20 * time.Millisecond, LossPPM: 80_000, DuplicatePPM: 80_000, ReorderPPM: 80_000,
		ReorderBy: 300 * time.Millisecond, CorruptPPM: 50_000, TailPPM: 50_000, Tail: 10 * time.Millisecond,
	},
}

func TestBadLinks(t *testing.T) {
	for name, link := range links {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				w := newWorld(t, seed, 3, small)
				w.net.SetDefault(link)
				files := randomFiles(seed, 4000, 10, 3333)
				w.replicate(files)
				w.mustStage(w.offer(10), files)
			}
		})
	}
}

// TestDeterminism: a run is a function of its seed.
func TestDeterminism(t *testing.T) {
	run := func() uint64 {
		w := newWorld(t, 16, 3, small)
		w.net.SetDefault(links["awful"])
		files := randomFiles(16, 4000, 10, 3333)
		w.replicate(files)
		a, b := w.stage(w.offer(10), nil), w.fetch(info("0000.log", files["0000.log"]))
		w.until(func() bool { return a.done > 0 && b.done > 0 })
		return w.k.Hash()
	}
	if a, b := run(), run(); a != b {
		t.Errorf("%x, then %x", a, b)
	}
}

// TestSenderCrashes: the sender dies in the middle and comes back, or does not.
func TestSenderCrashes(t *testing.T) {
	for _, back := range []bool{true, false} {
		for after := 5 * time.Millisecond; after < 100*time.Millisecond; after += 5 * time.Millisecond {
			w := newWorld(t, uint64(after), 3, small)
			files := randomFiles(2, 9000, 4000)
			w.replicate(files)
			o := w.stage(w.offer(10), nil)
			w.pass(after)
			w.host(2).crash(true, diskmodel.LossAny)
			if back {
				w.pass(50 * time.Millisecond)
				w.host(2).boot()
			}
			w.until(func() bool { return o.done > 0 })
			if o.err != nil {
				// Without the manifest nobody else can help.
				if !errors.Is(o.err, ship.ErrSources) || len(w.leftovers()) > 0 {
					t.Fatalf("after %v, back %v: %v, %v", after, back, o.err, w.leftovers())
				}
				continue
			}
			w.check(o, files)
		}
	}
}

// TestSourceSwitches: a sender that dies for good is replaced by another member.
func TestSourceSwitches(t *testing.T) {
	w := newWorld(t, 3, 4, small)
	files := randomFiles(3, 9000, 4000)
	w.replicate(files)
	w.host(3).files = nil // holds no replica
	o := w.stage(w.offer(10), nil)
	w.until(func() bool { return w.host(1).p.ship.Progress(group) > 2000 })
	w.host(2).crash(true, diskmodel.LoseAll)
	w.until(func() bool { return o.done > 0 })
	w.check(o, files)
	if s := w.host(1).p.ship.Stats(); s.Switched < 2 || w.host(4).reads == 0 {
		t.Errorf("%+v, %d reads at node 4", s, w.host(4).reads)
	}
}

// TestThrottle: neither side exceeds its bytes a second, and both reach them.
func TestThrottle(t *testing.T) {
	for name, cfg := range map[string]ship.Config{
		"asking":  {ChunkBytes: 1000, Window: 8, ReceiveBytes: 50_000},
		"serving": {ChunkBytes: 1000, Window: 8, SendBytes: 50_000},
	} {
		w := newWorld(t, 4, 2, cfg)
		files := randomFiles(4, 60_000, 40_000)
		w.replicate(files)
		begin := w.k.Now()
		o := w.stage(w.offer(10), nil)
		for o.done == 0 {
			w.pass(10 * time.Millisecond)
			passed := time.Duration(w.k.Now() - begin)
			if got, most := w.host(1).p.ship.Stats().ReceivedBytes, int64(passed*50_000/time.Second)+2*1000; got > most {
				t.Fatalf("%s: %d bytes after %v", name, got, passed)
			}
		}
		w.check(o, files)
		if took := time.Duration(w.k.Now() - begin); took > 2300*time.Millisecond {
			t.Errorf("%s: 100,000 bytes at 50,000 a second took %v", name, took)
		}
	}
}

// TestSlowLink: a link on which a piece takes longer than the timeout delays,
// whoever is asked, and is not filled with repeats.
func TestSlowLink(t *testing.T) {
	for nodes := 2; nodes <= 4; nodes++ {
		w := newWorld(t, 14, nodes, ship.Config{ChunkBytes: 8000, ChunkTimeout: 200 * time.Millisecond})
		w.net.SetDefault(netmodel.Link{Base: time.Millisecond, BytesPerSecond: 20_000})
		files := randomFiles(14, 100_000, 60_000)
		w.replicate(files)
		begin := w.k.Now()
		w.mustStage(w.offer(10), files)
		sent := int64(0)
		for _, h := range w.hosts {
			sent += h.p.ship.Stats().SentBytes
		}
		if took := time.Duration(w.k.Now() - begin); took > 16*time.Second || sent > 300_000 {
			t.Errorf("%d nodes: 160,000 bytes at 20,000 a second took %v, sent were %d", nodes, took, sent)
		}
	}
}

// TestSlowServer: what waits for the budget of who serves is late, is asked for
// again, and is sent once.
func TestSlowServer(t *testing.T) {
	for rate := int64(1000); rate <= 6000; rate += 1000 {
		w := newWorld(t, 19, 2, ship.Config{ChunkBytes: 1000, Window: 8, ChunkTimeout: 2 * time.Second, SendBytes: rate})
		files := randomFiles(19, 60_000)
		w.replicate(files)
		o := w.fetch(info("0000.log", files["0000.log"]))
		w.until(func() bool { return o.done > 0 })
		if sent := w.host(2).p.ship.Stats().SentBytes; o.err != nil || sent > 64_000 { // a few are asked again while their answer is on its way
			t.Errorf("%d bytes a second: sent %d for 60,000: %v", rate, sent, o.err)
		}
	}
}

// TestLossCostsLittle: what later answers overtook does not wait for a timeout.
func TestLossCostsLittle(t *testing.T) {
	w := newWorld(t, 17, 2, ship.Config{ChunkBytes: 1000, Window: 8, ChunkTimeout: 2 * time.Second})
	w.net.SetDefault(netmodel.Link{Base: time.Millisecond, LossPPM: 20_000})
	files := randomFiles(17, 1_000_000)
	w.replicate(files)
	begin := w.k.Now()
	w.mustStage(w.offer(10), files)
	// About 40 of the 1,000 pieces, or of the questions, are lost.
	if took := time.Duration(w.k.Now() - begin); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestLostWindowCostsOneTimeout: all that was asked is lost and there is nothing
// left to ask that could overtake it. The first piece's repeat is answered; the
// others need no timeouts of their own, each twice as long as the last.
func TestLostWindowCostsOneTimeout(t *testing.T) {
	const timeout = 2 * time.Second
	w := newWorld(t, 18, 2, ship.Config{ChunkBytes: 1000, Window: 4, ChunkTimeout: timeout})
	files := randomFiles(18, 4000)
	w.replicate(files)
	w.net.Cut(1, 2)
	begin := w.k.Now()
	o := w.fetch(info("0000.log", files["0000.log"]))
	w.pass(timeout / 4)
	w.net.Heal(1, 2)
	w.until(func() bool { return o.done > 0 })
	if took := time.Duration(w.k.Now() - begin); o.err != nil || took < timeout || took > timeout+timeout/10 {
		t.Errorf("took %v: %v", took, o.err)
	}
}

// TestBudgetIsShared: two transfers at once get the same as one.
func TestBudgetIsShared(t *testing.T) {
	w := newWorld(t, 5, 2, ship.Config{ChunkBytes: 1000, ReceiveBytes: 50_000})
	files := randomFiles(5, 50_000, 50_000)
	w.replicate(files)
	a, b := w.fetch(info("0000.log", files["0000.log"])), w.fetch(info("0001.log", files["0001.log"]))
	w.until(func() bool { return a.done > 0 && b.done > 0 })
	if at := time.Duration(w.k.Now()); a.err != nil || b.err != nil || at < 1900*time.Millisecond || at > 2300*time.Millisecond {
		t.Errorf("took %v: %v, %v", at, a.err, b.err)
	}
}

// TestFullDisk: staging is dropped whole and told; later it works.
func TestFullDisk(t *testing.T) {
	for after := time.Millisecond; after < 60*time.Millisecond; after += time.Millisecond {
		w := newWorld(t, 6, 2, small)
		files := randomFiles(6, 5000, 5000)
		w.replicate(files)
		ref := w.offer(10)
		o := w.stage(ref, nil)
		w.pass(after)
		w.host(1).disk.SetFull(true)
		w.until(func() bool { return o.done > 0 })
		if o.err == nil {
			w.check(o, files)
			continue
		}
		if !errors.Is(o.err, env.ErrNoSpace) || errors.Is(o.err, ship.ErrDisk) || len(w.leftovers()) > 0 {
			t.Fatalf("after %v: %v, left %v", after, o.err, w.leftovers())
		}
		w.host(1).disk.SetFull(false)
		w.mustStage(ref, files)
	}
}

// TestFullAtEveryStep: likewise, after each single operation of the disk.
func TestFullAtEveryStep(t *testing.T) {
	for steps, ended := 0, false; !ended; steps++ {
		w := newWorld(t, uint64(steps), 2, small)
		files := randomFiles(15, 2500, 700)
		w.replicate(files)
		ref, left := w.offer(10), steps
		w.host(1).disk.Observe(func(diskmodel.Step) {
			if left--; left == -1 {
				w.host(1).disk.SetFull(true)
			}
		})
		o := w.stage(ref, nil)
		w.until(func() bool { return o.done > 0 })
		if ended = left >= 0; o.err == nil {
			w.check(o, files)
			continue
		}
		if !errors.Is(o.err, env.ErrNoSpace) || errors.Is(o.err, ship.ErrDisk) || len(w.leftovers()) > 0 {
			t.Fatalf("after %d steps: %v, left %v", steps, o.err, w.leftovers())
		}
		w.host(1).disk.SetFull(false)
		w.mustStage(ref, files)
	}
}

// TestFailingDisk: a failed sync is told as such, at every sync there is.
func TestFailingDisk(t *testing.T) {
	for nth := 1; ; nth++ {
		w := newWorld(t, 7, 2, small)
		files := randomFiles(7, 2500, 700)
		w.replicate(files)
		syncs := 0
		w.host(1).disk.Observe(func(s diskmodel.Step) {
			if s.Kind == diskmodel.StepSync || s.Kind == diskmodel.StepSyncDir {
				if syncs++; syncs == nth-1 {
					w.host(1).disk.FailNextSync(1)
				}
			}
		})
		if nth == 1 {
			w.host(1).disk.FailNextSync(1)
		}
		o := w.stage(w.offer(10), nil)
		w.until(func() bool { return o.done > 0 })
		if o.err == nil {
			if nth < 6 {
				t.Fatalf("staged although sync %d failed", nth)
			}
			return
		}
		if !errors.Is(o.err, ship.ErrDisk) || !errors.Is(o.err, env.ErrIO) {
			t.Fatalf("sync %d: %v", nth, o.err)
		}
	}
}

// TestSupersede: a newer snapshot takes over what the older one brought: whole
// files, and files that have grown since.
func TestSupersede(t *testing.T) {
	w := newWorld(t, 8, 2, small)
	files := randomFiles(8, 5000, 6000, 7000)
	w.replicate(files)
	o := w.stage(w.offer(10), nil)
	w.until(func() bool { return w.host(1).p.ship.Progress(group) > 8000 })
	grown := map[string][]byte{"0000.log": files["0000.log"], "0001.log": append(bytes.Clone(files["0001.log"]), randomFiles(80, 900)["0000.log"]...)}
	w.replicate(grown)
	ref := w.offer(20)
	n := w.stage(ref, nil)
	joined := w.stage(ref, nil)
	w.until(func() bool { return o.done > 0 && n.done > 0 && joined.done > 0 })
	if !errors.Is(o.err, ship.ErrSuperseded) {
		t.Errorf("the older one ended with %v", o.err)
	}
	w.check(n, grown)
	if joined.staged != n.staged {
		t.Error("who joined got something else")
	}
	if n.staged.Resumed < 7000 {
		t.Errorf("%d bytes taken over", n.staged.Resumed)
	}
	if got := w.leftovers(); len(got) != 4 { // manifest, progress, two files
		t.Errorf("left: %v", got)
	}

	// What is staged but not taken serves the next one as well.
	more := map[string][]byte{"0000.log": grown["0000.log"], "0001.log": append(bytes.Clone(grown["0001.log"]), 1, 2, 3)}
	w.replicate(more)
	before := w.host(1).p.ship.Stats().ReceivedBytes
	third := w.mustStage(w.offer(30), more)
	if got := w.host(1).p.ship.Stats().ReceivedBytes - before; third.staged.Resumed != 11_900 || got > 1000 {
		t.Errorf("%d bytes taken over, %d fetched", third.staged.Resumed, got)
	}
	var void error
	n.staged.ReadAt("0000.log", 0, 1, func(_ []byte, err error) { void = err })
	if !errors.Is(void, ship.ErrSuperseded) {
		t.Errorf("a void one answers %v", void)
	}
}

// TestGive: the machine takes the files, the rest is discarded.
func TestGive(t *testing.T) {
	w := newWorld(t, 9, 2, small)
	files := randomFiles(9, 500, 600)
	w.replicate(files)
	g := w.mustStage(w.offer(10), files).staged
	w.task(w.host(1), func(task *env.Task) {
		var b []byte
		var err error
		task.Await(func(done func()) {
			g.ReadAt("0001.log", 100, 300, func(p []byte, e error) { b, err = p, e; done() })
		})
		if err != nil || !bytes.Equal(b, files["0001.log"][100:400]) {
			t.Errorf("read %d bytes, %v", len(b), err)
		}
		task.Await(func(done func()) {
			g.ReadAt("0001.log", 599, 2, func(_ []byte, e error) { err = e; done() })
		})
		if err == nil {
			t.Error("a read beyond the end succeeds")
		}
		task.Await(func(done func()) { g.Give("0000.log", dir+"/0000.log.2", func(e error) { err = e; done() }) })
		if err != nil {
			t.Errorf("giving: %v", err)
		}
		task.Await(func(done func()) { g.Give("0000.log", dir+"/again", func(e error) { err = e; done() }) })
		if !errors.Is(err, env.ErrNotExist) {
			t.Errorf("giving twice: %v", err)
		}
		task.Await(func(done func()) { g.Discard(func(e error) { err = e; done() }) })
		if err != nil {
			t.Errorf("discarding: %v", err)
		}
		task.Await(func(done func()) { g.Give("0001.log", dir+"/late", func(e error) { err = e; done() }) })
		if !errors.Is(err, ship.ErrSuperseded) {
			t.Errorf("giving when discarded: %v", err)
		}
	})
	if got := w.leftovers(); len(got) != 1 || got[0] != "0000.log.2" {
		t.Errorf("left: %v", got)
	}
}

// TestDiscardThenStage: the two follow on each other.
func TestDiscardThenStage(t *testing.T) {
	w := newWorld(t, 10, 2, small)
	files := randomFiles(10, 5000, 600)
	w.replicate(files)
	ref := w.offer(10)
	g := w.mustStage(ref, files).staged
	discarded := 0
	g.Discard(func(err error) {
		if discarded++; err != nil {
			t.Error(err)
		}
	})
	w.mustStage(ref, files)
	if discarded != 1 {
		t.Errorf("discarded %d times", discarded)
	}
}

func TestClean(t *testing.T) {
	w := newWorld(t, 11, 2, small)
	files := randomFiles(11, 5000, 600)
	w.replicate(files)
	w.mustStage(w.offer(10), files)
	o := w.fetch(info("0000.log", files["0000.log"]))
	w.until(func() bool { return o.done > 0 })
	if kept := w.clean(10); !kept {
		t.Error("what waits to be installed was cleaned away")
	}
	w.host(1).crash(false, 0)
	w.host(1).boot()
	o = w.fetch(info("0000.log", files["0000.log"]))
	w.until(func() bool { return o.done > 0 })
	if kept := w.clean(10); kept {
		t.Error("what an earlier life left was kept")
	}
	if got := w.leftovers(); len(got) != 2 { // the repair that is staged, and its progress
		t.Errorf("left: %v", got)
	}
	w.host(1).crash(false, 0)
	w.host(1).boot()
	w.clean(10)
	if got := w.leftovers(); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

// clean drives Clean to its end.
func (w *world) clean(applied uint64) (kept bool) {
	w.t.Helper()
	cleaned := false
	w.host(1).p.ship.Clean(dir, applied, func(k bool, err error) {
		if cleaned, kept = true, k; err != nil {
			w.t.Fatalf("cleaning: %v", err)
		}
	})
	w.until(func() bool { return cleaned })
	return kept
}

// TestCleanSparesWhatComes: a snapshot of which only the manifest is asked for, and
// one that a dead leader left half staged, are still wanted by who has not applied
// what they give.
func TestCleanSparesWhatComes(t *testing.T) {
	w := newWorld(t, 41, 3, small)
	files := randomFiles(41, 9000, 4000)
	w.replicate(files)
	w.host(2).crash(true, diskmodel.LossAny)
	o := &outcome{}
	ref := func() ship.Ref {
		w.host(2).boot()
		defer w.host(2).crash(true, diskmodel.LossAny)
		return w.offer(10)
	}()
	w.host(1).p.exec(func() { w.host(1).p.ship.Stage(ref, dir, nil, 2, o.take) })
	w.pass(5 * time.Millisecond)
	if w.host(1).p.ship.Progress(group) > 0 {
		t.Fatal("something came from a dead node")
	}
	if kept := w.clean(9); !kept || o.done > 0 {
		t.Errorf("kept %v, the transfer ended with %v", kept, o.err)
	}
	w.until(func() bool { return o.done > 0 })

	w.host(2).boot()
	o = w.stage(w.offer(10), nil)
	w.until(func() bool { return w.host(1).p.ship.Progress(group) > 6000 })
	w.host(1).p.exec(func() { w.host(1).p.ship.Cancel(group) })
	w.until(func() bool { return o.done > 0 })
	if kept := w.clean(9); !kept {
		t.Error("a half staged snapshot was cleaned away between two offers")
	}
	if again := w.mustStage(w.offer(10), files); again.staged.Resumed < 4000 {
		t.Errorf("%d bytes taken over", again.staged.Resumed)
	}
}

// TestAnotherOffers: a node that offers the same snapshot is asked for its manifest
// at once when the first is gone.
func TestAnotherOffers(t *testing.T) {
	w := newWorld(t, 42, 3, small)
	files := randomFiles(42, 900, 400)
	w.replicate(files)
	ref := w.offer(10)
	if other, err := w.host(3).p.ship.Offer(group, manifestOf(10, files)); err != nil || other != ref {
		t.Fatalf("the other offers %v: %v", other, err)
	}
	w.host(2).crash(true, diskmodel.LossAny)
	first, second := w.stage(ref, nil), &outcome{}
	w.pass(5 * time.Millisecond)
	began := w.k.Now()
	w.host(1).p.exec(func() { w.host(1).p.ship.Stage(ref, dir, nil, 3, second.take) })
	w.until(func() bool { return second.done > 0 })
	w.check(second, files)
	if first.done != 1 || first.err != nil {
		t.Errorf("the first caller was told %d times, %v", first.done, first.err)
	}
	if took := time.Duration(w.k.Now() - began); took > small.ChunkTimeout {
		t.Errorf("took %v, the timeout of a dead node is %v", took, small.ChunkTimeout)
	}
}

func TestCancel(t *testing.T) {
	w := newWorld(t, 12, 2, small)
	files := randomFiles(12, 5000, 6000)
	w.replicate(files)
	ref := w.offer(10)
	o, r := w.stage(ref, nil), w.fetch(info("0000.log", files["0000.log"]))
	w.until(func() bool { return w.host(1).p.ship.Progress(group) > 3000 })
	p := w.host(1).p
	p.exec(func() {
		p.ship.Cancel(group)
		if o.done > 0 {
			t.Error("done was called inside of Cancel")
		}
	})
	w.until(func() bool { return o.done > 0 && r.done > 0 })
	if !errors.Is(o.err, ship.ErrCanceled) {
		t.Errorf("got %v", o.err)
	}
	again := w.mustStage(ref, files)
	if again.staged.Resumed < 2000 {
		t.Errorf("%d bytes taken over", again.staged.Resumed)
	}
}

func TestRefusals(t *testing.T) {
	cfg := small
	cfg.StagesAtOnce, cfg.RepairsAtOnce, cfg.StageBytes = 1, 1, 5000
	w := newWorld(t, 13, 2, cfg)
	w.replicate(randomFiles(13, 5000, 1))
	large := w.offer(10)
	if o := w.stage(large, nil); !w.within(time.Minute, func() bool { return o.done > 0 }) || !errors.Is(o.err, ship.ErrTooLarge) {
		t.Errorf("too large: %v", o.err)
	}
	w.stage(large, nil)
	other := large
	other.Group = 8
	p := w.host(1).p
	for name, c := range map[string]struct {
		call func(done func(*ship.Staged, error))
		want error
	}{
		"two stages": {func(done func(*ship.Staged, error)) { p.ship.Stage(other, "groups/8", nil, 2, done) }, ship.ErrBusy},
		"no manifest": {func(done func(*ship.Staged, error)) {
			p.ship.Stage(ship.Ref{Group: 9, Bytes: 1}, "groups/9", nil, 2, done)
		}, ship.ErrManifest},
		"huge manifest": {func(done func(*ship.Staged, error)) {
			p.ship.Stage(ship.Ref{Group: 9, Bytes: 1 << 40}, "groups/9", nil, 2, done)
		}, ship.ErrManifest},
		"nobody": {func(done func(*ship.Staged, error)) { p.ship.Stage(other, "groups/8", nil, 0, done) }, ship.ErrSources},
		"bad name": {func(done func(*ship.Staged, error)) {
			p.ship.Fetch(group, dir, machine.FileInfo{Name: "../x", Bytes: 1}, done)
		}, ship.ErrManifest},
		"no bytes": {func(done func(*ship.Staged, error)) {
			p.ship.Fetch(group, dir, machine.FileInfo{Name: "x", Sum: 1}, done)
		}, ship.ErrManifest},
		"no such file": {func(done func(*ship.Staged, error)) {
			p.ship.Fetch(group, dir, machine.FileInfo{Name: "x", Bytes: 1}, done)
		}, ship.ErrSources},
	} {
		o := &outcome{}
		p.exec(func() {
			if c.call(o.take); o.done > 0 {
				t.Errorf("%s: done was called inside", name)
			}
		})
		if !w.within(time.Minute, func() bool { return o.done > 0 }) || !errors.Is(o.err, c.want) {
			t.Errorf("%s: got %v, want %v", name, o.err, c.want)
		}
		w.pass(time.Minute)
		w.stage(large, nil)
	}
}
