package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wal"
	"github.com/lockstep-log/lockstep/sim"
)

// repair stages what Bad asks for from content and repairs it.
func (p *process) repair(b wal.BadFile, content files) error {
	p.t.Helper()
	info := b.Info()
	whole := content[info.Name]
	s := p.stage(files{info.Name: whole[:min(info.Bytes, int64(len(whole)))]}, []machine.FileInfo{info})
	return p.in(func(t *env.Task) error { return p.log.Repair(t, b.Base, s) })
}

// TestRepair: each segment, with the log open or not, from good bytes and from
// others.
func TestRepair(t *testing.T) {
	h := makeHistory(21, 120)
	good := filesOf(reference(t, h[:100]).content())
	want := reference(t, h)
	for _, opened := range []bool{false, true} {
		for name := range good {
			d := worn(t, 1)
			d.files(t)
			file := "groups/7/" + name
			p := start(t, d, 4096)
			if opened {
				p.mustOpen()
				d.names[file].data[len(d.names[file].data)/2] ^= 1
				p.scrub()
				if len(p.damaged) != 1 {
					t.Fatalf("%s: found %v", name, p.damaged)
				}
				p.scrub()
			} else {
				d.names[file].data = d.names[file].data[:1]
				if _, err := p.open(); err == nil {
					t.Fatal("opened")
				}
			}
			bad := p.log.Bad()
			if len(bad) != 1 || bad[0].File != file || len(p.damaged) > 1 {
				t.Fatalf("%s: bad %v, told %v", name, bad, p.damaged)
			}
			wrong := files{name: bytes.Repeat([]byte{1}, len(good[name]))}
			if err := p.repair(bad[0], wrong); !errors.Is(err, wal.ErrDamaged) || len(p.log.Bad()) != 1 {
				t.Fatalf("%s: repaired from other bytes: %v", name, err)
			}
			if err := p.repair(bad[0], good); err != nil || len(p.log.Bad()) != 0 || len(p.repaired) != 1 || p.repaired[0].Kind != "segment" {
				t.Fatalf("%s: %v, bad %v, repaired %v", name, err, p.log.Bad(), p.repaired)
			}
			if err := p.repair(bad[0], good); !errors.Is(err, env.ErrNotExist) {
				t.Errorf("%s: repaired again: %v", name, err)
			}
			if !opened {
				p.mustOpen()
			}
			p.apply(h, 120)
			p, _ = p.reborn(loseAll, p.checkpoint(""))
			p.scrub()
			if len(p.damaged) > 0 {
				t.Errorf("%s: %v", name, p.damaged)
			}
			equal(t, want, p)
			p.kill()
		}
	}
}

// TestRepairUnderLoad: readers and appends go on while segments are repaired.
func TestRepairUnderLoad(t *testing.T) {
	h := makeHistory(21, 120)
	batches := expected(h)
	good := filesOf(reference(t, h[:110]).content())
	for seed := range uint64(20) {
		d, p := fresh(t, seed, 1)
		p.apply(h, 100)
		p.checkpoint("")
		for _, s := range p.log.Segments() {
			d.names[s.Name].data[7] ^= 8
		}
		p.scrub()
		bad := p.log.Bad()
		asked, answered := 0, 0
		for i, b := range bad {
			p.apply(h, 100+uint64(min(i, 9)))
			done := false
			info := b.Info()
			s := p.stage(files{info.Name: good[info.Name][:info.Bytes]}, []machine.FileInfo{info})
			p.tasks.Go("repair", func(t *env.Task) {
				if err := p.log.Repair(t, b.Base, s); err != nil {
					p.t.Error(err)
				}
				done = true
			})
			for k := 0; !done; k++ {
				if k%2 == 0 {
					want := batches[(k+int(seed))%40]
					asked++
					p.log.Read(want.base, want.next, 1, func(b []byte, err error) {
						answered++
						if err == nil && !bytes.Equal(b, want.bytes) || err != nil && !errors.Is(err, wal.ErrDamaged) {
							t.Errorf("offset %d: %v", want.base, err)
						}
					})
				}
				p.steps(1)
			}
		}
		p.until(func() bool { return answered == asked })
		p.apply(h, 120)
		p.scrub()
		if len(p.log.Bad()) > 0 || len(p.fatal) > 0 {
			t.Fatalf("bad %v, fatal %v", p.log.Bad(), p.fatal)
		}
		equal(t, reference(t, h), p)
		p.kill()
	}
}

// TestRestoreKeepsWhatItHas: only the segments that this log has not are asked
// for, and bad ones are.
func TestRestoreKeepsWhatItHas(t *testing.T) {
	h := makeHistory(31, 120)
	_, m, source := donor(t, h)
	for _, rotten := range []bool{false, true} {
		d, p := fresh(t, 51, 4096)
		p.apply(h, 60)
		p.checkpoint("mine")
		keeps := p.log.Keeps(m)
		if rotten {
			d.names["groups/7/"+m.Files[0].Name].data[9] ^= 2
		}
		asked := map[string]bool{}
		c, err := p.restore(m, watched{source, asked})
		if err != nil || !c.Installed || c.Index != 80 {
			t.Fatalf("%+v, %v", c, err)
		}
		kept := 0
		for i, f := range m.Files {
			if keeps[i] {
				kept++
			}
			if want := !keeps[i] || rotten && i == 0; asked[f.Name] != want {
				t.Errorf("rotten %v: %s asked for: %v, want %v", rotten, f.Name, !want, want)
			}
		}
		if kept < 2 || kept == len(m.Files) {
			t.Errorf("%d of %d kept", kept, len(m.Files))
		}
		p, again := p.reborn(keepSubset, c)
		if !again.Installed {
			t.Error("a start has forgotten that the snapshot was installed")
		}
		p.apply(h, 120)
		if next := p.checkpoint(""); next.Installed {
			t.Error("a checkpoint of its own is called installed")
		}
		p.scrub()
		if len(p.damaged) > 0 {
			t.Error(p.damaged)
		}
		equal(t, reference(t, h), p)
		p.kill()
	}
}

// watched is a source that notes what is asked of it.
type watched struct {
	machine.Source
	asked map[string]bool
}

func (w watched) ReadAt(file string, off int64, n int, done func([]byte, error)) {
	w.asked[file] = true
	w.Source.ReadAt(file, off, n, done)
}

// TestSnapshotsAreEqual: logs with different pasts and disks describe one state
// alike, but for the id.
func TestSnapshotsAreEqual(t *testing.T) {
	h := makeHistory(31, 120)
	_, m, source := donor(t, h)
	_, a := fresh(t, 51, 4096)
	a.apply(h, 60)
	a.checkpoint("")
	if _, err := a.restore(m, source); err != nil {
		t.Fatal(err)
	}
	_, b := fresh(t, 52, 1)
	var bodies [][]byte
	for _, p := range []*process{a, b} {
		p.apply(h, 110)
		p.checkpoint("meta")
		s, err := p.log.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		copy(s.Body[12:24], make([]byte, 12)) // checksum and id
		bodies = append(bodies, s.Body)
	}
	if !bytes.Equal(bodies[0], bodies[1]) {
		t.Errorf("bodies differ:\n%x\n%x", bodies[0], bodies[1])
	}
}

// TestFaultsOfTheMedium plants rot, misdirected, lost and unreadable writes, and
// lost names, in each kind of file: whatever is not as it was written is found by
// a start or a scrub, and mended, or refused.
func TestFaultsOfTheMedium(t *testing.T) {
	h := trimmedHistory(61, 120)
	want := reference(t, h)
	var found [5]int
	for seed := range uint64(150) {
		k := sim.New(seed)
		d := diskmodel.New(k, 1, diskmodel.DefaultConfig())
		m := boot(t, k, d)
		m.format()
		m.open()
		m.apply(h, 40)
		m.checkpoint("first")
		kind := int(seed) % 5
		suffix := []string{".log", ".index", ".b.tmp", ".tmp"}[int(seed)/5%4]
		match := func(name string) bool { return strings.HasSuffix(name, suffix) }
		switch kind {
		case 0:
			d.MisdirectNextWrite(match, 1)
		case 1:
			d.LoseNextWrite(match)
		}
		m.apply(h, 60)
		m.checkpoint("second")
		good := filesOf(m.content())
		if kind > 1 {
			m.plant(kind, suffix)
		}
		m.end(int(diskmodel.LoseAll))
		found[kind] += m.recoverFrom(seed, good)
		for _, e := range h[m.log.AppliedIndex():] {
			m.log.Apply(e)
		}
		if m.log.Fingerprint() != want.log.Fingerprint() {
			t.Fatalf("seed %d: logs differ", seed)
		}
		m.checkpoint("third")
		before := len(m.damaged) + len(m.repaired)
		m.scrub()
		if len(m.damaged)+len(m.repaired) != before {
			t.Fatalf("seed %d: a second scrub found %v, mended %v", seed, m.damaged, m.repaired)
		}
		for base, b := range m.content() {
			if !bytes.Equal(b, want.content()[base]) {
				t.Fatalf("seed %d: segment %d differs", seed, base)
			}
		}
		m.tasks.Stop()
	}
	for kind, n := range found {
		if n == 0 {
			t.Errorf("fault %d was never met", kind)
		}
	}
}

// plant damages a file whose name ends like that.
func (m *modelled) plant(kind int, suffix string) {
	suffix = strings.TrimSuffix(suffix, ".tmp")
	for _, name := range m.disk.Files() {
		base := path.Base(name)
		if !strings.HasSuffix(base, suffix) || suffix == "" && !strings.HasPrefix(base, "checkpoint-") {
			continue
		}
		switch kind {
		case 2:
			m.disk.Rot(name, 30, 2)
		case 3:
			m.disk.FailReads(name, 0, 1)
		case 4:
			m.disk.LoseEntry(name)
		}
		return
	}
}

// recoverFrom opens and scrubs, mending what is found, and tells how much that was.
func (m *modelled) recoverFrom(seed uint64, good files) (found int) {
	m.t.Helper()
	m.restart()
	for {
		var err error
		m.await(func(done func()) {
			m.log.Open(func(c machine.Checkpoint, e error) {
				if err = e; e == nil && c.Index != 60 {
					m.t.Fatalf("seed %d: opened at %d", seed, c.Index)
				}
				done()
			})
		})
		if err == nil {
			break
		}
		damage, ok := errors.AsType[*wal.DamageError](err)
		if !ok {
			m.t.Fatalf("seed %d: %v", seed, err)
		}
		found += len(damage.Bad)
		if err := m.in(func(t *env.Task) error { return m.repairAll(t, good) }); err != nil {
			m.t.Fatalf("seed %d: %v", seed, err)
		}
	}
	m.scrub()
	found += len(m.damaged)
	if err := m.in(func(t *env.Task) error { return m.repairAll(t, good) }); err != nil {
		m.t.Fatalf("seed %d: %v", seed, err)
	}
	return max(found, len(m.repaired))
}

// TestReformatRefusals: nothing that is whole is begun anew.
func TestReformatRefusals(t *testing.T) {
	d := worn(t, 1)
	r := d.records(t)
	anew := func(p *process) error {
		return p.in(func(t *env.Task) error { return p.log.Reformat(t, nil, 0) })
	}
	if err := anew(start(t, d, 0)); !errors.Is(err, wal.ErrFormatted) {
		t.Errorf("a whole one: %v", err)
	}
	d.names[r[0]].data[9] ^= 1
	if err := anew(start(t, d, 0)); !errors.Is(err, wal.ErrFormatted) {
		t.Errorf("one good record: %v", err)
	}
	d.names[r[1]].data[9] ^= 1
	p := start(t, d, 0)
	if err := anew(p); err != nil {
		t.Fatal(err)
	}
	c := p.mustOpen()
	if c.Index != 0 || fmt.Sprintf("groups/7/checkpoint-%016x", c.ID) <= r[0] {
		t.Errorf("opened %+v after %s", c, r[0])
	}
	h := makeHistory(21, 120)
	p.apply(h, 120)
	p, _ = p.reborn(loseAll, p.checkpoint(""))
	equal(t, reference(t, h), p)
	segments := len(p.log.Segments())
	if files := d.logFiles(); len(files) != segments {
		t.Errorf("seeds are left after a checkpoint: %v", files)
	}
}

// TestReformatOverBadSegments: with segments bad that nobody has any more, a log
// whose Open has said so may begin anew, and keeps the others.
func TestReformatOverBadSegments(t *testing.T) {
	h := makeHistory(31, 120)
	_, m, source := donor(t, h)
	d, p := fresh(t, 51, 4096)
	p.apply(h, 60)
	mine := p.checkpoint("mine")
	p.kill()
	gone := m.Files[1].Name
	delete(d.names, "groups/7/"+gone)
	p = start(t, d, 4096)
	if _, err := p.open(); !errors.Is(err, wal.ErrDamaged) {
		t.Fatal(err)
	}
	if err := p.in(func(t *env.Task) error { return p.log.Reformat(t, nil, 0) }); err != nil {
		t.Fatal(err)
	}
	if c := p.mustOpen(); c.Index != 0 || c.ID <= mine.ID {
		t.Fatalf("opened %+v", c)
	}
	asked := map[string]bool{}
	c, err := p.restore(m, watched{source, asked})
	if err != nil || !asked[gone] || asked[m.Files[0].Name] {
		t.Fatalf("%v, asked for %v", err, asked)
	}
	p, _ = p.reborn(loseAll, c)
	p.apply(h, 120)
	p.scrub()
	equal(t, reference(t, h), p)
}

// TestUnreadRecords: what the disk does not give says nothing of the log. One
// record is enough; of none that can be read nothing is concluded.
func TestUnreadRecords(t *testing.T) {
	h := makeHistory(31, 60)
	for unread, want := range map[int]error{1: nil, 2: wal.ErrUnread} {
		k := sim.New(1)
		d := diskmodel.New(k, 1, diskmodel.DefaultConfig())
		m := boot(t, k, d)
		m.format()
		m.open()
		m.apply(h, 60)
		m.checkpoint("")
		record := m.newestRecord()
		for _, name := range []string{record, record + ".b"}[:unread] {
			d.FailReads(name, 0, 1)
		}
		m.end(int(diskmodel.LoseAll))
		m.restart()
		var err error
		m.await(func(done func()) {
			m.log.Open(func(_ machine.Checkpoint, e error) { err = e; done() })
		})
		if !errors.Is(err, want) || errors.Is(err, wal.ErrDamaged) {
			t.Errorf("%d unread: %v", unread, err)
		}
		if err != nil { // and by another process it can be read again
			d.LiftFaults()
			m.end(-1)
			m.restart()
			m.open()
		}
		m.tasks.Stop()
	}
}
