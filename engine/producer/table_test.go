package producer_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/producer"
)

var small = producer.Settings{MaxProducers: 3, ExpiryMs: 1000}

// log gives offsets to batches as a log does.
type log struct {
	t     *testing.T
	table *producer.Table
	end   int64
}

func newLog(t *testing.T, s producer.Settings) *log {
	return &log{t: t, table: producer.New(s)}
}

func batch(id int64, epoch int16, first, count int32) producer.Batch {
	return producer.Batch{ProducerID: id, Epoch: epoch, FirstSequence: first, Count: count}
}

// append wants the batch appended at that time and returns its base offset.
func (l *log) append(b producer.Batch, timeMs int64) int64 {
	l.t.Helper()
	d, err := l.table.Check(b)
	if err != nil || d.Duplicate {
		l.t.Fatalf("%+v: %+v, %v; want it appended", b, d, err)
	}
	base := l.end
	l.table.Appended(b, base, timeMs)
	l.end += int64(b.Count)
	return base
}

func (l *log) duplicate(b producer.Batch, base int64) {
	l.t.Helper()
	want := producer.Decision{Duplicate: true, Base: base, Last: base + int64(b.Count) - 1}
	if d, err := l.table.Check(b); err != nil || d != want {
		l.t.Fatalf("%+v: %+v, %v; want %+v", b, d, err, want)
	}
}

func (l *log) refused(b producer.Batch, why error) {
	l.t.Helper()
	before := l.table.Fingerprint()
	d, err := l.table.Check(b)
	if d != (producer.Decision{}) || !errors.Is(err, why) {
		l.t.Fatalf("%+v: %+v, %v; want %v", b, d, err, why)
	}
	if l.table.Fingerprint() != before {
		l.t.Fatalf("%+v: a refusal changed the table", b)
	}
}

func (l *log) known(ids ...int64) {
	l.t.Helper()
	var got []int64
	for _, s := range l.table.States() {
		got = append(got, s.ProducerID)
	}
	if !slices.Equal(got, ids) || l.table.Len() != len(ids) {
		l.t.Fatalf("known are %v (%d), want %v", got, l.table.Len(), ids)
	}
}

func TestTheLastFiveBatchesAreRemembered(t *testing.T) {
	l := newLog(t, small)
	var bases []int64
	for i := range int32(7) {
		bases = append(bases, l.append(batch(1, 0, 3*i, 3), 10))
	}
	for i := int32(2); i < 7; i++ {
		l.duplicate(batch(1, 0, 3*i, 3), bases[i])
	}
	l.refused(batch(1, 0, 3, 3), producer.ErrOutOfOrderSequence) // older than the window: see the package comment
	l.append(batch(1, 0, 21, 1), 10)
}

// A batch that was cut otherwise than the one in the window is no duplicate:
// some of its records are in the log and some may not be.
func TestOnlyTheSameSequencesAreADuplicate(t *testing.T) {
	l := newLog(t, small)
	l.append(batch(1, 0, 0, 10), 10)
	for _, b := range []producer.Batch{batch(1, 0, 0, 9), batch(1, 0, 1, 9), batch(1, 0, 0, 11), batch(1, 0, 5, 10)} {
		l.refused(b, producer.ErrOutOfOrderSequence)
	}
	l.refused(batch(1, 0, 11, 1), producer.ErrOutOfOrderSequence) // a gap
	l.append(batch(1, 0, 10, 1), 10)
}

func TestSequencesWrap(t *testing.T) {
	for _, c := range []struct{ first, count, next int32 }{
		{math.MaxInt32, 1, 0},           // ends at the last one
		{math.MaxInt32 - 2, 5, 2},       // spans the wrap
		{math.MaxInt32 - 2, 3, 0},       // the last record has the last one
		{1, math.MaxInt32, 0},           // the largest batch there can be
		{math.MaxInt32, 2, 1},           // the first record has the last one
		{5, math.MaxInt32, 4},           // almost once around
		{math.MaxInt32 - 1, 1, 1 << 30}, // not the next one
	} {
		l := newLog(t, small)
		b := batch(1, 0, c.first, c.count)
		base := l.append(b, 10)
		l.duplicate(b, base)
		next := batch(1, 0, c.next, 2)
		if c.next == 1<<30 {
			l.refused(next, producer.ErrOutOfOrderSequence)
			continue
		}
		if got := producer.NextSequence(c.first, c.count); got != c.next {
			t.Errorf("after %d records from %d comes %d, want %d", c.count, c.first, got, c.next)
		}
		base = l.append(next, 10)
		l.duplicate(next, base)
	}
}

// B64: a sequence that begins anywhere after a change of the epoch would let
// batches of the new epoch through that overtook others.
func TestALaterEpochBeginsAtZeroAndForgets(t *testing.T) {
	l := newLog(t, small)
	l.append(batch(1, 3, 0, 5), 10)
	l.refused(batch(1, 4, 5, 5), producer.ErrOutOfOrderSequence)
	first := l.append(batch(1, 4, 0, 5), 10)
	l.duplicate(batch(1, 4, 0, 5), first)
	l.refused(batch(1, 3, 0, 5), producer.ErrInvalidProducerEpoch)
	l.refused(batch(1, 3, 5, 5), producer.ErrInvalidProducerEpoch)
	l.append(batch(1, math.MaxInt16, 0, 1), 10)
	l.refused(batch(1, 4, 5, 5), producer.ErrInvalidProducerEpoch)
}

func TestAnUnknownProducerBeginsAnywhere(t *testing.T) {
	l := newLog(t, small)
	l.append(batch(1, 7, 4711, 5), 10)
	l.append(batch(1, 7, 4716, 5), 10)
	l.refused(batch(1, 7, 4706, 5), producer.ErrOutOfOrderSequence)
}

func TestBatchesWithoutProducerOnlyMoveTime(t *testing.T) {
	l := newLog(t, small)
	for range 3 {
		l.append(batch(producer.None, -1, -1, 4), 77)
	}
	if l.table.Len() != 0 || l.table.TimeMs() != 77 {
		t.Errorf("%d producers, time %d", l.table.Len(), l.table.TimeMs())
	}
}

func TestNoProducerMakesSuchABatch(t *testing.T) {
	l := newLog(t, small)
	for _, b := range []producer.Batch{batch(-2, 0, 0, 1), batch(1, -1, 0, 1), batch(1, 0, -1, 1), batch(1, 0, 0, 0), batch(1, 0, 0, -1)} {
		l.refused(b, producer.ErrInvalidBatch)
	}
}

func TestProducersExpireByLogTime(t *testing.T) {
	l := newLog(t, small)
	l.append(batch(1, 0, 0, 1), 100)
	l.append(batch(2, 0, 0, 1), 600)
	l.append(batch(1, 0, 1, 1), 50) // counts as 600: log time does not fall
	l.append(batch(producer.None, 0, 0, 1), 1599)
	l.known(1, 2)
	l.append(batch(3, 0, 0, 1), 1600)
	l.known(3)
	l.append(batch(1, 0, 999, 1), 1600)  // unknown again
	l.append(batch(1, 0, 1000, 1), 9000) // its own late batch finds it
	l.known(1)
}

func TestTheLeastRecentLeavesFirst(t *testing.T) {
	l := newLog(t, small)
	for id := range int64(3) {
		l.append(batch(id, 0, 0, 1), 100)
	}
	l.append(batch(0, 0, 1, 1), 100) // 1 is the oldest now
	l.append(batch(9, 0, 0, 1), 100)
	l.known(0, 2, 9)
	l.table.SetSettings(producer.Settings{MaxProducers: 1})
	l.known(9)
	if l.table.Settings() != (producer.Settings{MaxProducers: 1}) {
		t.Error(l.table.Settings())
	}
	l.append(batch(producer.None, 0, 0, 1), math.MaxInt64)
	l.known(9) // 0 is for ever
	l.table.SetSettings(producer.Settings{MaxProducers: 1, ExpiryMs: 1})
	l.known()
}

func TestStates(t *testing.T) {
	l := newLog(t, small)
	l.append(batch(8, 2, math.MaxInt32, 3), 100)
	l.append(batch(5, 0, 0, 10), 90)
	want := []producer.State{
		{ProducerID: 5, Epoch: 0, LastSequence: 9, LastOffset: 12, LastTimeMs: 100},
		{ProducerID: 8, Epoch: 2, LastSequence: 1, LastOffset: 2, LastTimeMs: 100},
	}
	if got := l.table.States(); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A refusal is read by people: who, what came, what was expected.
func TestRefusalsSayWhatWasExpected(t *testing.T) {
	l := newLog(t, small)
	l.append(batch(42, 3, 0, 5), 10)
	for want, b := range map[string]producer.Batch{
		"producer 42 sends sequence 6 in epoch 3, expected 5 after epoch 3":           batch(42, 3, 6, 1),
		"producer 42 sends sequence 5 in epoch 4, expected 0 after epoch 3":           batch(42, 4, 5, 1),
		"producer 42 sends in epoch 2 and is in epoch 3: it was replaced":             batch(42, 2, 0, 1),
		"producer 42, epoch -1, sequence 0, 1 records: none may be negative, and one": batch(42, -1, 0, 1),
	} {
		if _, err := l.table.Check(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

func TestSettingsHaveRanges(t *testing.T) {
	if err := producer.DefaultSettings().Validate(); err != nil {
		t.Error(err)
	}
	for _, s := range []producer.Settings{{}, {MaxProducers: -1}, {MaxProducers: 1<<20 + 1}, {MaxProducers: 1, ExpiryMs: -1}, {MaxProducers: 1, ExpiryMs: 1<<53 + 1}} {
		if err := s.Validate(); !errors.Is(err, producer.ErrSettings) {
			t.Errorf("%+v: %v", s, err)
		}
		for what, f := range map[string]func(){"New": func() { producer.New(s) }, "SetSettings": func() { producer.New(small).SetSettings(s) }} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s took %+v", what, s)
					}
				}()
				f()
			}()
		}
	}
}

// An offset that does not grow is the log's mistake, not the world's.
func TestOffsetsGrow(t *testing.T) {
	l := newLog(t, small)
	l.append(batch(1, 0, 0, 10), 10)
	defer func() {
		if recover() == nil {
			t.Error("a second batch at the same offsets was taken")
		}
	}()
	l.table.Appended(batch(1, 0, 10, 1), 9, 10)
}
