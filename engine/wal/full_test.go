package wal_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// TestFullDiskAtEveryStep: the disk fills up at any step of applying and of a
// checkpoint. Nothing fails, everything reads, no checkpoint is reported that is
// not durable; with room again the log is as if nothing had been.
func TestFullDiskAtEveryStep(t *testing.T) {
	h := trimmedHistory(12, 120)
	want := reference(t, h)
	batches := expected(h)
	starved := 0
	for steps := 0; steps < 200; steps += 3 {
		_, p := fresh(t, uint64(steps), 1)
		p.apply(h, 40)
		promised := p.checkpoint("first")
		p.apply(h, 70)
		var answer error
		answered := false
		p.log.Checkpoint(nil, func(c machine.Checkpoint, err error) {
			if answer, answered = err, true; err == nil {
				promised = c
			}
		})
		p.steps(steps)
		p.mount.full = true
		p.apply(h, 100)
		p.until(func() bool { return answered })
		if answer != nil && (!errors.Is(answer, env.ErrNoSpace) || !p.log.NoSpace()) {
			t.Fatalf("%d steps: %v, NoSpace %v", steps, answer, p.log.NoSpace())
		}
		for _, b := range batches {
			if b.base < p.log.StartOffset() || b.next > p.log.EndOffset() {
				continue
			}
			got, err := p.read(b.base, b.next, 1)
			if err != nil || string(got) != string(b.bytes) {
				t.Fatalf("%d steps: offset %d: %d bytes, %v", steps, b.base, len(got), err)
			}
		}
		if p.log.NoSpace() {
			starved++
		}
		if steps%2 == 0 { // the process ends while the disk is full
			p.mount.full = false
			p, _ = p.reborn(loss(steps/2)%losses, promised)
		}
		p.mount.full = false
		p.apply(h, 120)
		for done := false; !done || p.log.NoSpace(); {
			var again error
			ended := false
			p.log.Checkpoint(nil, func(_ machine.Checkpoint, err error) { again, ended = err, true })
			p.until(func() bool { return ended })
			done = again == nil
			p.steps(50)
		}
		if len(p.fatal) > 0 || len(p.damaged) > 0 || p.log.Backlog() != 0 {
			t.Fatalf("%d steps: fatal %v, damaged %v, backlog %d", steps, p.fatal, p.damaged, p.log.Backlog())
		}
		p.scrub()
		equal(t, want, p)
		p, _ = p.reborn(loseAll, p.checkpoint("again"))
		equal(t, want, p)
	}
	if starved < 20 {
		t.Errorf("starved only %d times", starved)
	}
}

// TestRoomIsFoundWithoutACheckpoint: a log that had no room for a record says so
// until there is some, and nobody has to ask again.
func TestRoomIsFoundWithoutACheckpoint(t *testing.T) {
	_, p := fresh(t, 5, 4096)
	p.apply(makeHistory(31, 40), 40)
	p.checkpoint("")
	p.mount.full = true
	var answer error
	p.log.Checkpoint(nil, func(_ machine.Checkpoint, err error) { answer = err })
	p.until(func() bool { return answer != nil })
	p.steps(1000)
	if !errors.Is(answer, env.ErrNoSpace) || !p.log.NoSpace() {
		t.Fatalf("%v, NoSpace %v", answer, p.log.NoSpace())
	}
	p.mount.full = false
	names := len(p.mount.names)
	p.until(func() bool { return !p.log.NoSpace() })
	p.steps(1 << 20)
	if len(p.mount.names) != names || len(p.fatal) > 0 {
		t.Errorf("%d files, had %d; fatal %v", len(p.mount.names), names, p.fatal)
	}
}

// TestFullDiskRefusesASnapshot, and leaves the log as it was.
func TestFullDiskRefusesASnapshot(t *testing.T) {
	h := makeHistory(31, 120)
	_, m, source := donor(t, h)
	_, p := fresh(t, 5, 4096)
	p.apply(h, 40)
	p.checkpoint("")
	before := len(p.mount.names)
	p.mount.full = true
	if _, err := p.restore(m, source); !errors.Is(err, env.ErrNoSpace) {
		t.Fatal(err)
	}
	p.mount.full = false
	if len(p.mount.names) != before {
		t.Errorf("%d files, had %d", len(p.mount.names), before)
	}
	if _, err := p.restore(m, source); err != nil {
		t.Fatal(err)
	}
	p.apply(h, 120)
	equal(t, reference(t, h), p)
}

// TestPoolBoundsOpenFiles of many logs that write and read at once, and closes
// all of them when they idle; no bytes are lost on the way.
func TestPoolBoundsOpenFiles(t *testing.T) {
	const logs, limit = 5, 3
	h := makeHistory(5, 150)
	d := newPlatter(1)
	m, tasks := d.mount(), &env.Tasks{}
	pool := wal.NewPool(limit, time.Second)
	var all []*process
	for i := range logs {
		p := &process{t: t, mount: m, tasks: tasks}
		c := p.config(1)
		c.Dir, c.Pool = fmt.Sprintf("groups/%d", i), pool
		p.log = wal.New(env.Env{Disk: m, Clock: m}, tasks, c, func(err error) { t.Error(err) })
		p.format()
		p.mustOpen()
		all = append(all, p)
	}
	reads, asked := 0, 0
	for to := uint64(10); to <= 150; to += 10 {
		for i, p := range all {
			p.apply(h, to)
			asked++
			p.log.Read(p.log.EndOffset()/2, p.log.EndOffset(), 10, func(b []byte, err error) {
				reads++
				if err != nil || len(b) == 0 {
					t.Errorf("log %d: %v", i, err)
				}
			})
			for range 20 {
				m.step()
				if pool.Open() > limit {
					t.Fatalf("%d open files", pool.Open())
				}
			}
		}
		p := all[int(to/10)%logs]
		p.checkpoint("")
	}
	all[0].until(func() bool { return reads == asked })
	m.drain()
	for now := range 5 {
		pool.Sweep(time.Duration(now)*time.Second, 2)
		m.drain()
	}
	if pool.Open() != 0 || m.open != 0 {
		t.Errorf("%d files of the pool, %d of the disk are open", pool.Open(), m.open)
	}
	d.powerLoss(loseAll) // what was closed without a checkpoint was synced, but its name may be gone
	want := reference(t, h)
	for i, p := range all {
		p.log.Close()
		q := &process{t: t, mount: d.mount(), tasks: &env.Tasks{}}
		c := q.config(1)
		c.Dir = fmt.Sprintf("groups/%d", i)
		q.log = wal.New(env.Env{Disk: q.mount, Clock: q.mount}, q.tasks, c, func(err error) { t.Error(err) })
		q.mustOpen()
		q.apply(h, 150)
		equal(t, want, q)
	}
}

// drain runs the loop until only timers are left.
func (m *mount) drain() {
	for {
		timers := m.timers
		m.timers = nil
		more := m.step()
		m.timers = append(timers, m.timers...)
		if !more {
			return
		}
	}
}
