package memstate_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/memstate"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// checkpointed is a machine with a checkpoint at that index, whose process has
// ended.
func checkpointed(t tb, h []machine.Entry, at int) *life {
	t.Helper()
	l := fresh(t, 5)
	l.apply(h, at)
	l.checkpoint("meta")
	return l.reborn(-1)
}

// TestOneRecordMayBeLostInAnyWay: the other one is enough, and it is made again.
func TestOneRecordMayBeLostInAnyWay(t *testing.T) {
	h := history(40)
	for name, hurt := range map[string]func(l *life, file string){
		"rot":       (*life).rot,
		"lost name": func(l *life, file string) { l.disk.LoseEntry(file) },
		"unread":    func(l *life, file string) { l.disk.FailReads(file, 100, 1) },
		"cut": func(l *life, file string) {
			l.must(l.in(func(t *env.Task) error {
				f, err := t.Open(l.mount, file, env.OpenExisting)
				if err != nil {
					return err
				}
				defer f.Close()
				return t.Truncate(f, 80)
			}))
		},
		"another version": func(l *life, file string) {
			l.overwrite(file, 4, []byte{9})
			l.overwrite(file, 70, []byte("what this one does not know"))
		},
	} {
		for i := range 2 {
			l := checkpointed(t, h, 30)
			hurt(l, l.records()[i])
			if c := l.open(); c.Index != 30 || string(c.Meta) != "meta" || len(l.repaired) != 1 {
				t.Errorf("%s of record %d: %+v, repaired %v", name, i, c, l.repaired)
			}
			l.equals(h[:30])
			l.tidy()
			l = l.reborn(int(diskmodel.LoseAll))
			if l.open(); len(l.repaired) != 0 {
				t.Errorf("%s of record %d: repaired again: %v", name, i, l.repaired)
			}
		}
	}
}

// TestNothingOlderIsEverTaken: with both records of the newest checkpoint bad it is
// damage, also where an older one is whole.
func TestNothingOlderIsEverTaken(t *testing.T) {
	h := history(40)
	l := fresh(t, 5)
	l.apply(h, 10)
	l.checkpoint("older")
	l.apply(h, 30)
	// The process ends when the newer one is durable and the older one is there.
	dead := false
	l.disk.Observe(func(s diskmodel.Step) {
		if s.Kind == diskmodel.StepSyncDir && !dead {
			dead = true
			l.end(-1)
		}
	})
	l.m.Checkpoint([]byte("newer"), func(machine.Checkpoint, error) { t.Error("it was reported") })
	l.until(func() bool { return dead })
	l.disk.Observe(nil)
	l = boot(t, l.kernel, l.disk)
	names := l.records()
	if len(names) != 4 {
		t.Fatal(names)
	}
	l.rot(names[2])
	l.rot(names[3])
	_, err := l.tryOpen()
	if !errors.Is(err, memstate.ErrDamaged) || !strings.Contains(err.Error(), names[2]) || !strings.Contains(err.Error(), names[3]) {
		t.Fatal(err)
	}
	if got := l.records(); len(got) != 4 {
		t.Errorf("files were touched: %v", got)
	}
	l.disk.LiftFaults()
	if c := l.open(); c.Index != 30 {
		t.Errorf("after the faults were lifted: %+v", c)
	}
	l.tidy()
}

// TestWhatOpenCannotUse: each is an error of its own, and the engine takes it for
// what it is.
func TestWhatOpenCannotUse(t *testing.T) {
	h := history(40)
	newer := func(l *life) {
		for _, name := range l.records() {
			l.overwrite(name, 4, []byte{9, 0, 0, 0, 1})
		}
	}
	for name, c := range map[string]struct {
		hurt func(l *life)
		want []error
		not  error
	}{
		"never formatted": {func(l *life) { l.disk.Lose(); l.disk.Replace() }, []error{memstate.ErrNotFormatted, wal.ErrNotFormatted}, memstate.ErrDamaged},
		"both rotten": {func(l *life) {
			for _, name := range l.records() {
				l.rot(name)
			}
		}, []error{memstate.ErrDamaged, wal.ErrDamaged}, memstate.ErrUnread},
		"one rotten, one unread": {func(l *life) {
			l.rot(l.records()[0])
			l.disk.FailReads(l.records()[1], 0, 1)
		}, []error{memstate.ErrUnread, wal.ErrUnread}, memstate.ErrDamaged},
		"another version": {newer, []error{memstate.ErrVersion, wal.ErrVersion}, memstate.ErrDamaged},
		"another version and damage": {func(l *life) {
			newer(l)
			l.disk.LoseEntry(l.records()[0])
		}, []error{memstate.ErrVersion}, memstate.ErrDamaged},
	} {
		l := checkpointed(t, h, 30)
		c.hurt(l)
		l = l.reborn(-1)
		_, err := l.tryOpen()
		for _, want := range c.want {
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
		if errors.Is(err, c.not) {
			t.Errorf("%s: %v is %v", name, err, c.not)
		}
		if !errors.Is(err, memstate.ErrNotFormatted) && !strings.Contains(err.Error(), dir+"/checkpoint-") {
			t.Errorf("%s: no file is named: %v", name, err)
		}
	}
}

// TestAStateThatDoesNotLoad: the bytes are good, the program is not the one.
func TestAStateThatDoesNotLoad(t *testing.T) {
	l := checkpointed(t, history(40), 30)
	l.rot(l.records()[0])
	l.m = memstate.New(env.Env{Disk: l.mount, Clock: clock{l.kernel}}, l.tasks, memstate.Config[*tally]{
		Dir: dir, New: func() *tally { return &tally{words: map[string]uint64{"old": 1}} },
	}, func(err error) { l.failed = err })
	_, err := l.tryOpen()
	if !errors.Is(err, memstate.ErrLoad) || errors.Is(err, wal.ErrDamaged) || !strings.Contains(err.Error(), "it is not fresh") {
		t.Error(err)
	}
	if !l.disk.Intact(l.records()[1], 0, 1) || len(l.records()) != 2 {
		t.Error("files were touched")
	}
}

// TestScrubMakesBadRecordsAgain, one or both: memory has what should be there.
func TestScrubMakesBadRecordsAgain(t *testing.T) {
	h := history(40)
	l := fresh(t, 5)
	l.apply(h, 30)
	l.checkpoint("meta")
	l.apply(h, 40)
	if l.scrub(); len(l.repaired) != 0 {
		t.Fatalf("repaired what was good: %v", l.repaired)
	}
	names := l.records()
	for _, bad := range [][]string{names[:1], names[1:], names} {
		l.repaired = nil
		for _, name := range bad {
			l.rot(name)
		}
		if l.scrub(); strings.Join(l.repaired, " ") != strings.Join(bad, " ") {
			t.Errorf("repaired %v, want %v", l.repaired, bad)
		}
		if l.scrub(); len(l.repaired) != len(bad) {
			t.Errorf("repaired again: %v", l.repaired)
		}
	}
	l = l.reborn(int(diskmodel.LoseAll))
	if c := l.open(); c.Index != 30 || len(l.repaired) != 0 {
		t.Errorf("%+v, repaired %v", c, l.repaired)
	}
	l.equals(h[:30])
}

// TestScrubIsPaced: all bytes of both records, never more than a piece at once.
func TestScrubIsPaced(t *testing.T) {
	l := fresh(t, 5)
	for i := range 100 {
		l.m.Apply(machine.Entry{Index: uint64(i + 1), Term: 1, Data: []byte(strings.Repeat("x", 10_000) + string(rune('a'+i%26)) + string(rune('a'+i/26)))})
	}
	l.checkpoint("")
	size, _ := l.disk.ReadRaw(l.records()[0])
	paced := int64(0)
	l.must(l.in(func(t *env.Task) error {
		return l.m.Scrub(t, func(_ *env.Task, n int64) {
			if paced += n; n > 256<<10 {
				l.t.Errorf("%d bytes at once", n)
			}
		})
	}))
	if len(size) < 1_000_000 || paced != 2*int64(len(size)) {
		t.Errorf("%d bytes of %d", paced, 2*len(size))
	}
}

// TestScrubBesideACheckpoint: what it reads may be replaced under it, also what it
// writes again.
func TestScrubBesideACheckpoint(t *testing.T) {
	h := history(60)
	for try := range 600 {
		l := fresh(t, uint64(try))
		l.apply(h, 30)
		l.checkpoint("")
		rotten := try%2 == 0
		if rotten {
			l.rot(l.records()[try/2%2])
		}
		pause := time.Duration(try) * 5 * time.Microsecond
		scrubbed, done := false, false
		l.tasks.Go("scrub", func(t *env.Task) {
			err := l.m.Scrub(t, func(t *env.Task, _ int64) { t.Sleep(clock{l.kernel}, pause) })
			if err != nil {
				l.t.Error(err)
			}
			scrubbed = true
		})
		l.kernel.After(time.Duration(try%37)*20*time.Microsecond, func() {
			l.apply(h, 60)
			l.m.Checkpoint(nil, func(machine.Checkpoint, error) { done = true })
		})
		l.until(func() bool { return scrubbed && done })
		if !rotten && len(l.repaired) > 0 || l.failed != nil {
			t.Fatalf("try %d: repaired %v, failed %v", try, l.repaired, l.failed)
		}
		l.tidy()
		l.repaired = nil
		if l.scrub(); len(l.repaired) > 0 {
			t.Fatalf("try %d: left bad: %v", try, l.repaired)
		}
	}
}

// TestAFailedSyncStopsTheMachine at any of its syncs, and the disk has the old
// state or the new one.
func TestAFailedSyncStopsTheMachine(t *testing.T) {
	h := history(60)
	for skip := range 3 {
		l := fresh(t, uint64(skip))
		l.apply(h, 20)
		l.checkpoint("first")
		l.apply(h, 60)
		syncs := 0
		l.disk.Observe(func(s diskmodel.Step) {
			if s.Kind == diskmodel.StepWrite || s.Kind == diskmodel.StepRename {
				if syncs++; syncs == skip+1 {
					l.disk.FailNextSync(1)
				}
			}
		})
		l.m.Checkpoint(nil, func(c machine.Checkpoint, err error) { t.Errorf("sync %d: reported %+v, %v", skip, c, err) })
		for l.kernel.Step() {
		}
		l.disk.Observe(nil)
		if !errors.Is(l.failed, env.ErrIO) {
			t.Fatalf("sync %d: failed with %v", skip, l.failed)
		}
		if _, err := l.m.Snapshot(); !errors.Is(err, memstate.ErrStopped) {
			t.Errorf("it still speaks: %v", err)
		}
		l = l.reborn(int(diskmodel.LoseAll))
		if c := l.open(); c.Index != 20 {
			t.Errorf("sync %d: %+v", skip, c)
		}
	}
}

// TestFormatIsDoneOnce, and a whole state is not begun anew.
func TestFormatIsDoneOnce(t *testing.T) {
	l := checkpointed(t, history(40), 30)
	if err := l.tryFormat(); !errors.Is(err, memstate.ErrFormatted) {
		t.Error(err)
	}
	reformat := func() error {
		return l.in(func(t *env.Task) error { return l.m.Reformat(t, nil, 7) })
	}
	if err := reformat(); !errors.Is(err, memstate.ErrFormatted) {
		t.Error(err)
	}
	l.disk.LoseEntry(l.records()[0])
	if err := reformat(); !errors.Is(err, memstate.ErrFormatted) {
		t.Error(err)
	}
	if c := l.open(); c.Index != 30 {
		t.Error(c)
	}
}

// A state that another program may read is not begun anew.
func TestWhatAnotherProgramMayReadIsNotBegunAnew(t *testing.T) {
	l := checkpointed(t, history(40), 30)
	for _, name := range l.records() {
		l.overwrite(name, 4, []byte{9})
		l.overwrite(name, 70, []byte("what this one does not know"))
	}
	err := l.in(func(t *env.Task) error { return l.m.Reformat(t, nil, 7) })
	if !errors.Is(err, memstate.ErrFormatted) || !errors.Is(err, memstate.ErrVersion) || len(l.records()) != 2 {
		t.Errorf("%v, left %v", err, l.records())
	}
}

// overwrite changes bytes of a file.
func (l *life) overwrite(name string, off int64, p []byte) {
	l.t.Helper()
	l.must(l.in(func(t *env.Task) error {
		f, err := t.Open(l.mount, name, env.OpenExisting)
		if err != nil {
			return err
		}
		defer f.Close()
		return t.WriteAt(f, p, off)
	}))
}

// TestACheckpointWithoutAnyName is found by whoever keeps book of it; Reformat
// begins anew.
func TestACheckpointWithoutAnyName(t *testing.T) {
	h := history(40)
	l := checkpointed(t, h, 30)
	for _, name := range l.records() {
		l.disk.LoseEntry(name)
	}
	if _, err := l.tryOpen(); !errors.Is(err, memstate.ErrNotFormatted) {
		t.Fatal(err)
	}
	l.must(l.in(func(t *env.Task) error { return l.m.Reformat(t, []byte("anew"), 7) }))
	if c := l.open(); c.ID != 8 || c.Index != 0 || string(c.Meta) != "anew" {
		t.Errorf("%+v", c)
	}
}

// TestAClosedMachineTakesNoStep: another one may be open on its files.
func TestAClosedMachineTakesNoStep(t *testing.T) {
	h := history(60)
	for pause := range 40 {
		l := fresh(t, uint64(pause))
		l.apply(h, 30)
		l.checkpoint("")
		l.apply(h, 60)
		l.m.Checkpoint(nil, func(machine.Checkpoint, error) {})
		for range pause {
			l.kernel.Step()
		}
		l.m.Close()
		steps := 0
		l.disk.Observe(func(diskmodel.Step) { steps++ })
		for l.kernel.Step() {
		}
		l.disk.Observe(nil)
		if steps > 1 || l.failed != nil {
			t.Fatalf("%d steps after %d, failed: %v", steps, pause, l.failed)
		}
		next := boot(t, l.kernel, l.disk)
		if c := next.open(); c.Index != 30 && c.Index != 60 {
			t.Fatalf("after %d steps: %+v", pause, c)
		}
		next.tidy()
	}
}
