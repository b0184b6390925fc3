package checker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/checker"
)

// book writes histories by hand: each call gives an operation the next stamps.
type book struct {
	h     *checker.History
	stamp uint64
}

func newBook() *book {
	return &book{h: &checker.History{
		Meta: checker.Meta{Source: "test", Complete: true},
		Logs: []checker.Log{{Topic: "t", Replicas: digests(30, 30, 30)}},
	}}
}

func digests(applied ...uint64) (out []checker.ReplicaDigest) {
	for i, a := range applied {
		out = append(out, checker.ReplicaDigest{
			Node: uint64(i + 1), Replica: uint64(i + 1), AppliedIndex: a, Fingerprint: 7,
			Segments: []checker.SegmentDigest{{Base: 0, Bytes: 100, Sum: 1}, {Base: 3, Bytes: 80, Sum: 2}},
		})
	}
	return out
}

func (b *book) tick() uint64 { b.stamp++; return b.stamp }

// op adds an operation that is called and returns before anything else happens.
func (b *book) op(o checker.Op) *checker.Op {
	o.Seq, o.Topic, o.Call, o.Return = uint64(len(b.h.Ops)+1), "t", b.tick(), b.tick()
	o.CallNs, o.ReturnNs, o.Attempts = int64(o.Call)*1000, int64(o.Return)*1000, 1
	if o.Outcome == 0 {
		o.Outcome = checker.OK
	}
	b.h.Ops = append(b.h.Ops, o)
	return &b.h.Ops[len(b.h.Ops)-1]
}

func (b *book) produce(offset int64, values ...string) *checker.Op {
	return b.op(checker.Op{Kind: checker.Produce, Offset: offset, Values: values})
}

func (b *book) list(n int64) *checker.Op {
	return b.op(checker.Op{Kind: checker.ListOffsets, Client: 1, Offset: n})
}

// fetch answers the given offsets with the agreed log's values.
func (b *book) fetch(hw, from int64, offsets ...int64) *checker.Op {
	o := checker.Op{Kind: checker.Fetch, Client: 2, Offset: from, HighWatermark: hw}
	for _, at := range offsets {
		o.Fetched = append(o.Fetched, checker.FetchedRecord{Offset: at, Value: b.h.Logs[0].Records[at].Value})
	}
	return b.op(o)
}

// agree sets the agreed log.
func (b *book) agree(values ...string) {
	for i, v := range values {
		b.h.Logs[0].Records = append(b.h.Logs[0].Records, checker.LogRecord{Offset: int64(i), Value: v})
	}
}

// clean is a legal history with all kinds of operations: operation 4 has an
// unknown outcome and stands in the log, 5 has one and does not, 6 failed.
func clean() *book {
	b := newBook()
	b.agree("a", "b1", "b2", "c", "d", "e")
	b.produce(0, "a")        // 1
	b.produce(1, "b1", "b2") // 2
	b.list(3)                // 3
	u := b.produce(0, "c")   // 4
	u.Outcome, u.Return = checker.Unknown, 0
	u.UnknownAttempts = 1
	v := b.produce(0, "never") // 5
	v.Outcome, v.UnknownAttempts = checker.Unknown, 2
	f := b.produce(0, "refused") // 6
	f.Outcome, f.Code = checker.Failed, 19
	b.fetch(4, 2, 1, 2, 3)          // 7: whole batches
	b.produce(4, "d")               // 8
	b.list(5)                       // 9
	b.fetch(3, 3)                   // 10: plain, old, and empty
	l := b.fetch(5, 4, 4)           // 11
	l.Linearizable = true           //
	b.produce(5, "e")               // 12
	b.fetch(6, 0, 0, 1, 2, 3, 4, 5) // 13
	return b
}

func check(t *testing.T, h *checker.History, o checker.Options) checker.Report {
	t.Helper()
	if err := h.Validate(); err != nil {
		t.Fatalf("the history itself is no history: %v", err)
	}
	return checker.Check(h, o)
}

func TestCleanHistory(t *testing.T) {
	b := clean()
	report := check(t, b.h, checker.Options{Porcupine: true})
	wantClean(t, report)
	for _, name := range []string{
		checker.LostWrite, checker.Duplicate, checker.InconsistentOffsets, checker.AbortedRead, checker.NonmonotonicPoll,
		checker.PollSkip, checker.GaplessOffsets, checker.MonotoneHighWatermark, checker.ReplicasEqual, checker.Linearizability, checker.Convergence,
	} {
		if v, _ := report.Verdict(name); v.Checked == 0 {
			t.Errorf("%s looked at nothing", name)
		}
	}
}

// records edits the agreed log by renumbering.
func (b *book) relog(values ...string) {
	b.h.Logs[0].Records = nil
	b.agree(values...)
}

func (b *book) at(seq int) *checker.Op { return &b.h.Ops[seq-1] }

type historyPlant struct {
	name   string
	oracle string
	run    func(b *book)
}

var historyPlants = []historyPlant{
	{"an acknowledged value is nowhere", checker.LostWrite, func(b *book) { b.relog("a", "b1", "b2", "c", "d") }},
	{"B34: an acknowledged value's offset holds another's", checker.LostWrite, func(b *book) {
		b.at(12).Offset = 3
	}},
	{"an acknowledged value stands elsewhere", checker.LostWrite, func(b *book) { b.relog("a", "b1", "b2", "c", "e", "d") }},
	{"half of an acknowledged batch is lost", checker.LostWrite, func(b *book) { b.relog("a", "b1", "c", "d", "e") }},
	{"a value twice after a definite answer", checker.Duplicate, func(b *book) { b.relog("a", "b1", "b2", "c", "d", "e", "d") }},
	{"a value three times after one unknown attempt", checker.Duplicate, func(b *book) {
		b.at(12).UnknownAttempts = 1
		b.relog("a", "b1", "b2", "c", "d", "e", "e", "e")
	}},
	{"an unknown value more often than tried", checker.Duplicate, func(b *book) {
		b.relog("a", "b1", "b2", "c", "d", "e", "c")
	}},
	{"a fetch saw another value", checker.InconsistentOffsets, func(b *book) { b.at(13).Fetched[3].Value = "d" }},
	{"two acknowledgements of one offset", checker.InconsistentOffsets, func(b *book) { b.produce(5, "f") }},
	{"two fetches saw different values beyond the log", checker.InconsistentOffsets, func(b *book) {
		for _, v := range []string{"x", "y"} {
			o := b.fetch(7, 6)
			o.Fetched = []checker.FetchedRecord{{Offset: 6, Value: v}}
		}
	}},
	{"B35: a read beyond the majority", checker.AbortedRead, func(b *book) {
		b.at(13).Fetched = append(b.at(13).Fetched, checker.FetchedRecord{Offset: 6, Value: "never"})
	}},
	{"B35: a read of what was replaced", checker.AbortedRead, func(b *book) { b.at(13).Fetched[3].Value = "never" }},
	{"what failed stands in the log", checker.AbortedRead, func(b *book) { b.relog("a", "b1", "b2", "c", "d", "e", "refused") }},
	{"a record that nobody produced", checker.AbortedRead, func(b *book) { b.relog("a", "b1", "b2", "c", "d", "e", "\x00\x01") }},
	{"a fetch goes back", checker.NonmonotonicPoll, func(b *book) {
		f := b.at(13)
		f.Fetched[2], f.Fetched[3] = f.Fetched[3], f.Fetched[2]
	}},
	{"a fetch answers a record twice", checker.NonmonotonicPoll, func(b *book) {
		b.at(13).Fetched = slices.Insert(b.at(13).Fetched, 2, b.at(13).Fetched[1])
	}},
	{"a fetch answers only what was before", checker.NonmonotonicPoll, func(b *book) { b.at(7).Fetched = b.at(7).Fetched[:1] }},
	{"a fetch begins too late", checker.PollSkip, func(b *book) { b.at(13).Fetched = b.at(13).Fetched[1:] }},
	{"a fetch leaves one out", checker.PollSkip, func(b *book) { b.at(13).Fetched = slices.Delete(b.at(13).Fetched, 2, 3) }},
	{"a gap in the agreed log", checker.GaplessOffsets, func(b *book) { b.h.Logs[0].Records[5].Offset = 6 }},
	{"an offset twice in the agreed log", checker.GaplessOffsets, func(b *book) { b.h.Logs[0].Records[5].Offset = 4 }},
	{"B33, B35: a high watermark beyond the log", checker.MonotoneHighWatermark, func(b *book) { b.at(13).HighWatermark = 7 }},
	{"a record above the high watermark", checker.MonotoneHighWatermark, func(b *book) { b.at(13).HighWatermark = 5 }},
	{"other bytes in a segment", checker.ReplicasEqual, func(b *book) { b.h.Logs[0].Replicas[1].Segments[0].Sum++ }},
	{"other bytes in a segment of a replica that lags", checker.ReplicasEqual, func(b *book) {
		b.h.Logs[0].Replicas[1].AppliedIndex--
		b.h.Logs[0].Replicas[1].Segments[0].Sum++
	}},
	{"B14, B36: another state after the same entries", checker.ReplicasEqual, func(b *book) { b.h.Logs[0].Replicas[2].Fingerprint++ }},
	{"a shorter segment", checker.ReplicasEqual, func(b *book) { b.h.Logs[0].Replicas[2].Segments[1].Bytes-- }},
	{"another segment border", checker.ReplicasEqual, func(b *book) { b.h.Logs[0].Replicas[2].Segments[1].Base++ }},
	{"a segment is missing", checker.ReplicasEqual, func(b *book) {
		b.h.Logs[0].Replicas[2].Segments = b.h.Logs[0].Replicas[2].Segments[:1]
	}},
	{"a replica stays behind", checker.Convergence, func(b *book) { b.h.Logs[0].Replicas[1].AppliedIndex = 29 }},
	{"B41: a deposed leader answers list-offsets", checker.Linearizability, func(b *book) { b.at(9).Offset = 4 }},
	{"B37: list-offsets goes back", checker.Linearizability, func(b *book) { b.list(5) }},
	{"B37: list-offsets goes back without a produce between", checker.Linearizability, func(b *book) {
		b.at(12).Outcome, b.at(12).UnknownAttempts = checker.Unknown, 1
		b.list(6)
		b.list(5)
	}},
	{"list-offsets knows of a later produce", checker.Linearizability, func(b *book) { b.at(9).Offset = 6 }},
	{"list-offsets inside a batch", checker.Linearizability, func(b *book) { b.at(3).Offset = 2 }},
	{"list-offsets beyond the log", checker.Linearizability, func(b *book) { b.list(9) }},
	{"a stale linearizable fetch", checker.Linearizability, func(b *book) {
		f := b.fetch(5, 5)
		f.Linearizable = true
	}},
	{"a produce takes effect before its call", checker.Linearizability, func(b *book) {
		b.produce(6, "g")
		b.produce(7, "h")
		b.relog("a", "b1", "b2", "c", "d", "e", "g", "h")
		b.at(14).Offset, b.at(15).Offset = 7, 6
		b.relog("a", "b1", "b2", "c", "d", "e", "h", "g")
	}},
	{"an unknown produce is seen before its call", checker.Linearizability, func(b *book) {
		b.at(3).Offset = 4
	}},
	{"B35: a plain fetch saw what a later list-offsets does not know", checker.Linearizability, func(b *book) {
		b.relog("a", "b1", "b2", "c", "d", "e", "z")
		z := b.produce(6, "z")
		z.Outcome, z.UnknownAttempts = checker.Unknown, 1
		b.fetch(7, 6, 6)
		b.list(6)
	}},
	{"a client is told that there is no such partition", checker.TopicExists, func(b *book) {
		o := b.op(checker.Op{Kind: checker.Fetch, Outcome: checker.Failed, Offset: 1})
		o.Outcome, o.Code = checker.Failed, 3
	}},
	{"half of an unknown batch", checker.Linearizability, func(b *book) {
		b.relog("a", "b1", "b2", "c", "d", "e", "z1")
		z := b.produce(0, "z1", "z2")
		z.Outcome, z.UnknownAttempts = checker.Unknown, 1
	}},
}

func TestHistoryPlants(t *testing.T) {
	for _, p := range slices.Concat(historyPlants, retentionPlants) {
		t.Run(p.name, func(t *testing.T) {
			b := clean()
			p.run(b)
			report := check(t, b.h, checker.Options{Porcupine: true})
			if violations(t, report, p.oracle) == 0 {
				t.Fatalf("%s said nothing; others: %v", p.oracle, report.Violations)
			}
			again := check(t, b.h, checker.Options{Porcupine: true})
			if fmt.Sprint(report) != fmt.Sprint(again) {
				t.Errorf("two reports of one history:\n%v\n%v", report, again)
			}
			for _, v := range report.Violations {
				if strings.Contains(v.Message, "%!") || strings.Contains(v.Message, "porcupine") {
					t.Errorf("a message that should not be: %v", v)
				}
			}
		})
	}
}

// TestRetention: what was deleted below the log's start is nobody's loss.
func TestRetention(t *testing.T) {
	b := clean()
	log := &b.h.Logs[0]
	log.StartOffset, log.Records = 2, log.Records[2:] // in the middle of a batch
	wantClean(t, check(t, b.h, checker.Options{Porcupine: true}))
}

func TestEveryOracleHasAPlant(t *testing.T) {
	planted := map[string]bool{checker.ISRAccuracy: true, checker.JournalBounded: true} // TestISR, TestJournalBounded
	for _, p := range plants {
		planted[p.oracle] = true
	}
	for _, p := range slices.Concat(historyPlants, retentionPlants) {
		planted[p.oracle] = true
	}
	for _, o := range checker.Oracles() {
		if !planted[o.Name] {
			t.Errorf("%s has no planted anomaly", o.Name)
		}
	}
}

func TestISR(t *testing.T) {
	truth := []checker.MemberTruth{{Node: 1, State: checker.InSync}, {Node: 2, State: checker.OutOfSync}, {Node: 3, State: checker.Undecided}}
	m := checker.NewMonitor(checker.Config{}, nil)
	if r := m.Finish(); r.ISR.AccuracyMilliPercent() != nil {
		t.Error("an accuracy without samples")
	}
	for _, reported := range [][]uint64{{1}, {1, 3}} {
		m.ObserveISR(checker.Sample{Group: 1, Leader: 1, Reported: reported, Truth: truth})
	}
	r := m.Finish()
	wantClean(t, r)
	if a := r.ISR.AccuracyMilliPercent(); a == nil || *a != 100_000 {
		t.Errorf("accuracy %v of right samples", a)
	}
	m.ObserveISR(checker.Sample{Group: 1, Leader: 1, Reported: []uint64{1, 2}, Truth: truth})
	r = m.Finish()
	if violations(t, r, checker.ISRAccuracy) != 1 || r.Violations[0].Message != "group 1: leader on node 1 reports node 2 in sync, which is out-of-sync" {
		t.Errorf("B61: %v", r.Violations)
	}
	m.ObserveISR(checker.Sample{Group: 1, Leader: 1, Reported: []uint64{3}, Truth: truth})
	r = m.Finish()
	if n := violations(t, r, checker.ISRAccuracy); n != 2 {
		t.Errorf("B62: %v", r.Violations)
	}
	if a := r.ISR.AccuracyMilliPercent(); a == nil || *a != 75_000 {
		t.Errorf("accuracy %v of 6 right members in 8", a)
	}
}

func TestReportCountsWhatItDrops(t *testing.T) {
	m := checker.NewMonitor(checker.Config{}, nil)
	for i := range uint64(25) {
		m.Observe(checker.Event{Kind: checker.EventRole, Group: 1, Replica: 1, Role: checker.Leader, Term: 3})
		m.Observe(checker.Event{Kind: checker.EventRole, Group: 1, Replica: 2 + i, Role: checker.Leader, Term: 3})
	}
	r := m.Finish()
	if got := violations(t, r, checker.ElectionSafety); got != 25 || len(r.Violations) != checker.KeptViolations || r.Passed() {
		t.Errorf("counted %d, kept %d", got, len(r.Violations))
	}
	both := checker.Merge(r, r)
	if got := violations(t, both, checker.ElectionSafety); got != 50 {
		t.Errorf("merged %d", got)
	}
}

func TestValidateRefuses(t *testing.T) {
	cases := map[string]func(b *book){
		"share the stamp":       func(b *book) { b.at(2).Call = b.at(1).Call },
		"have id":               func(b *book) { b.at(2).Seq = 1 },
		"never returned":        func(b *book) { b.at(1).Return = 0 },
		"returns at":            func(b *book) { b.at(2).Return = b.at(2).Call - 1 },
		"values must be unique": func(b *book) { b.at(2).Values[0] = "a" },
		"with 0 values":         func(b *book) { b.at(1).Values = nil },
		"agreed log is missing": func(b *book) { b.at(1).Partition = 3 },
		"two agreed logs":       func(b *book) { b.h.Logs = append(b.h.Logs, b.h.Logs[0]) },
		"negative number":       func(b *book) { b.at(1).Attempts = -1 },
		"fetched records":       func(b *book) { b.at(3).Fetched = make([]checker.FetchedRecord, 1) },
		"with offset -1":        func(b *book) { b.at(1).Offset = -1 },
		"has index 0":           func(b *book) { b.h.Events = []checker.Event{{Kind: checker.EventEntry}} },
		"last 18446744073709551615": func(b *book) {
			b.h.Events = []checker.Event{{Kind: checker.EventRecovered, Last: 1<<64 - 1}}
		},
		"described twice": func(b *book) { b.h.Groups = make([]checker.Group, 2) },
	}
	for want, spoil := range cases {
		b := clean()
		spoil(b)
		if err := b.h.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}
