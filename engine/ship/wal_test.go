package ship_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/record"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// openLog gives a host a real log; format makes it first.
func (w *world) openLog(h *host, format bool) *wal.Log {
	w.t.Helper()
	p := h.p
	settings := wal.Settings{SegmentBytes: 1000, IndexIntervalBytes: 200, MaxBatchBytes: 4000}
	log := wal.New(p.env, p.tasks, wal.Config{Dir: dir, Genesis: settings}, func(err error) { w.t.Errorf("node %d: %v", h.id, err) })
	w.task(h, func(t *env.Task) {
		var err error
		if format {
			t.Await(func(done func()) { log.Format([]byte("genesis"), func(e error) { err = e; done() }) })
		}
		if err == nil {
			t.Await(func(done func()) { log.Open(func(_ machine.Checkpoint, e error) { err = e; done() }) })
		}
		if err != nil {
			w.t.Errorf("node %d opens its log: %v", h.id, err)
		}
	})
	p.log = log
	return log
}

// grow applies batches up to an index and makes a checkpoint.
func (w *world) grow(h *host, to uint64) {
	w.t.Helper()
	log := h.p.log
	w.task(h, func(t *env.Task) {
		for i := log.AppliedIndex() + 1; i <= to; i++ {
			b := record.NewBuilder(1000)
			b.Add(1000, fmt.Appendf(nil, "key-%d", i), bytes.Repeat([]byte{byte(i)}, int(i*37%150)))
			log.Apply(machine.Entry{Index: i, Term: 1 + i/20, Data: wal.AppendBatchCommand(nil, b.Build())})
		}
		t.Await(func(done func()) {
			log.Checkpoint([]byte("meta"), func(_ machine.Checkpoint, err error) {
				if err != nil {
					w.t.Errorf("checkpoint: %v", err)
				}
				done()
			})
		})
	})
}

// content reads a whole log.
func (w *world) content(h *host) (all []byte) {
	w.t.Helper()
	w.task(h, func(t *env.Task) {
		for _, s := range h.p.log.Segments() {
			b, err := h.p.log.ReadSegment(t, s.Base)
			if err != nil {
				w.t.Errorf("node %d: segment at %d: %v", h.id, s.Base, err)
			}
			all = append(all, b...)
		}
	})
	return all
}

// install stages the snapshot and lets the log restore itself from it.
func (w *world) install(ref ship.Ref) (done *bool) {
	p := w.host(1).p
	done = new(bool)
	p.exec(func() {
		p.ship.Stage(ref, dir, p.log, 2, func(g *ship.Staged, err error) {
			if err != nil {
				w.t.Errorf("staging: %v", err)
				return
			}
			p.log.Restore(g.Manifest, g, func(_ machine.Checkpoint, err error) {
				if err != nil {
					w.t.Errorf("restoring: %v", err)
				}
				g.Discard(func(err error) {
					if *done = true; err != nil {
						w.t.Errorf("discarding: %v", err)
					}
				})
			})
		})
	})
	return done
}

func bytesOf(m machine.Manifest) (n int64) {
	for _, f := range m.Files {
		n += f.Bytes
	}
	return n
}

// TestLogToLog: a real log is brought up to another one's snapshot, keeping the
// segments that it has; the process dies at each single operation meanwhile.
func TestLogToLog(t *testing.T) {
	for _, d := range deaths {
		for steps, ended := 0, false; !ended; steps++ {
			w := newWorld(t, uint64(steps), 2, small)
			w.openLog(w.host(1), true)
			w.openLog(w.host(2), true)
			w.grow(w.host(1), 25)
			w.grow(w.host(2), 40)
			manifest, err := w.host(2).p.log.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			ref, err := w.host(2).p.ship.Offer(group, manifest)
			if err != nil {
				t.Fatal(err)
			}
			w.grow(w.host(2), 60) // goes on meanwhile, its segments grow
			died := w.crashAt(steps, d)
			done := w.install(ref)
			w.until(func() bool { return *done || *died })
			w.host(1).disk.Observe(nil)
			if ended = !*died; !ended {
				w.host(1).boot()
				w.openLog(w.host(1), false)
				if w.host(1).p.log.AppliedIndex() < 40 {
					done = w.install(ref)
					w.until(func() bool { return *done })
				}
			} else if got, all := w.host(1).p.ship.Stats().ReceivedBytes, ref.Bytes+bytesOf(manifest); got > all/2 {
				t.Errorf("%d bytes of %d fetched, little was kept", got, all)
			}
			w.grow(w.host(1), 60)
			if !bytes.Equal(w.content(w.host(1)), w.content(w.host(2))) || w.host(1).p.log.Fingerprint() != w.host(2).p.log.Fingerprint() {
				t.Fatalf("%s after %d steps: the logs differ", d, steps)
			}
		}
	}
}

// TestRepairOfALog: a segment that rotted comes back from the other log.
func TestRepairOfALog(t *testing.T) {
	w := newWorld(t, 50, 2, small)
	for _, h := range w.hosts {
		w.openLog(h, true)
		w.grow(h, 60)
	}
	s := w.host(1).p.log.Segments()[1]
	w.host(1).crash(false, 0)
	name := s.Name
	if !w.host(1).disk.Rot(name, s.Bytes/2, 1) {
		t.Fatalf("no %s in %v", name, w.host(1).disk.Files())
	}
	w.host(1).boot()
	log := w.openLog(w.host(1), false)
	w.task(w.host(1), func(task *env.Task) {
		if err := log.Scrub(task, func(*env.Task, int64) {}); err != nil {
			t.Errorf("scrub: %v", err)
		}
	})
	bad := log.Bad()
	if len(bad) != 1 || bad[0].Base != s.Base {
		t.Fatalf("the scrub found %+v", bad)
	}
	o := w.fetch(bad[0].Info())
	w.until(func() bool { return o.done > 0 })
	if o.err != nil {
		t.Fatal(o.err)
	}
	w.task(w.host(1), func(task *env.Task) {
		if err := log.Repair(task, bad[0].Base, o.staged); err != nil {
			t.Errorf("repair: %v", err)
		}
	})
	if len(log.Bad()) != 0 || !bytes.Equal(w.content(w.host(1)), w.content(w.host(2))) {
		t.Errorf("bad: %v", log.Bad())
	}
}
