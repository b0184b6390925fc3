package wal_test

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// files is a Source in memory; it answers inside the call.
type files map[string][]byte

func (f files) ReadAt(name string, off int64, n int, done func([]byte, error)) {
	b, ok := f[name]
	if !ok {
		done(nil, fmt.Errorf("no file %s", name))
		return
	}
	done(b[min(off, int64(len(b))):min(off+int64(n), int64(len(b)))], nil)
}

// donor is a log at 100 with a checkpoint at 80, and its snapshot as files.
func donor(t tb, h history) (*process, machine.Manifest, files) {
	_, p := fresh(t, 50, 4096)
	p.apply(h, 80)
	p.checkpoint("donor's meta")
	p.apply(h, 100)
	m, err := p.log.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	all := files{}
	for _, f := range m.Files {
		p.log.ReadAt(f.Name, 0, int(f.Bytes), func(b []byte, err error) {
			if err != nil {
				t.Fatal(err)
			}
			all[f.Name] = b
		})
	}
	p.until(func() bool { return len(all) == len(m.Files) })
	return p, m, all
}

func (p *process) restore(m machine.Manifest, from machine.Source) (machine.Checkpoint, error) {
	p.t.Helper()
	var (
		c    machine.Checkpoint
		err  error
		done bool
	)
	p.log.Restore(m, from, func(got machine.Checkpoint, e error) { c, err, done = got, e, true })
	p.until(func() bool { return done })
	return c, err
}

// TestRestoreFromAnotherLog goes log to log, onto one that has segments of its
// own under the same names, and on from there.
func TestRestoreFromAnotherLog(t *testing.T) {
	h := makeHistory(31, 120)
	from, m, _ := donor(t, h)
	for _, applied := range []uint64{0, 30, 80} {
		_, p := fresh(t, 51, 4096)
		p.apply(h, applied)
		mine := p.checkpoint("mine")
		var c machine.Checkpoint
		p.log.Restore(m, from.log, func(got machine.Checkpoint, err error) {
			if err != nil {
				t.Error(err)
			}
			c = got
		})
		for c.ID == 0 && (p.mount.step() || from.mount.step()) {
		}
		if c.ID <= mine.ID || c.Index != 80 || string(c.Meta) != "donor's meta" {
			t.Fatalf("restored %+v", c)
		}
		p.apply(h, 90)
		p, again := p.reborn(loseAll, c)
		if string(again.Meta) != "donor's meta" {
			t.Fatalf("opened %+v", again)
		}
		p.apply(h, 100)
		equal(t, from, p)
		p, _ = p.reborn(keepSubset, p.checkpoint("next"))
		equal(t, from, p)
		generations := map[string]int{}
		for name := range p.mount.names {
			if base, kind, _ := strings.Cut(path.Base(name), "."); strings.HasPrefix(kind, "log") {
				generations[base]++
			}
		}
		for base, n := range generations {
			if n > 1 {
				t.Errorf("%d files of segment %s", n, base)
			}
		}
	}
}

// TestCrashAtEveryStepOfARestore: the old log or the new one, never a mixture,
// and the new one if it was reported; a restore tried again succeeds.
func TestCrashAtEveryStepOfARestore(t *testing.T) {
	h := makeHistory(31, 120)
	_, m, source := donor(t, h)
	want := reference(t, h)
	for kind := range losses {
		t.Run(kind.String(), func(t *testing.T) {
			for steps, ended := 0, false; !ended; steps++ {
				_, p := fresh(t, uint64(steps), 4096)
				p.apply(h, 40)
				promised := p.checkpoint("first")
				p.apply(h, 60)
				p.log.Restore(m, source, func(c machine.Checkpoint, err error) {
					promised, ended = c, true
				})
				p.steps(steps)

				p, c := p.reborn(kind, promised)
				if c.Index != 40 && c.Index != 80 {
					t.Fatalf("after %d steps: at index %d", steps, c.Index)
				}
				p, c = p.reborn(loseAll, c)
				again, err := p.restore(m, source)
				if err != nil || again.Index != 80 || again.ID <= c.ID {
					t.Fatalf("after %d steps: restored %+v, %v", steps, again, err)
				}
				p, _ = p.reborn(kind, again)
				p.apply(h, 120)
				equal(t, want, p)
				p.kill()
			}
		})
	}
}

// TestRefusedSnapshots leave the log as it was, on the disk too.
func TestRefusedSnapshots(t *testing.T) {
	h := makeHistory(31, 120)
	_, good, source := donor(t, h)
	rotten := files{}
	for name, b := range source {
		rotten[name] = append([]byte(nil), b...)
	}
	last := good.Files[len(good.Files)-1].Name
	rotten[last][3] ^= 1
	short := files{}
	for name, b := range source {
		short[name] = b[:len(b)-1]
	}
	bad := func(change func(*machine.Manifest)) machine.Manifest {
		m := good
		m.Body = append([]byte(nil), m.Body...)
		m.Files = append([]machine.FileInfo(nil), m.Files...)
		change(&m)
		return m
	}
	for _, c := range []struct {
		name    string
		applied uint64
		m       machine.Manifest
		from    machine.Source
		err     error
	}{
		{"rotten file", 40, good, rotten, wal.ErrSnapshot},
		{"short file", 40, good, short, wal.ErrSnapshot},
		{"no file", 40, good, files{}, nil},
		{"rotten body", 40, bad(func(m *machine.Manifest) { m.Body[40] ^= 1 }), source, wal.ErrSnapshot},
		{"no body", 40, bad(func(m *machine.Manifest) { m.Body = nil }), source, wal.ErrSnapshot},
		{"another index", 40, bad(func(m *machine.Manifest) { m.Checkpoint.Index++ }), source, wal.ErrSnapshot},
		{"another file", 40, bad(func(m *machine.Manifest) { m.Files[0].Bytes++ }), source, wal.ErrSnapshot},
		{"older than the log", 100, good, source, wal.ErrSnapshot},
	} {
		d, p := fresh(t, 51, 4096)
		p.apply(h, c.applied)
		mine := p.checkpoint("mine")
		names := len(d.names)
		if _, err := p.restore(c.m, c.from); err == nil || c.err != nil && !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.name, err)
		}
		if len(d.names) != names {
			t.Errorf("%s: %d files, had %d", c.name, len(d.names), names)
		}
		if c.applied == 40 {
			if _, err := p.restore(good, source); err != nil {
				t.Errorf("%s, then a good one: %v", c.name, err)
			}
			p, _ = p.reborn(loseAll, mine)
		}
		p.apply(h, 120)
		equal(t, reference(t, h), p)
	}
}

// TestReadersAcrossARestore get the old log's bytes, the new one's, or an error
// that says to read again.
func TestReadersAcrossARestore(t *testing.T) {
	h := makeHistory(31, 120)
	_, m, source := donor(t, h)
	want := expected(h)
	_, p := fresh(t, 52, 1)
	p.apply(h, 70)
	p.checkpoint("")
	replaced, answered := 0, 0
	done := false
	p.log.Restore(m, source, func(machine.Checkpoint, error) { done = true })
	asked := 0
	for i := 0; !done; i++ {
		if i%3 == 0 {
			asked++
			offset := want[i%20].base
			p.log.Read(offset, p.log.EndOffset(), 1, func(b []byte, err error) {
				switch {
				case errors.Is(err, wal.ErrReplaced):
					replaced++
				case err != nil || string(b) != string(want[i%20].bytes):
					t.Errorf("offset %d: %d bytes, %v", offset, len(b), err)
				default:
					answered++
				}
			})
		}
		p.steps(1)
	}
	p.steps(1 << 20)
	if replaced+answered != asked || answered == 0 {
		t.Errorf("%d reads: %d answered, %d replaced", asked, answered, replaced)
	}
	if p.tasks.Live() != 0 || p.mount.open > 5 {
		t.Errorf("%d tasks and %d files left", p.tasks.Live(), p.mount.open)
	}
}

// TestSourceRefusals: only what is in the log can be asked for.
func TestSourceRefusals(t *testing.T) {
	p, m, _ := donor(t, makeHistory(31, 120))
	f := m.Files[0]
	for _, c := range []struct {
		name string
		off  int64
		n    int
	}{
		{"checkpoint-0000000000000002", 0, 1},
		{"../7/" + f.Name, 0, 1},
		{f.Name + ".00000001", 0, 1},
		{"00000000000000000001.log", 0, 1},
		{f.Name, -1, 1},
		{f.Name, 0, -1},
		{f.Name, f.Bytes, 1},
		{f.Name, 0, 1 << 40},
	} {
		refused := false
		p.log.ReadAt(c.name, c.off, c.n, func(b []byte, err error) { refused = err != nil && b == nil })
		if !refused {
			t.Errorf("%+v was not refused", c)
		}
	}
}
