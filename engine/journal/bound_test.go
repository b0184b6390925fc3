package journal_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// tightConfig allows as few files as can be.
func tightConfig() journal.Config {
	cfg := smallConfig()
	cfg.RetainBytes, cfg.MaxBytes = 0, 8*cfg.FileBytes
	return cfg
}

// large is an entry that is not small.
const large = 1500

// Whoever asks Takes before each append never outgrows the bound, however much of
// it the disk has not written yet; and gets most of what the bound allows.
func TestWhatWaitsHasItsPlace(t *testing.T) {
	for _, bytes := range []int{100, large, 3000} {
		n := newNode(t, 1, tightConfig(), 2)
		n.open()
		taken, i := 0, uint64(0)
		for n.j.Takes(int64(bytes)) {
			i++
			n.j.Append(1, journal.HardState{Term: 1}, span(i, i, 1, strings.Repeat("w", bytes)), nil)
			taken += bytes + 72 // the record's header
		}
		most := 0
		n.run(func() bool {
			most = max(most, len(n.disk.names))
			return n.j.Stats().QueueLength == 0
		})
		n.settle()
		most = max(most, len(n.disk.names))
		if allowed := int(n.cfg.MaxBytes/n.cfg.FileBytes) + n.cfg.Spares; most > allowed+1 { // the witness
			t.Errorf("entries of %d bytes: %d files, %d are allowed", bytes, most-1, allowed)
		}
		if least := int(n.cfg.MaxBytes) / 2; taken < least {
			t.Errorf("entries of %d bytes: %d bytes were taken of a bound of %d", bytes, taken, n.cfg.MaxBytes)
		}
	}
}

// What is announced has its place, too.
func TestWhatIsExpectedHasItsPlace(t *testing.T) {
	n := newNode(t, 1, tightConfig(), 2)
	n.open()
	room := n.j.Room()
	if n.j.Expect(room); n.j.Room() != 0 || !n.j.Full() || n.j.Takes(1) {
		t.Errorf("room %d, full: %v", n.j.Room(), n.j.Full())
	}
	if n.j.Expect(-room); n.j.Room() != room || n.j.Full() || !n.j.Takes(1) {
		t.Errorf("room %d of %d, full: %v", n.j.Room(), room, n.j.Full())
	}
}

// A log that a snapshot makes void needs no file any more: without anything else
// that is written the journal is full no longer.
func TestASnapshotEndsFull(t *testing.T) {
	n := newNode(t, 1, tightConfig(), 2)
	n.open()
	for i := uint64(1); !n.j.Full(); i++ {
		n.put(1, journal.HardState{Term: 1}, span(i, i, 1, strings.Repeat("w", large)))
	}
	done := false
	n.j.Restart(1, journal.HardState{Term: 1, Commit: 500}, 1, 500, 1, func() { done = true })
	n.run(func() bool { return done })
	if n.j.Full() {
		t.Errorf("still full, with room for %d bytes", n.j.Room())
	}
}

// There is more room than nothing, and less than somebody wants: who keeps it is
// named, although the journal has fewer files than it may have, until there is.
func TestWhatWasRefusedGetsRoom(t *testing.T) {
	n := newNode(t, 1, tightConfig(), 2)
	n.open()
	i := uint64(0)
	for n.j.Stats().Files < 3 {
		i++
		n.put(1, journal.HardState{Term: 1, Commit: i}, span(i, i, 1, strings.Repeat("w", large)))
		n.j.View(1).SetApplied(i)
	}
	if got := n.j.Laggards(8); got != nil {
		t.Errorf("named before anything was refused: %v", got)
	}
	want := n.j.Room() + 1
	if n.j.Full() || n.j.Stats().Full || n.j.Takes(want) {
		t.Fatalf("full: %v", n.j.Full())
	}
	if got := n.j.Laggards(8); !slices.Equal(got, []env.GroupID{1}) || !n.j.Stats().Full {
		t.Errorf("named are %v, full: %v", got, n.j.Stats().Full)
	}
	n.j.Checkpointed(1, 1, i, 1)
	if got := n.j.Laggards(8); got != nil || !n.j.Takes(want) || n.j.Stats().Full {
		t.Errorf("after a checkpoint named are %v, room for %d bytes", got, n.j.Room())
	}
}

// What is neither durable nor applied, or expected, is bounded on its own where
// that is asked for.
func TestPendingBytes(t *testing.T) {
	cfg := tightConfig()
	cfg.WindowBytes, cfg.PendingBytes = 1<<20, 4000
	n := newNode(t, 1, cfg, 1)
	n.open()
	n.put(1, journal.HardState{Term: 1}, span(1, 2, 1, strings.Repeat("w", large)))
	if n.j.Pressure() {
		t.Error("two entries of 1500 bytes are too much")
	}
	n.j.Expect(1000)
	if !n.j.Pressure() {
		t.Error("what is expected does not count")
	}
	n.j.Expect(-1000)
	n.put(1, journal.HardState{Term: 1, Commit: 3}, span(3, 3, 1, strings.Repeat("w", large)))
	if !n.j.Pressure() {
		t.Error("three are not")
	}
	n.j.View(1).SetApplied(1)
	if n.j.Pressure() {
		t.Error("what is applied counts")
	}
	if cfg.PendingBytes = -1; cfg.Validate() == nil {
		t.Error("a bound below 0 is valid")
	}
}
