package journal_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// labelled says in every failure which of many lives it was.
type labelled struct {
	*testing.T
	label string
}

func (l *labelled) Fatalf(format string, args ...any) {
	l.Helper()
	l.T.Fatalf("%s: %s", l.label, fmt.Sprintf(format, args...))
}

func (l *labelled) Errorf(format string, args ...any) {
	l.Helper()
	l.T.Errorf("%s: %s", l.label, fmt.Sprintf(format, args...))
}

// failSync makes the k-th sync from now on fail, of a file or a directory or of
// directories alone; the process learns of it and ends.
func (w *world) failSync(k int, directoriesOnly bool) (failed *string) {
	failed = new(string)
	w.fault = func(op, name string) error {
		if op != "syncdir" && (op != "sync" || directoriesOnly) {
			return nil
		}
		k--
		if k != 0 {
			return nil
		}
		*failed, w.dying = op+" of "+name, true
		return env.ErrIO
	}
	return failed
}

// begin opens the journal and checks it; false if that came to an early end.
func (m *model) begin() bool {
	whole, err := m.tryOpen()
	if !whole || err != nil {
		return false
	}
	return m.checkAll()
}

// lifeUntil is a story that ends with the k-th sync, which fails. It reports
// false if there are fewer.
func (m *model) lifeUntil(tb *labelled, k int, directoriesOnly bool) bool {
	failed := m.failSync(k, directoriesOnly)
	if m.begin() {
		m.story(14)
	}
	tb.label += ", failed " + *failed
	m.kill()
	return *failed != ""
}

// TestFailedSyncAnywhere fails every sync of a story. The process stops, as it
// must; the next one sees in the caches what never became durable, goes on for
// a while, and then the power fails. Nothing acknowledged is lost.
func TestFailedSyncAnywhere(t *testing.T) {
	ways := []loss{-1, loseAll, keepSubset}
	stride := 1
	if testing.Short() {
		stride = 5
	}
	for _, l := range ways {
		for rounds := range 4 {
			for k := 1; ; k += stride {
				tb := &labelled{t, fmt.Sprintf("loss %d, sync %d, %d rounds", l, k, rounds)}
				m := newModel(newNode(tb, 3, smallConfig(), crashGroups), crashGroups)
				if !m.lifeUntil(tb, k, false) {
					break
				}
				m.recovered()
				m.story(rounds)
				for _, next := range []loss{l, loseAll} {
					m.crash(next)
					m.recovered()
					m.story(3)
				}
			}
		}
	}
}

// TestNothingIsRecycledOnAnUnprovenName fails a directory sync; the next
// process dies, with the power, at every operation of its recovery. What that
// recovery gave up must not be all there was.
func TestNothingIsRecycledOnAnUnprovenName(t *testing.T) {
	for _, l := range []loss{loseAll, keepPrefix, keepSubset} {
		for k := 1; ; k++ {
			hit := false
			for at, whole := 0, false; !whole; at++ {
				tb := &labelled{t, fmt.Sprintf("%v, directory sync %d, recovery ends at operation %d", l, k, at)}
				m := newModel(newNode(tb, 3, smallConfig(), crashGroups), crashGroups)
				if hit = m.lifeUntil(tb, k, true); !hit {
					break
				}
				m.crashAt = m.steps + at
				whole = m.recovered()
				m.crash(l)
				m.recovered()
			}
			if !hit {
				break
			}
		}
	}
}

// TestSoak lives many short lives with failed syncs and crashes of all kinds,
// for a time that suits a test run.
func TestSoak(t *testing.T) {
	span := time.Second
	if testing.Short() {
		span = 200 * time.Millisecond
	}
	lives := 0
	for seed, end := uint64(1), time.Now().Add(span); time.Now().Before(end); seed++ {
		soak(t, seed)
		lives++
	}
	t.Logf("%d seeds", lives)
}

func soak(t *testing.T, seed uint64) {
	tb := &labelled{t, fmt.Sprintf("seed %d", seed)}
	cfg := smallConfig()
	cfg.Spares += int(seed % 2)
	m := newModel(newNode(tb, seed, cfg, crashGroups), crashGroups)
	for range 8 {
		failed := new(string)
		switch m.rng.IntN(3) {
		case 0:
			failed = m.failSync(1+m.rng.IntN(24), false)
		case 1:
			m.crashAt = m.steps + m.rng.IntN(120)
		}
		whole, err := m.tryOpen()
		if whole && err != nil && *failed == "" {
			tb.Fatalf("open: %v", err)
		}
		if whole && err == nil && m.checkAll() {
			m.story(m.rng.IntN(8))
		}
		l := max(-1, loss(m.rng.IntN(int(losses)+2)-2))
		tb.label += fmt.Sprintf(" [%s, loss %d]", *failed, l)
		m.crash(l)
	}
	m.recovered()
	if n := len(m.disk.names); n > 40 {
		tb.Fatalf("%d files", n)
	}
}

// TestNoFileFollowsAnUnprovenName: a recovery carries more than a batch over,
// and the directory sync that would have given the fresh file its name fails.
// The next process sees that name, and must not build upon it.
func TestNoFileFollowsAnUnprovenName(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 1)
	n.open()
	n.put(1, journal.HardState{Term: 1}, span(1, 1, 1, "a"))
	big := span(2, 2, 1, strings.Repeat("b", n.cfg.MaxBatchBytes+2000))
	n.j.Append(1, journal.HardState{}, big, nil)
	n.fault = func(op, name string) error {
		n.crashed = n.crashed || op == "sync" && strings.Contains(name, "/j-")
		return nil
	}
	n.settle()
	n.kill()

	failed := n.failSync(2, true) // the first is Open's before it reads
	if _, err := n.tryOpen(); !errors.Is(err, env.ErrIO) || *failed == "" {
		t.Fatalf("open after a failed directory sync (%q): %v", *failed, err)
	}
	n.kill()

	n.open()
	n.put(1, journal.HardState{}, span(3, 3, 1, "c"))
	n.powerLoss(loseAll)
	n.open()
	n.expect(1, slices.Concat(span(1, 1, 1, "a"), big, span(3, 3, 1, "c")))
}
