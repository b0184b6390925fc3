package checker_test

import (
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/checker"
)

// lone is the story of one unreplicated log, group 1 on node 1, and a disk that
// holds the file a up to a length.
type lone struct {
	m       *checker.Monitor
	durable int64
	now     int64
}

func newLone() *lone {
	l := &lone{}
	l.m = checker.NewMonitor(checker.Config{Groups: []checker.Group{{
		ID: 1, MinISR: 1, Unreplicated: true, Members: []checker.Member{{Replica: 101, Node: 1}},
	}}}, func(node uint64, file string, off, n int64) bool {
		return node == 1 && file == "a" && off+n <= l.durable
	})
	return l
}

func (l *lone) saw(kind checker.EventKind, e checker.Event) {
	l.now++
	e.Kind, e.Node, e.Seq, e.AtNs = kind, 1, uint64(l.now), l.now
	if kind < checker.EventCrashed || kind == checker.EventServed {
		e.Group, e.Replica = 1, 101
	}
	l.m.Observe(e)
}

// Steps of a story. Each record is ten bytes.

func (l *lone) recovers(start, end int64) {
	l.saw(checker.EventRecovered, checker.Event{First: uint64(start) + 1, Last: uint64(end), Index: uint64(end)})
}

func (l *lone) writes(base, end int64) {
	l.saw(checker.EventWritten, checker.Event{First: uint64(base) + 1, Last: uint64(end), File: "a", Offset: 10 * base, Length: 10 * (end - base)})
}

func (l *lone) persists(from, end int64) {
	l.saw(checker.EventPersisted, checker.Event{First: uint64(from) + 1, Last: uint64(end)})
}

func (l *lone) acks(base, end int64) {
	l.saw(checker.EventProduceAcked, checker.Event{Index: uint64(end), Offset: base, Length: end - base, First: 1})
}

func (l *lone) notes(end int64)  { l.saw(checker.EventDurableEnd, checker.Event{Offset: end}) }
func (l *lone) serves(end int64) { l.saw(checker.EventServed, checker.Event{Offset: end}) }
func (l *lone) dies()            { l.saw(checker.EventCrashed, checker.Event{}) }
func (l *lone) loses(base, end int64) {
	l.saw(checker.EventLost, checker.Event{File: "a", Offset: 10 * base, Length: 10 * (end - base)})
}

// appends writes, syncs and acknowledges.
func (l *lone) appends(base, end int64) {
	l.writes(base, end)
	l.durable = 10 * end
	l.persists(base, end)
	l.acks(base, end)
}

func TestAnUnreplicatedLogThatKeepsItsWord(t *testing.T) {
	l := newLone()
	l.recovers(0, 0)
	l.appends(0, 2)
	l.notes(2)
	l.serves(2)
	l.appends(2, 3)
	l.writes(3, 5) // on their way
	l.writes(5, 6)
	l.dies()
	l.loses(5, 6)
	l.durable = 50 // the next process syncs what it found
	l.notes(5)
	l.recovers(0, 5)
	l.serves(5)
	l.appends(5, 7)
	l.saw(checker.EventTrim, checker.Event{Offset: 4})
	l.dies()
	l.recovers(4, 7)
	l.saw(checker.EventCheckpoint, checker.Event{Index: 7})
	l.dies()
	l.saw(checker.EventFenced, checker.Event{Text: "damage"})
	l.dies()
	l.saw(checker.EventDiskLost, checker.Event{})
	l.durable = 0
	l.recovers(0, 0) // another log
	l.appends(0, 1)
	r := l.m.Finish()
	if len(r.Violations) > 0 {
		t.Fatal(r.Violations)
	}
	for _, o := range []string{checker.Durability, checker.RecoveredState, checker.LostWrite, checker.GaplessOffsets, checker.FencedSpeaks, checker.Retention} {
		if v, _ := r.Verdict(o); v.Checked == 0 {
			t.Errorf("%s checked nothing", o)
		}
	}
	if at := l.m.TrimmedTo(1); at != 4 {
		t.Errorf("trimmed to %d", at)
	}
}

// Each story breaks one promise, after three records that were acknowledged.
func TestAnUnreplicatedLogThatBreaksIt(t *testing.T) {
	for _, test := range []struct {
		oracle, says string
		story        func(l *lone)
	}{
		{checker.Durability, "acknowledges records up to offset 4: offsets 3 to 3 are not durable (10 bytes of a at 30 on node 1)", func(l *lone) {
			l.writes(3, 4)
			l.acks(3, 4)
		}},
		{checker.Durability, "calls records durable up to offset 4", func(l *lone) {
			l.writes(3, 4)
			l.persists(3, 4)
		}},
		{checker.Durability, "lets records be read up to offset 4", func(l *lone) {
			l.writes(3, 4)
			l.serves(4)
		}},
		{checker.Durability, "notes its durable end up to offset 4", func(l *lone) {
			l.writes(3, 4)
			l.notes(4)
		}},
		{checker.Durability, "notes its durable end up to offset 9 and has written up to 3", func(l *lone) { l.notes(9) }},
		{checker.Durability, "makes a checkpoint up to offset 4", func(l *lone) {
			l.writes(3, 4)
			l.saw(checker.EventCheckpoint, checker.Event{Index: 4})
		}},
		{checker.Durability, "recovers records up to offset 4", func(l *lone) {
			l.writes(3, 4)
			l.dies()
			l.recovers(0, 4) // from the page cache
		}},
		{checker.RecoveredState, "recovers up to offset 2 and had promised records up to 3", func(l *lone) {
			l.dies()
			l.recovers(0, 2)
		}},
		{checker.RecoveredState, "recovers up to offset 4 and never wrote beyond 3", func(l *lone) {
			l.dies()
			l.recovers(0, 4)
		}},
		{checker.RecoveredState, "the bytes of offsets 3 to 3 were lost", func(l *lone) {
			l.writes(3, 4)
			l.dies()
			l.loses(3, 4)
			l.durable = 40
			l.recovers(0, 4)
		}},
		{checker.RecoveredState, "recovers from offset 1 on and was trimmed to 0 at most", func(l *lone) {
			l.dies()
			l.recovers(1, 3)
		}},
		{checker.GaplessOffsets, "appends at offset 4 and ends at 3", func(l *lone) { l.writes(4, 5) }},
		{checker.LostWrite, "acknowledges offsets 3 to 4 as record 5 and has written up to 3", func(l *lone) { l.acks(3, 5) }},
		{checker.Retention, "starts at offset 4, durable it ends at 3", func(l *lone) { l.saw(checker.EventTrim, checker.Event{Offset: 4}) }},
		{checker.FencedSpeaks, `has an event "served" and does not serve`, func(l *lone) {
			l.saw(checker.EventFenced, checker.Event{Text: "damage"})
			l.serves(3)
		}},
	} {
		l := newLone()
		l.recovers(0, 0)
		l.appends(0, 3)
		test.story(l)
		r := l.m.Finish()
		if len(r.Violations) == 0 || r.Violations[0].Oracle != test.oracle || !strings.Contains(r.Violations[0].Message, test.says) {
			t.Errorf("want %s: %s; got %v", test.oracle, test.says, r.Violations)
		}
	}
}

// unreadHistory is a log of six records of which two are named as lost.
func unreadHistory() *checker.History {
	h := &checker.History{
		Meta: checker.Meta{Complete: true},
		Logs: []checker.Log{{
			Topic: "t", Records: []checker.LogRecord{{Offset: 0, Value: "v0"}, {Offset: 1, Value: "v1"}, {Offset: 4, Value: "v4"}, {Offset: 5, Value: "v5"}},
			Unread: []checker.OffsetRange{{Base: 2, End: 4}},
		}},
	}
	for i, v := range []string{"v0", "v1", "v2", "v3", "v4", "v5"} {
		h.Ops = append(h.Ops, checker.Op{
			Seq: uint64(i), Kind: checker.Produce, Topic: "t", Call: uint64(2*i + 1), Return: uint64(2*i + 2), Outcome: checker.OK, Offset: int64(i), Values: []string{v},
		})
	}
	return h
}

func TestWhatIsNamedAsLost(t *testing.T) {
	h := unreadHistory()
	if r := checker.Check(h, checker.Options{}); !r.Passed() {
		t.Fatal(r.Violations)
	}
	h.Logs[0].Unread[0].End = 3
	r := checker.Check(h, checker.Options{})
	if v, _ := r.Verdict(checker.LostWrite); v.Violations != 1 || !strings.Contains(r.Violations[0].Message+r.Violations[1].Message, `"v3" was acknowledged at offset 3`) {
		t.Errorf("offset 3 is gone and not named: %v", r.Violations)
	}
	if v, _ := r.Verdict(checker.GaplessOffsets); v.Violations != 1 {
		t.Errorf("the gap at offset 3: %v", r.Violations)
	}
	h = unreadHistory()
	h.Ops = append(h.Ops, checker.Op{
		Seq: 9, Kind: checker.Fetch, Topic: "t", Call: 20, Return: 21, Outcome: checker.OK, Offset: 3, HighWatermark: 6,
		Fetched: []checker.FetchedRecord{{Offset: 3, Value: "other"}},
	})
	r = checker.Check(h, checker.Options{})
	if v, _ := r.Verdict(checker.InconsistentOffsets); v.Violations != 1 {
		t.Errorf("two values at an offset that is lost: %v", r.Violations)
	}
	h.Logs[0].Unread[0].End = 2
	if err := h.Validate(); err == nil || !strings.Contains(err.Error(), "cannot be read from offset 2 to 2") {
		t.Errorf("an empty range: %v", err)
	}
	h = unreadHistory()
	h.Groups = []checker.Group{{ID: 1, Unreplicated: true, Members: []checker.Member{{Replica: 1, Node: 1}, {Replica: 2, Node: 2}}}}
	if err := h.Validate(); err == nil || !strings.Contains(err.Error(), "unreplicated and has 2 replicas") {
		t.Errorf("two copies: %v", err)
	}
}
