package ship_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/netmodel"
)

// death is how a process ends.
type death struct {
	power bool
	mode  diskmodel.LossMode
}

var deaths = []death{{}, {true, diskmodel.LoseAll}, {true, diskmodel.KeepPrefix}, {true, diskmodel.KeepSubset}, {true, diskmodel.TornSector}}

func (d death) String() string {
	if !d.power {
		return "crash"
	}
	return "power loss, " + d.mode.String()
}

// crashAt lets node 1 die when its disk has carried out that many operations
// from now on; it tells whether that has happened.
func (w *world) crashAt(steps int, d death) (died *bool) {
	h := w.host(1)
	died = new(bool)
	h.disk.Observe(func(diskmodel.Step) {
		if steps--; steps < 0 {
			h.disk.Observe(nil)
			h.crash(d.power, d.mode)
			*died = true
		}
	})
	return died
}

// TestCrashAtEveryStep: node 1 dies after each single operation of its disk, in
// every way, then once more while it resumes; at last it has the source's
// bytes, and never fetched much twice.
func TestCrashAtEveryStep(t *testing.T) {
	files := randomFiles(20, 2500, 400, 350, 0, 1800)
	total := int64(2500 + 400 + 350 + 1800)
	// What is not durable yet of a part and of whole files, and what is under way.
	perCrash := 2*small.StageSyncBytes + 2500 + 6*int64(small.ChunkBytes)
	for _, d := range deaths {
		resumed := 0
		for steps, ended := 0, false; !ended; steps++ {
			w := newWorld(t, uint64(steps), 2, small)
			w.replicate(files)
			ref := w.offer(10)
			died := w.crashAt(steps, d)
			o := w.stage(ref, nil)
			w.until(func() bool { return o.done > 0 || *died })
			if ended = !*died; ended {
				w.check(o, files)
				break
			}
			w.host(1).boot()
			second := w.crashAt(steps*7%31, deaths[(steps+1)%len(deaths)])
			o = w.stage(ref, nil)
			w.until(func() bool { return o.done > 0 || *second })
			if *second {
				w.host(1).boot()
			}
			w.host(1).disk.Observe(nil)
			g := w.mustStage(ref, files)
			if g.staged.Resumed > 0 {
				resumed++
			}
			w.host(1).p.end()
			if got := w.host(1).received; got > total+2*perCrash {
				t.Fatalf("%s after %d steps: %d bytes fetched for %d", d, steps, got, total)
			}
		}
		if resumed == 0 {
			t.Errorf("%s: nothing was ever resumed", d)
		}
	}
}

// TestResumeCostsLittle: a long file, and a crash near its end.
func TestResumeCostsLittle(t *testing.T) {
	for _, d := range deaths {
		w := newWorld(t, 21, 2, small)
		files := randomFiles(21, 50_000)
		w.replicate(files)
		ref := w.offer(10)
		w.stage(ref, nil)
		w.until(func() bool { return w.host(1).p.ship.Progress(group) > 45_000 })
		w.host(1).crash(d.power, d.mode)
		w.host(1).boot()
		o := w.mustStage(ref, files)
		if got := w.host(1).p.ship.Stats().ReceivedBytes; got > 6500 || o.staged.Resumed+got != 50_000 {
			t.Errorf("%s: %d bytes kept, %d fetched after the crash", d, o.staged.Resumed, got)
		}
	}
}

// TestManySmallFiles: names become durable now and then, also where no file is
// long enough for a slot.
func TestManySmallFiles(t *testing.T) {
	w := newWorld(t, 28, 2, small)
	sizes := make([]int, 40)
	for i := range sizes {
		sizes[i] = 250
	}
	files := randomFiles(28, sizes...)
	w.replicate(files)
	ref := w.offer(10)
	w.stage(ref, nil)
	w.until(func() bool { return w.host(1).p.ship.Progress(group) > 9000 })
	w.host(1).crash(true, diskmodel.LoseAll)
	w.host(1).boot()
	if o := w.mustStage(ref, files); o.staged.Resumed < 7500 {
		t.Errorf("%d bytes kept of 9,000", o.staged.Resumed)
	}
}

// TestRottenStage: whatever rots in what is staged, the next life ends with the
// source's bytes.
func TestRottenStage(t *testing.T) {
	for _, whole := range []bool{true, false} {
		for n := range 8 {
			w := newWorld(t, uint64(n), 2, small)
			files := randomFiles(22, 3000, 9000)
			w.replicate(files)
			ref := w.offer(10)
			o := w.stage(ref, nil)
			w.until(func() bool { return o.done > 0 || !whole && w.host(1).p.ship.Progress(group) > 8000 })
			w.host(1).crash(true, diskmodel.LoseAll)
			rotten := 0
			for i, name := range w.host(1).disk.Files() {
				if b, _ := w.host(1).disk.ReadRaw(name); len(b) > 0 && (n == 0 || i == n-1) {
					w.host(1).disk.Rot(name, int64(len(b)*n/8), uint(n%8))
					rotten++
				}
			}
			w.host(1).boot()
			w.mustStage(ref, files)
			if n == 0 && rotten < 3 {
				t.Fatalf("only %d files were there", rotten)
			}
		}
	}
}

// TestRottenPart: what rotted of a part costs no more than the part.
func TestRottenPart(t *testing.T) {
	w := newWorld(t, 26, 2, small)
	files := randomFiles(26, 9000)
	w.replicate(files)
	ref := w.offer(10)
	w.stage(ref, nil)
	w.until(func() bool { return w.host(1).p.ship.Progress(group) > 6000 })
	w.host(1).crash(true, diskmodel.LoseAll)
	if !w.host(1).disk.Rot(dir+"/stage.part.0000.log", 100, 3) {
		t.Fatal("nothing rotted")
	}
	w.host(1).boot()
	o := w.mustStage(ref, files)
	if got := w.host(1).p.ship.Stats().ReceivedBytes; o.staged.Resumed != 0 || got != 9000 {
		t.Errorf("%d bytes resumed, %d fetched", o.staged.Resumed, got)
	}
}

// TestShorterSuccessor: the next sender's checkpoint may be older, and its
// files shorter than what is staged.
func TestShorterSuccessor(t *testing.T) {
	for _, most := range []int64{100, 3000, 8000, 9000} {
		w := newWorld(t, 27, 2, small)
		files := randomFiles(27, 9000)
		w.replicate(files)
		o := w.stage(w.offer(20), nil)
		w.until(func() bool { return o.done > 0 || w.host(1).p.ship.Progress(group) > most })
		files = map[string][]byte{"0000.log": files["0000.log"][:2500]}
		w.replicate(files)
		w.host(1).crash(false, 0)
		w.host(1).boot()
		w.mustStage(w.offer(10), files)
	}
}

// TestUnreadableStage: likewise for what cannot be read at all.
func TestUnreadableStage(t *testing.T) {
	w := newWorld(t, 23, 2, small)
	files := randomFiles(23, 3000, 9000)
	w.replicate(files)
	ref := w.offer(10)
	w.stage(ref, nil)
	w.until(func() bool { return w.host(1).p.ship.Progress(group) > 8000 })
	w.host(1).crash(true, diskmodel.LoseAll)
	for _, name := range w.host(1).disk.Files() {
		w.host(1).disk.FailReads(name, 0, 1)
	}
	w.host(1).boot()
	w.mustStage(ref, files)
}

// TestCrashWhileSuperseding: the newer snapshot is staged whatever is left of
// the older one.
func TestCrashWhileSuperseding(t *testing.T) {
	older := randomFiles(24, 2500, 1800, 700)
	newer := map[string][]byte{"0001.log": append(slices.Clone(older["0001.log"]), older["0000.log"]...), "0002.log": older["0002.log"]}
	for _, d := range deaths {
		for steps, ended := 0, false; !ended; steps += 2 {
			w := newWorld(t, uint64(steps), 2, small)
			w.replicate(older)
			w.mustStage(w.offer(10), older)
			w.replicate(newer)
			ref := w.offer(20)
			died := w.crashAt(steps, d)
			o := w.stage(ref, nil)
			w.until(func() bool { return o.done > 0 || *died })
			if ended = !*died; !ended {
				w.host(1).boot()
				w.mustStage(ref, newer)
			}
		}
	}
}

// TestCrashOfARepair: as of a snapshot.
func TestCrashOfARepair(t *testing.T) {
	files := randomFiles(25, 3500)
	f := info("0000.log", files["0000.log"])
	for _, d := range deaths {
		for steps, ended := 0, false; !ended; steps++ {
			w := newWorld(t, uint64(steps), 3, small)
			w.replicate(files)
			died := w.crashAt(steps, d)
			o := w.fetch(f)
			w.until(func() bool { return o.done > 0 || *died })
			if ended = !*died; !ended {
				w.host(1).boot()
				o = w.fetch(f)
				w.until(func() bool { return o.done > 0 })
			}
			b, _ := w.host(1).disk.ReadRaw(dir + "/stage.repair.file.0000.log")
			if o.err != nil || string(b) != string(files["0000.log"]) || !w.host(1).disk.Durable(dir+"/stage.repair.file.0000.log", 0, 3500) {
				t.Fatalf("%s after %d steps: %v", d, steps, o.err)
			}
		}
	}
}

// TestWhateverHappens: crashes of both sides, bad links, growing files and a
// full disk now and then, in any order. What is staged at last is the source's.
func TestWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		cfg := small
		cfg.ChunkBytes = rapid.IntRange(50, 800).Draw(t, "chunk")
		cfg.Window = rapid.IntRange(1, 6).Draw(t, "window")
		cfg.StageSyncBytes = rapid.Int64Range(1, 3000).Draw(t, "sync")
		w := newWorld(t, seed, 3, cfg)
		w.net.SetDefault(links[rapid.SampledFrom([]string{"good", "lossy", "repeating", "reordering", "corrupting", "awful"}).Draw(t, "link")])
		files := randomFiles(seed, rapid.SliceOfN(rapid.IntRange(0, 3000), 0, 5).Draw(t, "files")...)
		w.replicate(files)
		index := uint64(10)
		ref := w.offer(index)
		o := w.stage(ref, nil)
		for range rapid.IntRange(0, 6).Draw(t, "events") {
			w.pass(time.Duration(rapid.IntRange(0, 300).Draw(t, "after")) * time.Millisecond)
			switch rapid.IntRange(0, 5).Draw(t, "event") {
			case 0, 1:
				d := rapid.SampledFrom(deaths).Draw(t, "death")
				w.host(1).crash(d.power, d.mode)
				w.host(1).boot()
				o = w.stage(ref, nil)
			case 2:
				w.host(2).crash(false, 0)
				w.host(2).boot()
				ref = w.offer(index)
			case 3:
				index++
				for _, name := range slices.Sorted(keys(files)) {
					files[name] = append(slices.Clone(files[name]), name...)
				}
				w.replicate(files)
				ref = w.offer(index)
				o = w.stage(ref, nil)
			case 4:
				w.host(1).disk.SetFull(rapid.Bool().Draw(t, "full"))
			default:
				w.net.Reset(netmodel.Addr(1), netmodel.Addr(2))
			}
		}
		w.host(1).disk.SetFull(false)
		w.until(func() bool {
			if o.done > 0 && (errors.Is(o.err, ship.ErrSources) || errors.Is(o.err, ship.ErrSuperseded) || errors.Is(o.err, env.ErrNoSpace)) {
				o = w.stage(ref, nil)
			}
			return o.done > 0
		})
		w.check(o, files)
		for _, name := range w.leftovers() {
			if strings.Contains(name, ".part.") || strings.HasSuffix(name, ".tmp") {
				t.Fatalf("left: %s", name)
			}
		}
	})
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
