package memstate_test

import (
	"bytes"
	"errors"
	"hash/crc32"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/memstate"
	"github.com/lockstep-log/lockstep/engine/wal"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// TestASnapshotIsOneFile, equal on all replicas at the same index whatever their
// checkpoints were.
func TestASnapshotIsOneFile(t *testing.T) {
	h := history(80)
	man, files := donor(t, h, "meta")
	if len(man.Files) != 1 || len(files) != 1 || man.Checkpoint.Index != 80 || string(man.Checkpoint.Meta) != "meta" {
		t.Fatalf("%+v", man)
	}
	f := man.Files[0]
	if f.Bytes != int64(len(files[f.Name])) || f.Sum != crc32.Checksum(files[f.Name], castagnoli) || !bytes.Equal(files[f.Name], after(h).Save(nil)) {
		t.Errorf("%+v does not describe %x", f, files[f.Name])
	}
	other := fresh(t, 8)
	other.apply(h, 50)
	other.checkpoint("one more")
	other.apply(h, 80)
	other.checkpoint("meta")
	again, err := other.m.Snapshot()
	if err != nil || again.Files[0] != f || !bytes.Equal(again.Body, man.Body) {
		t.Errorf("another replica offers %+v, %v; want %+v", again, err, man)
	}
}

func TestRestoreReplacesTheWholeState(t *testing.T) {
	h := history(120)
	man, files := donor(t, h[:80], "theirs")
	l := fresh(t, 5)
	l.apply(h, 40)
	own := l.checkpoint("ours")
	before := l.m.State()
	c, err := l.restore(man, source{clock: clock{l.kernel}, files: files})
	if err != nil || c.ID <= own.ID || c.Index != 80 || c.Term != man.Checkpoint.Term || !c.Installed || string(c.Meta) != "theirs" {
		t.Fatalf("%+v, %v", c, err)
	}
	if l.m.State() == before {
		t.Error("the old object was changed")
	}
	l.equals(h[:80])
	l.tidy()
	if got, err := l.m.Snapshot(); err != nil || got.Checkpoint.Installed || got.Files[0] != man.Files[0] {
		t.Errorf("offers %+v, %v", got, err)
	}
	l.apply(h, 120)
	if c := l.checkpoint("ours"); c.Installed {
		t.Error("its own checkpoint counts as installed")
	}
	l = l.reborn(1)
	l.open()
	l.equals(h)
}

// TestSnapshotsThatAreRefused leave the state as it was.
func TestSnapshotsThatAreRefused(t *testing.T) {
	h := history(80)
	good, files := donor(t, h, "theirs")
	name := good.Files[0].Name
	broken := errors.New("the wire is cut")
	for what, c := range map[string]struct {
		change func(m *machine.Manifest, s *source)
		want   error
	}{
		"another body":      {func(m *machine.Manifest, _ *source) { m.Body = []byte{1, 2, 3} }, memstate.ErrSnapshot},
		"no file":           {func(m *machine.Manifest, _ *source) { m.Files = nil }, memstate.ErrSnapshot},
		"another index":     {func(m *machine.Manifest, _ *source) { m.Checkpoint.Index++ }, memstate.ErrSnapshot},
		"an old one":        {func(m *machine.Manifest, _ *source) { m.Checkpoint.Index, m.Files[0].Name = 39, "at-0000000000000027" }, memstate.ErrSnapshot},
		"a negative length": {func(m *machine.Manifest, _ *source) { m.Files[0].Bytes = -1 }, memstate.ErrSnapshot},
		"another sum":       {func(m *machine.Manifest, _ *source) { m.Files[0].Sum++ }, memstate.ErrSnapshot},
		"a byte less":       {func(m *machine.Manifest, _ *source) { m.Files[0].Bytes-- }, memstate.ErrSnapshot},
		"a file of a lie":   {func(m *machine.Manifest, _ *source) { m.Files[0].Bytes = 1 << 60 }, env.ErrNotExist},
		"a broken source":   {func(_ *machine.Manifest, s *source) { s.err = broken }, broken},
		"what does not load": {func(m *machine.Manifest, s *source) {
			p := append(bytes.Clone(files[name]), 200)
			s.files = map[string][]byte{name: p}
			m.Files[0].Bytes, m.Files[0].Sum = int64(len(p)), crc32.Checksum(p, castagnoli)
		}, memstate.ErrLoad},
	} {
		man := good
		man.Files = append([]machine.FileInfo(nil), good.Files...)
		l := fresh(t, 5)
		l.apply(h, 40)
		l.checkpoint("ours")
		from := source{clock: clock{l.kernel}, files: files}
		c.change(&man, &from)
		_, err := l.restore(man, from)
		if !errors.Is(err, c.want) || l.failed != nil || l.m.NoSpace() {
			t.Errorf("%s: %v, failed %v", what, err, l.failed)
		}
		if errors.Is(err, memstate.ErrLoad) && !errors.Is(err, wal.ErrSnapshot) {
			t.Errorf("%s: %v", what, err)
		}
		l.equals(h[:40])
		l.tidy()
		if c := l.checkpoint("ours"); c.Index != 40 {
			t.Errorf("%s: then %+v", what, c)
		}
	}
}

// tryRead reads a piece of a machine's file.
func (l *life) tryRead(file string, off int64, n int) (p []byte, err error) {
	l.t.Helper()
	l.await(func(done func()) {
		l.m.ReadAt(file, off, n, func(got []byte, e error) { p, err = got, e; done() })
	})
	return p, err
}

// pass lets time pass.
func (l *life) pass(d time.Duration) {
	l.t.Helper()
	l.await(func(done func()) { l.kernel.After(d, done) })
}

// TestATransferOutlivesCheckpoints: what is being read stays, and goes when nobody
// reads it any more.
func TestATransferOutlivesCheckpoints(t *testing.T) {
	h := history(120)
	l := fresh(t, 5)
	l.apply(h, 30)
	l.checkpoint("")
	man, err := l.m.Snapshot()
	l.must(err)
	f, want := man.Files[0], after(h[:30]).Save(nil)
	for off := range want {
		l.pass(time.Second)
		l.apply(h, min(31+off, 120))
		l.checkpoint("")
		if p, err := l.tryRead(f.Name, int64(off), 1); err != nil || p[0] != want[off] {
			t.Fatalf("byte %d: %x, %v", off, p, err)
		}
		if off == 50 {
			break
		}
	}
	l.pass(31 * time.Second)
	l.scrub()
	if _, err := l.tryRead(f.Name, 0, 1); !errors.Is(err, env.ErrNotExist) {
		t.Errorf("after half a minute: %v", err)
	}
	for _, c := range []struct {
		file string
		off  int64
		n    int
	}{{"at-", 0, 1}, {f.Name, -1, 1}, {f.Name, 0, -1}, {f.Name, 1 << 40, 1}, {"checkpoint-0000000000000001.state", 0, 1}} {
		if _, err := l.tryRead(c.file, c.off, c.n); !errors.Is(err, env.ErrNotExist) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestFewTransfersAreKept: memory is bounded, and the least recently read goes
// first.
func TestFewTransfersAreKept(t *testing.T) {
	h := history(120)
	l := fresh(t, 5)
	var names []string
	for at := 10; at <= 50; at += 10 {
		l.apply(h, at)
		l.checkpoint("")
		man, err := l.m.Snapshot()
		l.must(err)
		names = append(names, man.Files[0].Name)
		l.pass(time.Second)
		if at == 40 { // the ones at 20 and 30 were kept until now: use the older one
			if _, err := l.tryRead(names[1], 0, 1); err != nil {
				t.Fatal(err)
			}
			l.pass(time.Second)
		}
	}
	l.apply(h, 60)
	l.checkpoint("")
	got := 0
	for i, name := range names {
		if _, err := l.tryRead(name, 0, 1); err == nil {
			got = 10*got + i
		} else if !errors.Is(err, env.ErrNotExist) {
			t.Error(err)
		}
	}
	if got != 14 {
		t.Errorf("kept are %d, want those at 20 and 50", got)
	}
}

// TestReadsHaveTheirOwnBytes: who gets a piece may write over it.
func TestReadsHaveTheirOwnBytes(t *testing.T) {
	h := history(30)
	l := fresh(t, 5)
	l.apply(h, 30)
	l.checkpoint("")
	man, err := l.m.Snapshot()
	l.must(err)
	clear(l.fetchAll(man)[man.Files[0].Name])
	clear(man.Checkpoint.Meta)
	if !bytes.Equal(l.fetchAll(man)[man.Files[0].Name], after(h).Save(nil)) {
		t.Error("the state was changed from outside")
	}
}
