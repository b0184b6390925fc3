package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wal"
	"github.com/lockstep-log/lockstep/sim"
)

// A procedure is something that a crash may interrupt at any operation of the
// disk. Each life is: prepare, run with a crash at the k-th operation, open (and
// crash at the j-th operation of that), open, finish, compare.
type procedure struct {
	prepare func(m *modelled)
	// run does it and calls done in the end.
	run func(m *modelled, done func())
	// open brings the log back; nil: Open. It must not need run to have ended.
	open func(m *modelled) machine.Checkpoint
	// before and after are the indexes that a checkpoint may have.
	before, after uint64
	// finish does again what may have been interrupted; nil: nothing.
	finish func(m *modelled)
}

// crashModes are the ways to end: of the process alone (-1), or of the power.
var crashModes = []int{-1, int(diskmodel.LoseAll), int(diskmodel.KeepPrefix), int(diskmodel.KeepSubset), int(diskmodel.TornSector)}

func TestCrashAtEveryOperation(t *testing.T) {
	h := trimmedHistory(61, 120)
	_, snapshot, source := donor(t, h)
	for name, p := range procedures(h, snapshot, source) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := reference(t, h)
			states := 0
			for _, mode := range crashModes {
				for k, ended := 1, false; !ended; k++ {
					ended = live(t, &p, h, want, mode, k, 0)
					states++
					for j := 1 + k%5; !ended && k%4 == 0 && j < 40; j += 5 {
						if live(t, &p, h, want, mode, k, j) {
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
func live(t *testing.T, p *procedure, h history, want *process, mode, k, j int) (ended bool) {
	t.Helper()
	kernel := sim.New(uint64(1000*k + j))
	disk := diskmodel.New(kernel, 1, diskmodel.DefaultConfig())
	m := boot(t, kernel, disk)
	m.format()
	m.open()
	p.prepare(m)
	ended = !m.interrupt(mode, k, func(done func()) { p.run(m, done) })
	if ended && j > 0 {
		return true
	}
	m.end(mode)
	open := p.open
	if open == nil {
		open = (*modelled).open
	}
	if j > 0 {
		m = boot(t, kernel, disk)
		again := m
		if !m.interrupt(mode, j, func(done func()) {
			again.tasks.Go("open", func(*env.Task) { again.log.Open(func(machine.Checkpoint, error) { done() }) })
		}) {
			return true
		}
		m.end(mode)
	}
	m = boot(t, kernel, disk)
	c := open(m)
	if c.Index != p.before && c.Index != p.after || ended && c.Index != p.after {
		t.Fatalf("mode %d, operation %d, %d: opened at index %d, ended: %v", mode, k, j, c.Index, ended)
	}
	if p.finish != nil {
		p.finish(m)
	}
	for _, e := range h[m.log.AppliedIndex():] {
		m.log.Apply(e)
	}
	m.checkpoint("after")
	m.scrub()
	if len(m.log.Bad()) > 0 {
		t.Fatalf("mode %d, operation %d, %d: bad in the end: %v", mode, k, j, m.log.Bad())
	}
	if m.log.Fingerprint() != want.log.Fingerprint() || !maps.EqualFunc(m.content(), want.content(), bytes.Equal) {
		t.Fatalf("mode %d, operation %d, %d: logs differ", mode, k, j)
	}
	m.tidy()
	m.tasks.Stop()
	return ended
}

// interrupt runs begin until it is done, or until the k-th operation of the
// disk was carried out, and reports whether it was interrupted.
func (m *modelled) interrupt(mode, k int, begin func(done func())) bool {
	m.t.Helper()
	done, dead := false, false
	count := 0
	m.disk.Observe(func(diskmodel.Step) {
		if count++; count == k && !done {
			dead = true
			m.end(mode)
		}
	})
	defer m.disk.Observe(nil)
	begin(func() { done = true })
	for !done && !dead {
		if !m.kernel.Step() {
			m.t.Fatalf("nothing left to happen (failed: %v)", m.failed)
		}
	}
	return dead
}

// end ends the process, or the power.
func (m *modelled) end(mode int) {
	m.tasks.Stop()
	if mode < 0 {
		m.disk.Crash()
	} else {
		m.disk.PowerLoss(diskmodel.LossMode(mode))
	}
}

func (m *modelled) format() {
	m.await(func(done func()) {
		m.log.Format([]byte("genesis"), func(err error) {
			if err != nil {
				m.t.Fatal(err)
			}
			done()
		})
	})
}

func (m *modelled) apply(h history, to uint64) {
	for _, e := range h[m.log.AppliedIndex():to] {
		m.log.Apply(e)
	}
}

func (m *modelled) checkpoint(meta string) {
	m.t.Helper()
	m.await(func(done func()) {
		m.log.Checkpoint([]byte(meta), func(_ machine.Checkpoint, err error) {
			if err != nil {
				m.t.Fatal(err)
			}
			done()
		})
	})
}

// in runs f as a task to its end.
func (m *modelled) in(f func(t *env.Task) error) (err error) {
	m.t.Helper()
	m.await(func(done func()) {
		m.tasks.Go("test", func(t *env.Task) {
			err = f(t)
			done()
		})
	})
	return err
}

func (m *modelled) scrub() {
	m.t.Helper()
	if err := m.in(func(t *env.Task) error { return m.log.Scrub(t, func(*env.Task, int64) {}) }); err != nil {
		m.t.Fatal(err)
	}
}

// tidy checks that nothing is left but the log: its segments, their indexes, one
// checkpoint.
func (m *modelled) tidy() {
	m.t.Helper()
	for m.kernel.Step() { // removals
	}
	named := map[string]bool{}
	for _, s := range m.log.Segments() {
		named[s.Name] = true
		named[strings.Replace(s.Name, ".log", ".index", 1)] = true
	}
	records := 0
	for _, name := range m.disk.Files() {
		switch {
		case strings.HasPrefix(name, "groups/7/checkpoint-"):
			records++
		case !named[name] && !strings.HasPrefix(name, "groups/7/stage."):
			m.t.Fatalf("%s is left over", name)
		}
	}
	if records != 2 {
		m.t.Fatalf("%d records: %v", records, m.disk.Files())
	}
}

// repairAll mends what Bad lists from what staged has, as it is or over bytes.
func (m *modelled) repairAll(t *env.Task, content files) error {
	for _, b := range m.log.Bad() {
		info := b.Info()
		whole := content[info.Name]
		if int64(len(whole)) < info.Bytes {
			return fmt.Errorf("the source has %d bytes of %s, wanted %d", len(whole), info.Name, info.Bytes)
		}
		s, err := stage(t, m.mount, "groups/7", files{info.Name: whole[:info.Bytes]}, []machine.FileInfo{info})
		if err != nil {
			return err
		}
		if err := m.log.Repair(t, b.Base, s); err != nil {
			return err
		}
	}
	return nil
}

// rot flips a bit in the middle of a file of the disk.
func (m *modelled) rot(name string) {
	m.t.Helper()
	raw, ok := m.disk.ReadRaw(name)
	if !ok || !m.disk.Rot(name, int64(len(raw)/2), 3) {
		m.t.Fatalf("%s cannot rot", name)
	}
}

// scribble overwrites some of a file.
func (m *modelled) scribble(name string) {
	m.t.Helper()
	err := m.in(func(t *env.Task) error {
		f, err := t.Open(m.mount, name, env.OpenExisting)
		if err != nil {
			return err
		}
		defer f.Close()
		return t.WriteAt(f, []byte("scribbled"), 50)
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// newestRecord is the name of the newest checkpoint's first record.
func (m *modelled) newestRecord() (name string) {
	for _, f := range m.disk.Files() {
		if strings.HasPrefix(f, "groups/7/checkpoint-") && !strings.HasSuffix(f, ".b") {
			name = f
		}
	}
	return name
}

func procedures(h history, snapshot machine.Manifest, source files) map[string]procedure {
	checkpointed := func(at, applied uint64) func(m *modelled) {
		return func(m *modelled) {
			m.apply(h, at)
			m.checkpoint("first")
			m.apply(h, applied)
		}
	}
	checkpoint := func(m *modelled, done func()) {
		m.log.Checkpoint([]byte("second"), func(machine.Checkpoint, error) { done() })
	}
	return map[string]procedure{
		"checkpoint": {prepare: checkpointed(5, 20), run: checkpoint, before: 5, after: 20},
		"trim":       {prepare: checkpointed(40, 100), run: checkpoint, before: 40, after: 100},
		"rebuild":    rebuildProcedure(h),
		"install":    installProcedure(h, snapshot, source, true),
		"fetch":      installProcedure(h, snapshot, source, false),
		"repair":     repairProcedure(h, false),
		"overwrite":  repairProcedure(h, true),
		"reformat":   reformatProcedure(h, snapshot, source),
	}
}

// rebuildProcedure: one record and one index are rotten, and a scrub mends them.
func rebuildProcedure(h history) procedure {
	return procedure{
		prepare: func(m *modelled) {
			m.apply(h, 30)
			m.checkpoint("first")
			m.rot(m.newestRecord())
			m.scribble(strings.Replace(m.log.Segments()[0].Name, ".log", ".index", 1))
		},
		run: func(m *modelled, done func()) {
			m.tasks.Go("scrub", func(t *env.Task) {
				if err := m.log.Scrub(t, func(*env.Task, int64) {}); err != nil {
					m.t.Error(err)
				}
				done()
			})
		},
		before: 30, after: 30,
	}
}

// installProcedure: a snapshot over a log that has some of its segments.
func installProcedure(h history, snapshot machine.Manifest, source files, give bool) procedure {
	var from machine.Source
	return procedure{
		prepare: func(m *modelled) {
			m.apply(h, 40)
			m.checkpoint("first")
			m.apply(h, 60)
			from = source
			if !give {
				return
			}
			var missing []machine.FileInfo
			for i, kept := range m.log.Keeps(snapshot) {
				if !kept {
					missing = append(missing, snapshot.Files[i])
				}
			}
			if len(missing) == 0 || len(missing) == len(snapshot.Files) {
				m.t.Fatalf("%d of %d files to be given", len(missing), len(snapshot.Files))
			}
			err := m.in(func(t *env.Task) (err error) {
				from, err = stage(t, m.mount, "groups/7", source, missing)
				return err
			})
			if err != nil {
				m.t.Fatal(err)
			}
		},
		run: func(m *modelled, done func()) {
			m.log.Restore(snapshot, from, func(_ machine.Checkpoint, err error) {
				if err != nil {
					m.t.Error(err)
				}
				done()
			})
		},
		before: 40, after: 80,
		finish: func(m *modelled) {
			m.await(func(done func()) {
				again := &staged{files: source, disk: m.mount, dir: "groups/7"}
				m.log.Restore(snapshot, again, func(c machine.Checkpoint, err error) {
					if err != nil || !c.Installed {
						m.t.Errorf("restored again: %+v, %v", c, err)
					}
					done()
				})
			})
		},
	}
}

// repairProcedure: a sealed segment, or the active one, has rotted.
func repairProcedure(h history, active bool) procedure {
	content := files{}
	mend := func(m *modelled, t *env.Task) error {
		if err := m.log.Scrub(t, func(*env.Task, int64) {}); err != nil {
			return err
		}
		return m.repairAll(t, content)
	}
	return procedure{
		prepare: func(m *modelled) {
			m.apply(h, 30)
			m.checkpoint("first")
			maps.Copy(content, filesOf(m.content()))
			segments := m.log.Segments()
			victim := segments[0]
			if active {
				victim = segments[len(segments)-1]
			}
			m.rot(victim.Name)
		},
		run: func(m *modelled, done func()) {
			m.tasks.Go("repair", func(t *env.Task) {
				if err := mend(m, t); err != nil || len(m.repaired) != 1 || len(m.log.Bad()) != 0 {
					m.t.Errorf("%v, repaired %v, bad %v", err, m.repaired, m.log.Bad())
				}
				done()
			})
		},
		before: 30, after: 30,
		finish: func(m *modelled) {
			if err := m.in(func(t *env.Task) error { return mend(m, t) }); err != nil {
				m.t.Fatal(err)
			}
		},
	}
}

// reformatProcedure: both records are lost, and the log begins anew.
func reformatProcedure(h history, snapshot machine.Manifest, source files) procedure {
	anew := func(m *modelled, t *env.Task) error { return m.log.Reformat(t, []byte("anew"), 50) }
	return procedure{
		prepare: func(m *modelled) {
			m.apply(h, 60)
			m.checkpoint("first")
			record := m.newestRecord()
			m.rot(record)
			m.rot(record + ".b")
			m.end(-1)
			m.restart()
		},
		run: func(m *modelled, done func()) {
			m.log.Open(func(_ machine.Checkpoint, err error) {
				if !errors.Is(err, wal.ErrDamaged) {
					m.t.Errorf("opened: %v", err)
				}
				m.tasks.Go("reformat", func(t *env.Task) {
					if err := anew(m, t); err != nil {
						m.t.Error(err)
					}
					done()
				})
			})
		},
		open: func(m *modelled) (c machine.Checkpoint) {
			var opened error
			m.await(func(done func()) {
				m.log.Open(func(got machine.Checkpoint, err error) { c, opened = got, err; done() })
			})
			if opened == nil {
				return c
			}
			if err := m.in(func(t *env.Task) error { return anew(m, t) }); !errors.Is(opened, wal.ErrDamaged) || err != nil {
				m.t.Fatal(opened, err)
			}
			return m.open()
		},
		finish: func(m *modelled) {
			kept := 0
			for i, k := range m.log.Keeps(snapshot) {
				if k {
					m.await(func(done func()) {
						m.log.Verify(snapshot.Files[i], func(ok bool, err error) {
							if ok && err == nil {
								kept++
							}
							done()
						})
					})
				}
			}
			if kept == 0 {
				m.t.Error("no segment was kept")
			}
			m.await(func(done func()) {
				m.log.Restore(snapshot, source, func(c machine.Checkpoint, err error) {
					if err != nil || c.ID <= 50 {
						m.t.Errorf("restored %+v, %v", c, err)
					}
					done()
				})
			})
		},
	}
}
