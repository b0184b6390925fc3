package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// fetched reads all files of a manifest from a log.
func (p *process) fetched(m machine.Manifest) files {
	p.t.Helper()
	all := files{}
	for _, f := range m.Files {
		p.log.ReadAt(f.Name, 0, int(f.Bytes), func(b []byte, err error) {
			if err != nil {
				p.t.Fatalf("%s: %v", f.Name, err)
			}
			all[f.Name] = bytes.Clone(b)
		})
	}
	p.until(func() bool { return len(all) == len(m.Files) })
	return all
}

// anySnapshot holds the newest checkpoint, as others would fetch it, against
// the history.
func (l *life) anySnapshot(t *rapid.T) {
	m, err := l.log.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if m.Checkpoint.ID < l.promised.ID || m.Checkpoint.Index < l.promised.Index {
		t.Fatalf("a snapshot of checkpoint %d at %d, had promised %d at %d", m.Checkpoint.ID, m.Checkpoint.Index, l.promised.ID, l.promised.Index)
	}
	all, got := l.fetched(m), []byte(nil)
	for _, f := range m.Files {
		if sum := crc32.Checksum(all[f.Name], crc32.MakeTable(crc32.Castagnoli)); sum != f.Sum {
			t.Fatalf("%s has sum %08x, the manifest says %08x", f.Name, sum, f.Sum)
		}
		got = append(got, all[f.Name]...)
	}
	var want []byte
	for _, b := range l.batches {
		if b.next <= l.ends[m.Checkpoint.Index] {
			want = append(want, b.bytes...)
		}
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("a snapshot at %d has %d bytes, which are not the %d of the log", m.Checkpoint.Index, len(got), len(want))
	}
}

// snapshotAt is another replica's snapshot at an index.
func (l *life) snapshotAt(t *rapid.T, index uint64) (machine.Manifest, files) {
	_, p := fresh(t, index, 4096)
	defer p.kill()
	p.apply(l.h, index)
	p.checkpoint(fmt.Sprint(index))
	m, err := p.log.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return m, p.fetched(m)
}

// anyRestore takes over a snapshot that is at least as new as the log, or is
// interrupted in that.
func (l *life) anyRestore(t *rapid.T) {
	if l.busy {
		return
	}
	index := rapid.Uint64Range(l.log.AppliedIndex(), uint64(len(l.h))).Draw(t, "index")
	m, from := l.snapshotAt(t, index)
	var got machine.Checkpoint
	p, done := l.process, false
	l.log.Restore(m, from, func(c machine.Checkpoint, err error) {
		if err != nil || p != l.process {
			t.Fatalf("a restore, of this process %v, ended with %v", p == l.process, err)
		}
		got, done = c, true
	})
	l.steps(rapid.IntRange(0, 150).Draw(t, "steps"))
	if !done && rapid.Bool().Draw(t, "crashes") {
		before := l.promised
		l.reborn(anyLoss(t))
		if l.promised.Index != before.Index && l.promised.Index != index {
			t.Fatalf("opened at %d, after a restore from %d to %d", l.promised.Index, before.Index, index)
		}
		return
	}
	l.until(func() bool { return done })
	if got.ID <= l.promised.ID || got.Index != index || l.log.AppliedIndex() != index {
		t.Fatalf("restored %d at %d, applied %d, want more than %d at %d", got.ID, got.Index, l.log.AppliedIndex(), l.promised.ID, index)
	}
	l.promised = got
}

// oldRestore tries a snapshot that is older than the log, and is refused.
func (l *life) oldRestore(t *rapid.T) {
	applied := l.log.AppliedIndex()
	if l.busy || applied == 0 {
		return
	}
	m, from := l.snapshotAt(t, rapid.Uint64Range(0, applied-1).Draw(t, "index"))
	if _, err := l.restore(m, from); !errors.Is(err, wal.ErrSnapshot) || l.log.AppliedIndex() != applied {
		t.Fatalf("an old snapshot: %v", err)
	}
}
