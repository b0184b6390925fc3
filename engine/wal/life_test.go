package wal_test

import (
	"errors"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// TestBacklog counts bytes until the disk has carried them out.
func TestBacklog(t *testing.T) {
	_, p := fresh(t, 1, 4096)
	p.apply(makeHistory(5, 100), 100)
	segments := p.log.Segments()
	waiting := p.log.Backlog()
	if waiting == 0 || waiting > segments[len(segments)-1].Bytes+p.log.EndOffset()*1000 {
		t.Errorf("backlog %d", waiting)
	}
	p.steps(1 << 20)
	if got := p.log.Backlog(); got != 0 {
		t.Errorf("backlog %d after the disk is done", got)
	}
}

// TestReadersKeepFewFilesOpen, however many segments they visit.
func TestReadersKeepFewFilesOpen(t *testing.T) {
	_, p := fresh(t, 1, 1)
	h := makeHistory(5, 300)
	p.apply(h, 300)
	p.checkpoint("")
	segments := p.log.Segments()
	if len(segments) < 20 {
		t.Fatalf("%d segments", len(segments))
	}
	for range 2 {
		for _, s := range segments {
			if _, err := p.read(s.Base, s.End, 10); err != nil {
				t.Fatal(err)
			}
			if p.mount.open > 5 {
				t.Fatalf("%d open files", p.mount.open)
			}
		}
	}
}

// TestCloseEndsEverything: no file stays open, nothing completes, reads say so.
func TestCloseEndsEverything(t *testing.T) {
	_, p := fresh(t, 1, 1)
	p.apply(makeHistory(5, 100), 100)
	p.log.Checkpoint(nil, func(machine.Checkpoint, error) { t.Error("a checkpoint completed") })
	p.log.Read(0, 10, 10, func([]byte, error) { t.Error("a read completed") })
	p.steps(3)
	p.log.Close()
	p.steps(1 << 20)
	refused := false
	p.log.Read(0, 10, 10, func(_ []byte, err error) { refused = errors.Is(err, wal.ErrStopped) })
	if _, err := p.log.Snapshot(); !refused || !errors.Is(err, wal.ErrStopped) {
		t.Errorf("read refused: %v, snapshot %v", refused, err)
	}
	p.tasks.Stop()
	if len(p.fatal) != 0 || p.mount.open != 0 {
		t.Errorf("fatal %v, %d open files", p.fatal, p.mount.open)
	}
}

// TestMisuseIsOurBug: the engine's promises are asserted.
func TestMisuseIsOurBug(t *testing.T) {
	for name, misuse := range map[string]func(*process){
		"apply before open":  func(p *process) { start(t, p.mount.platter, 0).log.Apply(machine.Entry{Index: 1}) },
		"apply again":        func(p *process) { p.apply(makeHistory(5, 9), 9); p.log.Apply(machine.Entry{Index: 9, Term: 9}) },
		"open twice":         func(p *process) { p.log.Open(func(machine.Checkpoint, error) {}) },
		"two checkpoints":    func(p *process) { p.log.Checkpoint(nil, nil); p.log.Checkpoint(nil, nil) },
		"restore meanwhile":  func(p *process) { p.log.Checkpoint(nil, nil); p.log.Restore(machine.Manifest{}, nil, nil) },
		"a term that falls":  func(p *process) { p.log.Apply(entry(1, 5)); p.log.Apply(entry(2, 4)) },
		"checkpoint unready": func(p *process) { start(t, p.mount.platter, 0).log.Checkpoint(nil, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			_, p := fresh(t, 1, 0)
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			misuse(p)
		})
	}
}

func entry(index, term uint64) machine.Entry {
	return machine.Entry{Index: index, Term: term, Data: wal.AppendBatchCommand(nil, batch(1, 1, 10))}
}

// TestClosedInTheMiddle: a log that is closed in the middle of a checkpoint, a
// scrub or a snapshot touches nothing any more: another one on the same files, of
// the same process, is not disturbed.
func TestClosedInTheMiddle(t *testing.T) {
	h := makeHistory(31, 120)
	_, m, source := donor(t, h)
	for steps := range 120 {
		_, p := fresh(t, uint64(steps), 4096)
		p.apply(h, 40)
		promised := p.checkpoint("first")
		p.apply(h, 60)
		if steps%2 == 0 {
			p.log.Checkpoint(nil, func(c machine.Checkpoint, _ error) { promised = c })
		} else {
			p.log.Restore(m, source, func(c machine.Checkpoint, _ error) { promised = c })
		}
		p.steps(steps)
		p.log.Close()
		q := &process{t: t, mount: p.mount, tasks: p.tasks}
		q.log = wal.New(env.Env{Disk: p.mount, Clock: p.mount}, p.tasks, q.config(4096), func(err error) { t.Error(err) })
		if c := q.mustOpen(); c.ID < promised.ID {
			t.Fatalf("%d steps: opened %+v, promised %+v", steps, c, promised)
		}
		q.apply(h, 90)
		promised = q.checkpoint("")
		q.steps(1 << 20)
		q.apply(h, 120)
		equal(t, reference(t, h), q)
		q, _ = q.reborn(loseAll, promised)
		q.apply(h, 120)
		q.scrub()
		equal(t, reference(t, h), q)
		if len(q.damaged) > 0 || len(p.fatal) > 0 {
			t.Fatalf("%d steps: damaged %v, fatal %v", steps, q.damaged, p.fatal)
		}
		q.kill()
	}
}
