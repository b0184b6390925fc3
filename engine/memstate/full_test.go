package memstate_test

import (
	"errors"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// TestFullDiskAtEveryStep: the disk fills up at any step of a checkpoint. Nothing
// fails, the last checkpoint stands, and with room again it is as if nothing had
// been.
func TestFullDiskAtEveryStep(t *testing.T) {
	h := history(120)
	full := 0
	for step := 1; step < 40; step++ {
		l := fresh(t, uint64(step))
		l.apply(h, 20)
		promised := l.checkpoint("first")
		l.apply(h, 90)
		count := 0
		l.disk.Observe(func(diskmodel.Step) {
			if count++; count == step {
				l.disk.SetFull(true)
			}
		})
		c, err := l.tryCheckpoint("second")
		l.disk.Observe(nil)
		switch {
		case err == nil:
			promised = c
		case !errors.Is(err, env.ErrNoSpace) || !l.m.NoSpace():
			t.Fatalf("step %d: %v, NoSpace %v", step, err, l.m.NoSpace())
		default:
			full++
		}
		if man, err := l.m.Snapshot(); err != nil || man.Checkpoint.ID != promised.ID {
			t.Fatalf("step %d: offers %+v, %v", step, man.Checkpoint, err)
		}
		if step%2 == 0 { // the process ends while the disk is full
			l = l.reborn(int(diskmodel.KeepSubset))
			l.disk.SetFull(false)
			if c := l.open(); c.Index != promised.Index {
				t.Fatalf("step %d: opened at %+v, promised %+v", step, c, promised)
			}
		}
		l.disk.SetFull(false)
		l.apply(h, 120)
		if c := l.checkpoint("third"); c.ID <= promised.ID || l.m.NoSpace() {
			t.Fatalf("step %d: %+v after %+v, NoSpace %v", step, c, promised, l.m.NoSpace())
		}
		l.scrub()
		l = l.reborn(int(diskmodel.LoseAll))
		l.open()
		l.equals(h)
		l.tidy()
	}
	if full < 3 {
		t.Errorf("there was no room only %d times", full)
	}
}

// TestRoomIsFoundWithoutACheckpoint: a machine that had no room says so until there
// is some, and nobody has to ask again.
func TestRoomIsFoundWithoutACheckpoint(t *testing.T) {
	h := history(40)
	l := fresh(t, 3)
	l.apply(h, 40)
	l.disk.SetFull(true)
	if _, err := l.tryCheckpoint(""); !errors.Is(err, env.ErrNoSpace) {
		t.Fatal(err)
	}
	for range 1000 {
		l.kernel.Step()
	}
	if !l.m.NoSpace() {
		t.Fatal("it found room on a full disk")
	}
	l.disk.SetFull(false)
	l.until(func() bool { return !l.m.NoSpace() })
	for l.kernel.Step() {
	}
	l.tidy()
	if l.failed != nil {
		t.Error(l.failed)
	}
	if c := l.checkpoint(""); c.Index != 40 {
		t.Error(c)
	}
}

// TestFullDiskRefusesASnapshot, and leaves the state as it was.
func TestFullDiskRefusesASnapshot(t *testing.T) {
	h := history(120)
	man, files := donor(t, h, "theirs")
	l := fresh(t, 5)
	l.apply(h, 40)
	l.checkpoint("")
	from := source{clock: clock{l.kernel}, files: files}
	l.disk.SetFull(true)
	if _, err := l.restore(man, from); !errors.Is(err, env.ErrNoSpace) {
		t.Fatal(err)
	}
	l.equals(h[:40])
	l.tidy()
	l.disk.SetFull(false)
	if _, err := l.restore(man, from); err != nil {
		t.Fatal(err)
	}
	l.equals(h)
	l.tidy()
}

// TestFullDiskAndABadRecord: a scrub leaves it to the next one; Open waits for room.
func TestFullDiskAndABadRecord(t *testing.T) {
	h := history(40)
	l := fresh(t, 5)
	l.apply(h, 40)
	l.checkpoint("")
	l.rot(l.records()[0])
	l.disk.SetFull(true)
	if err := l.tryScrub(); !errors.Is(err, env.ErrNoSpace) || l.failed != nil {
		t.Fatal(err, l.failed)
	}
	l.tidy()
	l = l.reborn(-1)
	if _, err := l.tryOpen(); !errors.Is(err, env.ErrNoSpace) {
		t.Fatal(err)
	}
	l.disk.SetFull(false)
	if c := l.open(); c.Index != 40 {
		t.Error(c)
	}
	l.tidy()
}

// A checkpoint that succeeds ends the want of room by itself.
func TestACheckpointEndsTheWantOfRoom(t *testing.T) {
	l := fresh(t, 3)
	l.disk.SetFull(true)
	var answers []error
	note := func(_ machine.Checkpoint, err error) { answers = append(answers, err) }
	l.m.Checkpoint(nil, note)
	l.until(func() bool { return len(answers) == 1 })
	l.disk.SetFull(false)
	l.m.Checkpoint(nil, note)
	l.until(func() bool { return len(answers) == 2 })
	if !errors.Is(answers[0], env.ErrNoSpace) || answers[1] != nil || l.m.NoSpace() {
		t.Errorf("%v, NoSpace %v", answers, l.m.NoSpace())
	}
}

// TestACheckpointBesideTheLookForRoom: both write, one after the other.
func TestACheckpointBesideTheLookForRoom(t *testing.T) {
	for try := range 100 {
		l := fresh(t, uint64(try))
		l.disk.SetFull(true)
		if _, err := l.tryCheckpoint(""); !errors.Is(err, env.ErrNoSpace) {
			t.Fatal(err)
		}
		l.disk.SetFull(false)
		l.pass(499*time.Millisecond + time.Duration(try)*20*time.Microsecond)
		l.checkpoint("")
		for l.kernel.Step() {
		}
		if l.failed != nil || l.m.NoSpace() {
			t.Fatalf("try %d: failed %v, NoSpace %v", try, l.failed, l.m.NoSpace())
		}
		l.tidy()
	}
}
