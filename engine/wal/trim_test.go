package wal_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/record"
	"github.com/lockstep-log/lockstep/engine/wal"
)

func (p *process) trim(offset int64) machine.Result {
	return p.log.Apply(machine.Entry{Index: p.log.AppliedIndex() + 1, Term: 1 << 20, Data: wal.AppendTrimCommand(nil, offset)})
}

// logFiles are the segments on the disk.
func (d *platter) logFiles() (names []string) {
	for name := range d.names {
		if strings.Contains(name, ".log") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TestTrim: where the log begins, what can be read, and which files stay how long.
func TestTrim(t *testing.T) {
	h := makeHistory(7, 150)
	want := expected(h)
	_, p := fresh(t, 3, 1)
	p.apply(h, 150)
	p.checkpoint("")
	segments := p.log.Segments()
	files := p.mount.logFiles()
	third := segments[2]
	for _, c := range []struct{ offset, start int64 }{
		{0, 0}, {third.Base + 1, third.Base + 1}, {1, third.Base + 1},
	} {
		if r := p.trim(c.offset); r.Err != nil || r.Offset != c.start || p.log.StartOffset() != c.start {
			t.Fatalf("trim to %d: %+v, the log begins at %d", c.offset, r, p.log.StartOffset())
		}
	}
	if got := p.log.Segments(); !slices.Equal(got, segments[2:]) || !slices.Equal(p.trims, []int64{third.Base + 1}) {
		t.Fatalf("%d segments of %d, trims %v", len(got), len(segments), p.trims)
	}
	p.steps(1 << 20)
	if got := p.mount.logFiles(); !slices.Equal(got, files) {
		t.Fatal("files went before a checkpoint without them was durable")
	}
	for _, b := range want {
		got, err := p.read(b.base, b.next, 1)
		if b.base < third.Base+1 != errors.Is(err, wal.ErrOffsetOutOfRange) {
			t.Fatalf("offset %d: %v", b.base, err)
		}
		if err == nil && !bytes.Equal(got, b.bytes) {
			t.Fatalf("offset %d: other bytes", b.base)
		}
	}
	c := p.checkpoint("")
	p.steps(1 << 20)
	if got := p.mount.logFiles(); !slices.Equal(got, files[2:]) {
		t.Fatalf("%d files, want %d", len(got), len(files)-2)
	}
	p, _ = p.reborn(loseAll, c)
	if p.log.StartOffset() != third.Base+1 {
		t.Fatalf("begins at %d after a start", p.log.StartOffset())
	}
}

// TestTrimToTheEnd empties the log, which goes on at the same offset.
func TestTrimToTheEnd(t *testing.T) {
	h := makeHistory(7, 60)
	_, p := fresh(t, 3, 4096)
	p.apply(h, 60)
	end := p.log.EndOffset()
	if r := p.trim(end + 7); r.Offset != end || len(p.log.Segments()) != 0 {
		t.Fatalf("%+v, %d segments", r, len(p.log.Segments()))
	}
	if b, err := p.read(end, end, 10); len(b) != 0 || err != nil {
		t.Errorf("at the end: %d bytes, %v", len(b), err)
	}
	if _, err := p.read(end-1, end, 10); !errors.Is(err, wal.ErrOffsetOutOfRange) {
		t.Errorf("below it: %v", err)
	}
	c := p.checkpoint("")
	p.steps(1 << 20)
	if files := p.mount.logFiles(); len(files) != 0 {
		t.Errorf("left: %v", files)
	}
	for range 2 {
		next := machine.Entry{Index: p.log.AppliedIndex() + 1, Term: 1 << 21, Data: wal.AppendBatchCommand(nil, batch(1, 2, 10))}
		if r := p.log.Apply(next); r.Offset != end || r.Err != nil {
			t.Fatalf("%+v", r)
		}
		if b, err := p.read(end, end+2, 10); len(b) == 0 || err != nil {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		p, _ = p.reborn(keepSubset, c)
	}
	if got := p.log.EpochEnd(1 << 20); got != end {
		t.Errorf("the terms before end at %d, want %d", got, end)
	}
}

// TestTrimWhileReading: a reader that was under way gets its batch or the truth.
func TestTrimWhileReading(t *testing.T) {
	h := makeHistory(7, 150)
	want := expected(h)
	for steps := range 60 {
		_, p := fresh(t, uint64(steps), 1)
		p.apply(h, 150)
		p.checkpoint("")
		answered := 0
		for _, b := range want[:20] {
			p.log.Read(b.base, p.log.EndOffset(), 5000, func(got []byte, err error) {
				answered++
				if err != nil && !errors.Is(err, wal.ErrOffsetOutOfRange) || err == nil && !bytes.HasPrefix(got, b.bytes) {
					t.Errorf("offset %d: %d bytes, %v", b.base, len(got), err)
				}
			})
		}
		p.steps(steps)
		p.trim(1 << 40)
		p.checkpoint("")
		p.until(func() bool { return answered == 20 })
		p.steps(1 << 20)
		if len(p.mount.logFiles()) != 0 || len(p.damaged) != 0 || p.mount.open != 0 {
			t.Fatalf("%d steps: left %v, damaged %v, %d open", steps, p.mount.logFiles(), p.damaged, p.mount.open)
		}
	}
}

// TestTrimPoint: by size and by time, whole sealed segments only.
func TestTrimPoint(t *testing.T) {
	_, p := fresh(t, 3, 4096)
	add := func(data []byte) {
		p.log.Apply(machine.Entry{Index: p.log.AppliedIndex() + 1, Term: 1, Data: data})
	}
	set := func(bytes, ms int64) {
		s := small
		s.RetentionBytes, s.RetentionMs = bytes, ms
		add(wal.AppendSettingsCommand(nil, s))
	}
	for i := range 10 {
		b := record.NewBuilder(int64(1000 * i))
		b.Add(int64(1000*i), []byte("k"), make([]byte, 600))
		add(wal.AppendBatchCommand(nil, b.Build()))
	}
	segments := p.log.Segments()
	if len(segments) != 10 {
		t.Fatalf("%d segments", len(segments))
	}
	n := segments[0].Bytes
	for _, c := range []struct {
		bytes, ms, now int64
		want           int64
		why            string
	}{
		{0, 0, 1 << 50, 0, ""},
		{9 * n, 0, 0, 1, wal.TrimBySize},
		{9*n + 1, 0, 0, 0, ""},
		{n, 0, 0, 9, wal.TrimBySize},
		{1, 0, 0, 9, wal.TrimBySize},
		{0, 1000, 1000, 0, ""},
		{0, 1000, 1001, 1, wal.TrimByTime},
		{0, 1000, 5001, 5, wal.TrimByTime},
		{0, 1, 1 << 50, 9, wal.TrimByTime},
		{5 * n, 1000, 2001, 5, wal.TrimBySize},
		{0, 1000, -1 << 62, 0, ""},
		{9 * n, 1000, 2001, 2, wal.TrimByTime},
	} {
		set(c.bytes, c.ms)
		if got, why := p.log.TrimPoint(c.now); got != c.want || why != c.why {
			t.Errorf("%+v: %d, %q", c, got, why)
		}
	}
	p.trim(3)
	if got, why := p.log.TrimPoint(2001); why != "" {
		t.Errorf("trimmed to 3 already: %d", got)
	}
	if r := p.log.Apply(machine.Entry{Index: p.log.AppliedIndex() + 1, Term: 1 << 20, Data: []byte{3, 1, 2}}); !errors.Is(r.Err, wal.ErrTrim) {
		t.Errorf("half a command: %v", r.Err)
	}
	if r := p.trim(-1); !errors.Is(r.Err, wal.ErrTrim) {
		t.Errorf("below zero: %v", r.Err)
	}
}
