package memstate_test

import (
	"errors"
	"testing"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/memstate"
)

// A procedure is something that a crash may interrupt at any operation of the
// disk. Each history is: prepare, run with a crash at the k-th operation, open
// (and crash at the j-th operation of that), open, finish, compare.
type procedure struct {
	prepare func(l *life) *life // gives the life that run belongs to
	run     func(l *life, done func())
	// before and after are the indexes that a checkpoint may have.
	before, after uint64
	// open brings the machine back; nil: Open.
	open func(l *life) machine.Checkpoint
}

func TestCrashAtEveryOperation(t *testing.T) {
	h := history(120)
	for name, p := range procedures(h) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			states := 0
			for _, mode := range crashModes {
				for k, ended := 1, false; !ended; k++ {
					ended = live(t, &p, h, mode, k, 0)
					states++
					for j := 1; !ended && j < 40; j++ {
						if live(t, &p, h, mode, k, j) {
							break
						}
						states++
					}
				}
			}
			t.Logf("%d states", states)
		})
	}
}

// live is one history. It reports whether the procedure ended before the k-th
// operation, or with j, the recovery before the j-th.
func live(t *testing.T, p *procedure, h []machine.Entry, mode, k, j int) (ended bool) {
	t.Helper()
	kernel, disk := newDisk(uint64(1000*k + j))
	l := p.prepare(boot(t, kernel, disk))
	ended = !l.interrupt(mode, k, func(done func()) { p.run(l, done) })
	if ended && j > 0 {
		return true
	}
	l = l.reborn(mode)
	if j > 0 {
		first := l
		if !l.interrupt(mode, j, func(done func()) { first.m.Open(func(machine.Checkpoint, error) { done() }) }) {
			return true
		}
		l = l.reborn(mode)
	}
	open := (*life).open
	if p.open != nil {
		open = p.open
	}
	c := open(l)
	if c.Index != p.before && c.Index != p.after || ended && c.Index != p.after {
		t.Fatalf("mode %d, operation %d, %d: opened at index %d, ended: %v", mode, k, j, c.Index, ended)
	}
	l.equals(h[:c.Index])
	l.apply(h, len(h))
	if next := l.checkpoint("after"); next.ID <= c.ID || next.Installed {
		t.Fatalf("mode %d, operation %d, %d: checkpoint %+v after %+v", mode, k, j, next, c)
	}
	l.scrub()
	l = l.reborn(int(diskmodel.LoseAll))
	if c := l.open(); c.Index != uint64(len(h)) || string(c.Meta) != "after" {
		t.Fatalf("mode %d, operation %d, %d: in the end at %+v", mode, k, j, c)
	}
	l.equals(h)
	l.tidy()
	l.tasks.Stop()
	return ended
}

// interrupt runs begin until it is done, or until the k-th operation of the disk
// was carried out, and reports whether it was interrupted.
func (l *life) interrupt(mode, k int, begin func(done func())) bool {
	l.t.Helper()
	done, dead := false, false
	count := 0
	l.disk.Observe(func(diskmodel.Step) {
		if count++; count == k && !done {
			dead = true
			l.end(mode)
		}
	})
	defer l.disk.Observe(nil)
	begin(func() { done = true })
	l.until(func() bool { return done || dead })
	return dead
}

func procedures(h []machine.Entry) map[string]procedure {
	ready := func(at, applied int) func(l *life) *life {
		return func(l *life) *life {
			l.format()
			l.open()
			l.apply(h, at)
			l.checkpoint("first")
			l.apply(h, applied)
			return l
		}
	}
	checkpoint := func(l *life, done func()) {
		l.m.Checkpoint([]byte("second"), func(machine.Checkpoint, error) { done() })
	}
	return map[string]procedure{
		"checkpoint": {prepare: ready(5, 60), run: checkpoint, before: 5, after: 60},
		"same index": {prepare: ready(30, 30), run: checkpoint, before: 30, after: 30},
		"install":    installProcedure(h, ready(20, 40)),
		"rebuild":    rebuildProcedure(ready(30, 30)),
		"doubt":      doubtProcedure(ready(30, 30)),
		"format":     formatProcedure(),
		"reformat":   reformatProcedure(ready(30, 30)),
	}
}

func installProcedure(h []machine.Entry, ready func(*life) *life) procedure {
	return procedure{
		prepare: ready,
		run: func(l *life, done func()) {
			man, files := donor(l.t, h[:80], "theirs")
			l.m.Restore(man, source{clock: clock{l.kernel}, files: files}, func(c machine.Checkpoint, err error) {
				if err != nil || !c.Installed || c.Index != 80 || string(c.Meta) != "theirs" {
					l.t.Errorf("restored %+v, %v", c, err)
				}
				done()
			})
		},
		before: 20, after: 80,
		open: func(l *life) machine.Checkpoint {
			c := l.open()
			if c.Installed != (c.Index == 80) {
				l.t.Errorf("opened at %+v", c)
			}
			return c
		},
	}
}

// rebuildProcedure: one record is rotten, and a scrub writes it again.
func rebuildProcedure(ready func(*life) *life) procedure {
	return procedure{
		prepare: func(l *life) *life {
			l = ready(l)
			l.rot(l.records()[0])
			return l
		},
		run: func(l *life, done func()) {
			l.tasks.Go("scrub", func(t *env.Task) {
				if err := l.m.Scrub(t, func(*env.Task, int64) {}); err != nil || len(l.repaired) != 1 {
					l.t.Errorf("%v, repaired %v", err, l.repaired)
				}
				done()
			})
		},
		before: 30, after: 30,
	}
}

// doubtProcedure: one record is rotten, and Open writes the checkpoint again.
func doubtProcedure(ready func(*life) *life) procedure {
	return procedure{
		prepare: func(l *life) *life {
			l = ready(l)
			l.rot(l.records()[1])
			return l.reborn(-1)
		},
		run: func(l *life, done func()) {
			l.m.Open(func(c machine.Checkpoint, err error) {
				if err != nil || len(l.repaired) != 1 || c.ID < 3 {
					l.t.Errorf("%+v, %v, repaired %v", c, err, l.repaired)
				}
				done()
			})
		},
		before: 30, after: 30,
	}
}

func formatProcedure() procedure {
	return procedure{
		prepare: func(l *life) *life { return l },
		run:     func(l *life, done func()) { l.m.Format([]byte("genesis"), func(error) { done() }) },
		open: func(l *life) machine.Checkpoint {
			c, err := l.tryOpen()
			if err == nil {
				return c
			}
			if !errors.Is(err, memstate.ErrNotFormatted) {
				l.t.Fatal(err)
			}
			l.format()
			return l.open()
		},
	}
}

// reformatProcedure: both records are lost, and the machine begins anew.
func reformatProcedure(ready func(*life) *life) procedure {
	anew := func(l *life, t *env.Task) error { return l.m.Reformat(t, []byte("anew"), 50) }
	return procedure{
		prepare: func(l *life) *life {
			l = ready(l)
			for _, name := range l.records() {
				l.rot(name)
			}
			return l.reborn(-1)
		},
		run: func(l *life, done func()) {
			l.tasks.Go("reformat", func(t *env.Task) {
				if err := anew(l, t); err != nil {
					l.t.Error(err)
				}
				done()
			})
		},
		open: func(l *life) machine.Checkpoint {
			c, err := l.tryOpen()
			if err != nil {
				if !errors.Is(err, memstate.ErrDamaged) {
					l.t.Fatal(err)
				}
				l.must(l.in(func(t *env.Task) error { return anew(l, t) }))
				c = l.open()
			}
			if c.ID <= 50 || string(c.Meta) != "anew" {
				l.t.Fatalf("began anew with %+v", c)
			}
			return c
		},
	}
}

// rot flips a bit in the middle of a file of the disk.
func (l *life) rot(name string) {
	l.t.Helper()
	raw, ok := l.disk.ReadRaw(name)
	if !ok || !l.disk.Rot(name, int64(len(raw)/2), 3) {
		l.t.Fatalf("%s cannot rot", name)
	}
}
