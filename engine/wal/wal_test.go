package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/record"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// stored is a batch as the log must have it.
type stored struct {
	base, next int64
	bytes      []byte
}

// expected is the reference model: the batches that h leaves, in order.
func expected(h history) (batches []stored) {
	limit := int(small.MaxBatchBytes)
	var next int64
	for _, e := range h {
		if len(e.Data) == 0 {
			continue
		}
		switch e.Data[0] {
		case 1:
			head, err := record.Validate(e.Data[1:], limit)
			if err != nil {
				continue
			}
			b := record.AppendStamped(nil, e.Data[1:], next, int32(e.Term))
			batches = append(batches, stored{base: next, next: next + int64(head.Count), bytes: b})
			next += int64(head.Count)
		case 2:
			var s [3]int64
			for i := range s {
				for k := range 8 {
					s[i] |= int64(e.Data[2+8*i+k]) << (8 * k)
				}
			}
			if s[0] > 0 {
				limit = int(s[2])
			}
		}
	}
	return batches
}

func join(batches []stored) (all []byte) {
	for _, b := range batches {
		all = append(all, b.bytes...)
	}
	return all
}

// TestApplyRollsAndReadsBack holds segments and reads against the model.
func TestApplyRollsAndReadsBack(t *testing.T) {
	_, p := fresh(t, 1, 0)
	h := makeHistory(1, 400)
	p.apply(h, 400)
	want := expected(h)
	if got := p.log.EndOffset(); got != want[len(want)-1].next {
		t.Fatalf("end offset %d, want %d", got, want[len(want)-1].next)
	}
	segments := p.log.Segments()
	if len(segments) < 10 {
		t.Fatalf("%d segments: nothing rolled", len(segments))
	}
	content := p.content()
	var all []byte
	next := int64(0)
	for _, s := range segments {
		if s.Base != next {
			t.Fatalf("segment begins at %d, want %d", s.Base, next)
		}
		next = s.End
		all = append(all, content[s.Base]...)
	}
	if !bytes.Equal(all, join(want)) {
		t.Fatal("segments differ from what was applied")
	}
}

// TestRollIsDecidedBeforeTheAppend: a batch that fills a segment exactly stays
// in it, one byte more rolls, and one larger than a segment stands alone.
func TestRollIsDecidedBeforeTheAppend(t *testing.T) {
	_, p := fresh(t, 1, 0)
	one := batch(1, 1, 100)
	index := uint64(0)
	add := func(data []byte) {
		index++
		if r := p.log.Apply(machine.Entry{Index: index, Term: 1, Data: data}); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	n := int64(len(one))
	set := func(segmentBytes int64) {
		add(wal.AppendSettingsCommand(nil, wal.Settings{SegmentBytes: segmentBytes, IndexIntervalBytes: 1, MaxBatchBytes: 4000}))
	}
	set(3 * n)
	for range 4 {
		add(wal.AppendBatchCommand(nil, one))
	}
	add(wal.AppendBatchCommand(nil, batch(2, 1, 3000)))
	add(wal.AppendBatchCommand(nil, one))
	set(2*n - 1)
	add(wal.AppendBatchCommand(nil, one))
	var bases []int64
	for _, s := range p.log.Segments() {
		bases = append(bases, s.Base)
	}
	if want := []int64{0, 3, 4, 5, 6}; !slices.Equal(bases, want) {
		t.Fatalf("segments begin at %v, want %v", bases, want)
	}
}

// TestResults: what each kind of command answers.
func TestResults(t *testing.T) {
	_, p := fresh(t, 1, 0)
	good := batch(1, 3, 10)
	compressedLie := slices.Clone(good)
	compressedLie[len(good)-1] ^= 1
	for i, c := range []struct {
		name   string
		data   []byte
		offset int64
		err    error
	}{
		{"empty", nil, -1, nil},
		{"first batch", wal.AppendBatchCommand(nil, good), 0, nil},
		{"foreign", []byte{128}, -1, nil},
		{"foreign, highest", []byte{255, 1}, -1, nil},
		{"reserved", []byte{0}, -1, wal.ErrUnknownCommand},
		{"unknown", []byte{127}, -1, wal.ErrUnknownCommand},
		{"bad checksum", wal.AppendBatchCommand(nil, compressedLie), -1, record.ErrChecksum},
		{"cut", wal.AppendBatchCommand(nil, good[:30]), -1, record.ErrTruncated},
		{"two batches", wal.AppendBatchCommand(nil, append(slices.Clone(good), good...)), -1, record.ErrTrailing},
		{"too large", wal.AppendBatchCommand(nil, batch(1, 1, 5000)), -1, record.ErrTooLarge},
		{"no settings", []byte{2}, -1, wal.ErrSettings},
		{"settings of another version", append([]byte{2, 9}, make([]byte, 40)...), -1, wal.ErrSettings},
		{"settings out of range", wal.AppendSettingsCommand(nil, wal.Settings{SegmentBytes: 1, IndexIntervalBytes: 0, MaxBatchBytes: 100}), -1, wal.ErrSettings},
		{"settings", wal.AppendSettingsCommand(nil, small), -1, nil},
		{"second batch", wal.AppendBatchCommand(nil, good), 3, nil},
	} {
		r := p.log.Apply(machine.Entry{Index: uint64(i + 1), Term: 1, Data: c.data})
		if r.Offset != c.offset || !errors.Is(r.Err, c.err) {
			t.Errorf("%s: offset %d, error %v; want %d, %v", c.name, r.Offset, r.Err, c.offset, c.err)
		}
	}
	if r := p.log.Apply(machine.Entry{Index: 100, Term: math.MaxInt32 + 1, Data: wal.AppendBatchCommand(nil, good)}); !errors.Is(r.Err, wal.ErrLogFull) {
		t.Errorf("a term that does not fit a batch: %v", r.Err)
	}
	if p.log.Settings() != small || p.log.EndOffset() != 6 {
		t.Errorf("settings %v, end %d", p.log.Settings(), p.log.EndOffset())
	}
}

// TestReadsAgainstTheModel reads at every offset, from a tail of every size.
func TestReadsAgainstTheModel(t *testing.T) {
	h := makeHistory(7, 150)
	want := expected(h)
	end := want[len(want)-1].next
	for _, tailBytes := range []int{1, 20 << 10, 1 << 20} {
		_, p := fresh(t, 3, tailBytes)
		p.apply(h, uint64(len(h)))
		for offset := range end {
			for _, maxBytes := range []int{0, 150, 1000, 1 << 20} {
				limit := want[(int(offset)*7+maxBytes)%len(want)].next
				if maxBytes == 0 {
					limit = end
				}
				got, err := p.read(offset, limit, maxBytes)
				if err != nil {
					t.Fatal(err)
				}
				if msg := judge(want, got, offset, limit, maxBytes); msg != "" {
					t.Fatalf("tail %d, offset %d, limit %d, max %d: %s", tailBytes, offset, limit, maxBytes, msg)
				}
			}
		}
		if onDisk := p.mount.reads > 0; onDisk != (tailBytes < 1<<20) {
			t.Errorf("tail %d: read from the disk: %v", tailBytes, onDisk)
		}
		for _, offset := range []int64{-1, end + 1} {
			if _, err := p.read(offset, end, 100); !errors.Is(err, wal.ErrOffsetOutOfRange) {
				t.Errorf("offset %d: %v", offset, err)
			}
		}
		if got, err := p.read(end, end, 100); len(got) != 0 || err != nil {
			t.Errorf("at the end: %d bytes, %v", len(got), err)
		}
	}
}

// judge checks an answer of Read against the model.
func judge(want []stored, got []byte, offset, limit int64, maxBytes int) string {
	i := slices.IndexFunc(want, func(b stored) bool { return offset < b.next })
	if want[i].next > limit {
		if len(got) != 0 {
			return fmt.Sprintf("%d bytes, want none", len(got))
		}
		return ""
	}
	if !bytes.HasPrefix(got, want[i].bytes) {
		return fmt.Sprintf("%d bytes do not begin with the batch at %d", len(got), want[i].base)
	}
	first := i
	for rest := got; len(rest) > 0; i++ {
		if want[i].next > limit {
			return fmt.Sprintf("batch at %d is beyond the limit", want[i].base)
		}
		if !bytes.HasPrefix(rest, want[i].bytes) {
			return fmt.Sprintf("batch at %d differs", want[i].base)
		}
		rest = rest[len(want[i].bytes):]
	}
	if i > first+1 && len(got) > maxBytes {
		return fmt.Sprintf("%d bytes in %d batches", len(got), i-first)
	}
	if i < len(want) && want[i].next <= limit && len(got)+len(want[i].bytes) <= maxBytes {
		return fmt.Sprintf("%d bytes, the batch at %d fits too", len(got), want[i].base)
	}
	return ""
}

// TestTailAnswersInsideRead: what memory holds needs no turn of the loop, and
// is as long as the caller allows, also over chunks and segments.
func TestTailAnswersInsideRead(t *testing.T) {
	_, p := fresh(t, 3, 1<<20)
	h := makeHistory(7, 150)
	p.apply(h, 150)
	called := false
	p.log.Read(0, p.log.EndOffset(), 1<<30, func(b []byte, err error) {
		called = true
		if err != nil || !bytes.Equal(b, join(expected(h))) {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	})
	if !called || p.mount.reads != 0 {
		t.Errorf("answered inside: %v, reads of the disk: %d", called, p.mount.reads)
	}
}

// TestReopenGivesTheSameLog: checkpoint, kill, reopen, apply the rest.
func TestReopenGivesTheSameLog(t *testing.T) {
	d, p := fresh(t, 5, 4096)
	h := makeHistory(9, 300)
	_, other := fresh(t, 6, 1<<20)
	other.apply(h, 300)
	for to := uint64(50); to <= 300; to += 50 {
		p.apply(h, to)
		c := p.checkpoint(fmt.Sprint("meta ", to))
		if c.Index != to || p.mount.open != 0 {
			t.Fatalf("checkpoint at %d, want %d; %d open files", c.Index, to, p.mount.open)
		}
		p.apply(h, min(to+20, 300))
		p.steps(int(to) / 10)
		p.kill()
		p = start(t, d, 4096)
		again := p.mustOpen()
		if again.ID != c.ID || again.Index != c.Index || again.Term != c.Term || string(again.Meta) != fmt.Sprint("meta ", to) {
			t.Fatalf("opened %+v, want %+v", again, c)
		}
	}
	p.apply(h, 300)
	equal(t, other, p)
	if p.log.EpochEnd(0) != -1 || p.log.EpochEnd(math.MaxUint64) != p.log.EndOffset() {
		t.Errorf("epoch ends %d, %d", p.log.EpochEnd(0), p.log.EpochEnd(math.MaxUint64))
	}
}

// equal fails the test unless both logs are the same.
func equal(t tb, a, b *process) {
	t.Helper()
	if a.log.AppliedIndex() != b.log.AppliedIndex() || a.log.EndOffset() != b.log.EndOffset() {
		t.Fatalf("applied %d and %d, end %d and %d", a.log.AppliedIndex(), b.log.AppliedIndex(), a.log.EndOffset(), b.log.EndOffset())
	}
	if a.log.Fingerprint() != b.log.Fingerprint() || a.log.Settings() != b.log.Settings() {
		t.Fatal("fingerprints or settings differ")
	}
	if !maps.EqualFunc(a.content(), b.content(), bytes.Equal) {
		t.Fatal("segments differ")
	}
	for term := range uint64(200) {
		if a.log.EpochEnd(term) != b.log.EpochEnd(term) {
			t.Fatalf("term %d ends at %d and %d", term, a.log.EpochEnd(term), b.log.EpochEnd(term))
		}
	}
}

// TestFormatRefusals: twice, or with settings out of range, or not at all.
func TestFormatRefusals(t *testing.T) {
	d, p := fresh(t, 1, 0)
	p.kill()
	p = start(t, d, 0)
	var err error
	p.log.Format(nil, func(e error) { err = e })
	p.until(func() bool { return err != nil })
	if !errors.Is(err, wal.ErrFormatted) {
		t.Errorf("a second format: %v", err)
	}
	q := start(t, newPlatter(1), 0)
	if _, err := q.open(); !errors.Is(err, wal.ErrNotFormatted) {
		t.Errorf("an empty disk: %v", err)
	}
	bad := wal.New(env.Env{Disk: q.mount}, q.tasks, wal.Config{Dir: "x"}, nil)
	var refused error
	bad.Format(nil, func(e error) { refused = e })
	if !errors.Is(refused, wal.ErrSettings) {
		t.Errorf("no settings: %v", refused)
	}
}
