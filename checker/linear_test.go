package checker

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
	"pgregory.net/rapid"
)

// plan is what one operation of a random history does; it is what rapid draws
// and shrinks.
type plan struct {
	kind   int // produce, list, linearizable fetch, plain fetch
	client int
	size   int
	fate   int // of a produce: ok, unknown and done, unknown and not done, failed, done twice
	lag    int64
}

// sequential runs plans one after the other against the trivial model (a log),
// with intervals that overlap as the order of their ends wants, and returns a
// legal history.
func sequential(plans []plan, order func(n int) int) *History {
	h := &History{Meta: Meta{Complete: true}, Logs: []Log{{Topic: "t"}}}
	log := &h.Logs[0]
	// Each operation has three moments: call, effect, return.
	moments := make([]int, len(plans))
	h.Ops = make([]Op, len(plans))
	for i, p := range plans {
		h.Ops[i] = Op{Seq: uint64(i + 1), Client: p.client, Topic: "t", Kind: []OpKind{Produce, ListOffsets, Fetch, Fetch}[p.kind], Outcome: OK, Attempts: 1}
	}
	stamp := uint64(0)
	for open := len(plans); open > 0; {
		i := order(len(plans))
		for moments[i] == 3 {
			i = (i + 1) % len(plans)
		}
		stamp++
		o, p := &h.Ops[i], &plans[i]
		moments[i]++
		switch moments[i] {
		case 1:
			o.Call = stamp
		case 2:
			effect(log, o, p)
		case 3:
			open--
			if o.Outcome != Unknown || p.lag == 0 {
				o.Return = stamp
			}
		}
	}
	return h
}

func effect(log *Log, o *Op, p *plan) {
	end := int64(len(log.Records))
	o.Offset, o.HighWatermark = end, end
	switch o.Kind {
	case Produce:
		produceEffect(log, o, p)
	case Fetch:
		o.Linearizable = p.kind == 2
		if !o.Linearizable {
			o.HighWatermark = max(0, end-p.lag)
		}
		o.Offset = o.HighWatermark
		if o.Offset > 0 {
			r := log.Records[o.Offset-1]
			o.Offset = r.Offset
			o.Fetched = []FetchedRecord{{r.Offset, r.Value}}
		}
	default: // list-offsets answers the end
	}
}

func produceEffect(log *Log, o *Op, p *plan) {
	for i := range p.size {
		o.Values = append(o.Values, fmt.Sprintf("v%d.%d", o.Seq, i))
	}
	times := 1
	switch p.fate {
	case 1:
		o.Outcome, o.UnknownAttempts = Unknown, 1
	case 2:
		o.Outcome, o.UnknownAttempts, times = Unknown, 1, 0
	case 3:
		o.Outcome, times = Failed, 0
	case 4:
		o.UnknownAttempts, times = 1, 2
	}
	for range times {
		for _, v := range o.Values {
			log.Records = append(log.Records, LogRecord{int64(len(log.Records)), v})
		}
	}
}

// verdicts judges a one-partition history by the exact check, by porcupine with
// the patches of operations, and by porcupine without them. ok is false where
// some answer contradicts the log, which porcupine's model does not see.
func verdicts(h *History) (exact bool, patched, plain porcupine.CheckResult, ok bool) {
	p := partitions(h)[0]
	var j judge
	j.written(p, true)
	steps, legal := j.steps(p)
	exact = len(conflicts(steps)) == 0
	start, ops := operations(steps)
	patched = porcupine.CheckOperationsTimeout(model(start), ops, 0)
	raw := make([]porcupine.Operation, len(ops))
	for i := range ops {
		s := *ops[i].Input.(*step)
		raw[i] = ops[i]
		if s.class == classProduce && (s.op == nil || !s.acknowledged()) {
			raw[i].Return = math.MaxInt64
		}
		if s.class == classSeen {
			raw[i].Call = 0
		}
	}
	plain = porcupine.CheckOperationsTimeout(model(start), raw, 0)
	return exact, patched, plain, legal && j.found[oLinearizability] == 0
}

func drawPlans(t *rapid.T) []plan {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) plan {
		return plan{
			kind: rapid.IntRange(0, 3).Draw(t, "kind"), client: rapid.IntRange(0, 4).Draw(t, "client"),
			size: rapid.IntRange(1, 3).Draw(t, "size"), fate: max(0, rapid.IntRange(-4, 4).Draw(t, "fate")),
			lag: rapid.Int64Range(0, 4).Draw(t, "lag"),
		}
	}), 1, 14).Draw(t, "plans")
}

// TestLegalHistories: what a sequential log answers is nobody's violation.
func TestLegalHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := sequential(drawPlans(t), func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") })
		if err := h.Validate(); err != nil {
			t.Fatalf("the generator's own mistake: %v", err)
		}
		report := Check(h, Options{Porcupine: true})
		for _, v := range report.Violations {
			t.Fatalf("objection to a legal history: %v", v)
		}
	})
}

// TestExactAgreesWithPorcupine: thousands of small histories, legal and broken,
// and never a difference.
func TestExactAgreesWithPorcupine(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	judged, illegal := 0, 0
	for n := range 12_000 {
		plans := make([]plan, 1+random.IntN(12))
		for i := range plans {
			plans[i] = plan{random.IntN(4), random.IntN(5), 1 + random.IntN(3), max(0, random.IntN(9)-4), random.Int64N(4)}
		}
		moments, width := 0, 1+random.IntN(4)
		h := sequential(plans, func(n int) int {
			moments++
			return min(n-1, moments/3+random.IntN(width))
		})
		for range random.IntN(6) {
			spoil(h, random)
		}
		if h.Validate() != nil {
			continue
		}
		exact, patched, plain, ok := verdicts(h)
		if !ok {
			continue
		}
		judged++
		if !exact {
			illegal++
		}
		if exact != (patched == porcupine.Ok) || exact != (plain == porcupine.Ok) {
			t.Fatalf("history %d: exact says %v, porcupine %v, without patches %v\n%s", n, exact, patched, plain, dump(h))
		}
	}
	if judged < 5000 || illegal < 1000 {
		t.Errorf("%d histories judged, %d of them illegal: this test proves too little", judged, illegal)
	}
}

// spoil makes one small change that may break a history.
func spoil(h *History, random *rand.Rand) {
	a, b := &h.Ops[random.IntN(len(h.Ops))], &h.Ops[random.IntN(len(h.Ops))]
	switch random.IntN(4) {
	case 0: // swap the intervals
		a.Call, b.Call, a.Return, b.Return = b.Call, a.Call, b.Return, a.Return
	case 1: // another answer
		switch a.Kind {
		case ListOffsets:
			a.Offset = max(0, a.Offset+random.Int64N(5)-2)
		case Fetch:
			a.HighWatermark = max(0, a.HighWatermark+random.Int64N(5)-2)
		default:
		}
	case 2: // an earlier return
		if a.Return > a.Call+1 && a.Return < b.Return {
			a.Return, b.Return = b.Return, a.Return
		}
	default: // a later call
		if a.Call < b.Call && b.Call < a.Return {
			a.Call, b.Call = b.Call, a.Call
		}
	}
}

func dump(h *History) string {
	var b strings.Builder
	if err := WriteHistory(&b, h); err != nil {
		return err.Error()
	}
	return b.String()
}

// TestWindows: a clean history passes porcupine in windows of any size.
func TestWindows(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	plans := make([]plan, 200)
	for i := range plans {
		plans[i] = plan{random.IntN(4), random.IntN(5), 1 + random.IntN(3), max(0, random.IntN(9)-4), random.Int64N(4)}
	}
	h := sequential(plans, func(n int) int { return random.IntN(min(n, 20)) })
	for _, size := range []int{1, 2, 3, 7, 50, 1000} {
		r := Check(h, Options{Porcupine: true, Window: size})
		for _, v := range r.Violations {
			t.Errorf("window of %d: %v", size, v)
		}
	}
}

func TestVisualize(t *testing.T) {
	h := &History{Logs: []Log{{Topic: "t", Records: []LogRecord{{0, "a"}, {1, "b"}}}}, Ops: []Op{
		{Seq: 1, Kind: Produce, Topic: "t", Call: 1, Return: 2, Outcome: OK, Values: []string{"a"}},
		{Seq: 2, Kind: Produce, Topic: "t", Call: 3, Return: 4, Outcome: OK, Offset: 1, Values: []string{"b"}},
		{Seq: 3, Client: 4, Kind: ListOffsets, Topic: "t", Call: 5, Return: 6, Outcome: OK, Offset: 1},
	}}
	var b bytes.Buffer
	if err := Visualize(&b, h, "t", 0); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<html", "listOffsets 3 answers length 1", "is acknowledged at offset 1"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page does not hold %q", want)
		}
	}
	if err := Visualize(&b, h, "t", 7); !errors.Is(err, ErrNothingToDraw) {
		t.Errorf("an unknown partition: %v", err)
	}
}

func TestByIndex(t *testing.T) {
	var v byIndex[uint64]
	for _, i := range []uint64{7, 8, 5, 1 << 60, 7 + 2*denseGap, 9, 7 + denseGap, 7 + 2*denseGap} {
		*v.at(i) += i
	}
	want := map[uint64]uint64{5: 5, 6: 0, 7: 7, 8: 8, 9: 9, 7 + denseGap: 7 + denseGap, 7 + 2*denseGap: 2 * (7 + 2*denseGap), 1 << 60: 1 << 60, 1<<60 + 1: 0}
	for i, w := range want {
		if got := v.get(i); got != w {
			t.Errorf("index %d: %d, want %d", i, got, w)
		}
	}
	if len(v.dense) > 4*denseGap {
		t.Errorf("%d dense elements", len(v.dense))
	}
}

// hundredThousand is a legal history of 100,000 operations of 10 clients.
func hundredThousand(n int) *History {
	random := rand.New(rand.NewPCG(3, 4))
	plans := make([]plan, n)
	for i := range plans {
		plans[i] = plan{random.IntN(4), i % 10, 1, 0, random.Int64N(4)}
	}
	first := 0
	open := make([]int, 0, 24) // moments left: three per operation of a window
	return sequential(plans, func(int) int {
		for len(open) < 24 && first < n {
			open = append(open, first, first, first)
			first++
		}
		k := random.IntN(len(open))
		i := open[k]
		open[k] = open[len(open)-1]
		open = open[:len(open)-1]
		return i
	})
}

func BenchmarkExact100k(b *testing.B) {
	h := hundredThousand(100_000)
	p := partitions(h)[0]
	b.ReportAllocs()
	for b.Loop() {
		var j judge
		p.copies = p.copies[:0]
		j.written(p, true)
		j.linearizable(p, Options{})
		if len(j.violations) > 0 {
			b.Fatal(j.violations[0])
		}
	}
}

func BenchmarkCheck100k(b *testing.B) {
	h := hundredThousand(100_000)
	b.ReportAllocs()
	for b.Loop() {
		if r := Check(h, Options{}); !r.Passed() {
			b.Fatal(r.Violations[0])
		}
	}
}

func BenchmarkPorcupine10k(b *testing.B) {
	h := hundredThousand(10_000)
	for b.Loop() {
		if r := Check(h, Options{Porcupine: true}); !r.Passed() {
			b.Fatal(r.Violations[0])
		}
	}
}
