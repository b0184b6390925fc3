package explore

import (
	"bytes"
	"encoding/xml"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

func passed(seed uint64) *Outcome {
	return &Outcome{
		Seed: seed, Hash: Hash(seed), Passed: true, VirtualNs: 60e9, Events: 1000, Elections: 2,
		Ops: Ops{OK: 10, Failed: 1, Unknown: 2}, Faults: map[string]int{"crash": 1},
		Counters: map[string]uint64{"powerLosses": 3}, Oracles: []Verdict{{Name: "lost-write", Checked: 5}},
		electionNs: []int64{int64(seed) * int64(time.Millisecond)},
	}
}

func failing(seed uint64) *Outcome {
	o := passed(seed)
	o.Passed, o.Violations = false, []Violation{{Oracle: "lost-write", Message: "value <a> & \"b\"", AtNs: 7}}
	o.Oracles = []Verdict{{Name: "duplicate", Checked: 1}, {Name: "lost-write", Checked: 5, Violations: 1}}
	return o
}

func sampleReport() *Report {
	r := newReport("build", 5, 9, Shard{}, []string{"mixed", "other"})
	for _, n := range []uint64{0, 1, 2, 5, 9} {
		job := r.job(n)
		r.add(job, passed(job.Seed), Failure{})
	}
	for _, n := range []uint64{7, 3} {
		job := r.job(n)
		r.add(job, failing(job.Seed), failureOf(finished{job: job, out: failing(job.Seed)}, "dir"))
	}
	r.elapsed(int64(2 * time.Second))
	return r
}

func encode(t *testing.T, r *Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReportCounts(t *testing.T) {
	r := sampleReport()
	if r.Seeds != 7 || r.Passed != 5 || r.Failed != 2 || r.Total() != 10 {
		t.Errorf("%d seeds, %d passed, %d failed of %d", r.Seeds, r.Passed, r.Failed, r.Total())
	}
	if want := (Ops{OK: 70, Failed: 7, Unknown: 14}); r.Ops != want {
		t.Errorf("operations %+v, want %+v", r.Ops, want)
	}
	if r.Faults["crash"] != 7 || r.Counters["powerLosses"] != 21 || r.Elections != 14 {
		t.Errorf("faults %v, counters %v, elections %d", r.Faults, r.Counters, r.Elections)
	}
	if want := []Verdict{{Name: "duplicate", Checked: 2}, {Name: "lost-write", Checked: 35, Violations: 2}}; !reflect.DeepEqual(r.Oracles, want) {
		t.Errorf("oracles %v, want %v", r.Oracles, want)
	}
	if r.SeedsPerSecond != 3.5 || r.VirtualPerReal != 210 {
		t.Errorf("%v seeds/s, %v virtual per real", r.SeedsPerSecond, r.VirtualPerReal)
	}
	if want := (spans{{0, 4}, {5, 6}, {7, 8}, {9, 10}}); !reflect.DeepEqual(r.Done, want) {
		t.Errorf("done %v, want %v", r.Done, want)
	}
	if r.Failures[0].Job != (Job{"other", 6}) || r.Failures[0].Schedule != "dir/schedule.json" {
		t.Errorf("first failure %+v, want that of seed 6", r.Failures[0])
	}
	if e := r.Metrics.ElectionMs; e == nil || e.Max != 9 || e.Samples != 7 || e.Longest.Seed != 9 {
		t.Errorf("election times %+v", e)
	}
	if r.Metrics.FailoverMs != nil {
		t.Errorf("failover times %+v without samples, want nil", r.Metrics.FailoverMs)
	}
}

func TestReportSurvivesItsFile(t *testing.T) {
	r := sampleReport()
	got, err := ParseReport(encode(t, r))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, r) {
		t.Errorf("got  %+v\nwant %+v", got, r)
	}
	if !bytes.Contains(encode(t, r), []byte(`"failoverMs": null`)) {
		t.Error("a metric without samples is not null")
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	numbers := rand.Perm(20)
	reports := [2]*Report{newReport("b", 1, 10, Shard{}, []string{"x", "y"}), newReport("b", 1, 10, Shard{}, []string{"x", "y"})}
	for i := range 20 {
		for side, n := range [2]int{i, numbers[i]} {
			r := reports[side]
			job, out := r.job(uint64(n)), passed(uint64(n))
			if n%3 == 0 {
				out = failing(uint64(n))
			}
			r.add(job, out, failureOf(finished{job: job, out: out}, "dir"))
		}
	}
	if a, b := encode(t, reports[0]), encode(t, reports[1]); !bytes.Equal(a, b) {
		t.Errorf("in order:\n%s\nout of order:\n%s", a, b)
	}
}

func TestBadReports(t *testing.T) {
	good := string(encode(t, sampleReport()))
	change := func(old, now string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the sample has no %s", old)
		}
		return strings.Replace(good, old, now, 1)
	}
	for name, text := range map[string]string{
		"empty":            "",
		"cut short":        good[:len(good)/2],
		"not JSON":         "seeds: 7",
		"unknown field":    change(`"seeds"`, `"sedes": 1, "seeds"`),
		"other version":    change(`"version": 1`, `"version": 2`),
		"range":            change(`"from": 5`, `"from": 50`),
		"huge range":       change(`"to": 9`, `"to": 18446744073709551615`),
		"counts":           change(`"passed": 5`, `"passed": 6`),
		"foreign failure":  change(`"seed": 6`, `"seed": 66`),
		"overlapping done": change("5,\n      6", "3,\n      4"),
		"no faults":        change(`"faults": {`, `"faults": null, "oracles2": {`),
		"null faults":      change("\"faults\": {\n    \"crash\": 7\n  }", `"faults": null`),
	} {
		if _, err := ParseReport([]byte(text)); !errors.Is(err, ErrReport) {
			t.Errorf("%s: got %v, want ErrReport", name, err)
		}
	}
}

func FuzzParseReport(f *testing.F) {
	var b bytes.Buffer
	if err := sampleReport().Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"version":1,"from":1,"to":2,"scenarios":["a"],"done":[[0,1]],"seeds":1,"passed":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReport(b)
		if err != nil {
			return
		}
		if r.Seeds < 10_000 {
			if err := r.WriteJUnit(&bytes.Buffer{}); err != nil {
				t.Fatal(err)
			}
		}
		for n := range min(r.total(), 5) {
			if !r.Done.has(n) && len(r.Parts) == 0 { // a merged one does not grow
				r.add(r.job(n), passed(n), Failure{})
			}
		}
		if err := r.check(); err != nil {
			t.Errorf("a good report became bad: %v", err)
		}
	})
}

func TestExtend(t *testing.T) {
	scenarios := []string{"mixed", "other"}
	if err := sampleReport().extend("build", 5, 20, Shard{}, scenarios); err != nil {
		t.Errorf("a later last seed: %v", err)
	}
	for name, err := range map[string]error{
		"another build":        sampleReport().extend("other", 5, 9, Shard{}, scenarios),
		"another first seed":   sampleReport().extend("build", 4, 9, Shard{}, scenarios),
		"an earlier last seed": sampleReport().extend("build", 5, 8, Shard{}, scenarios),
		"another shard":        sampleReport().extend("build", 5, 9, Shard{0, 2}, scenarios),
		"other scenarios":      sampleReport().extend("build", 5, 9, Shard{}, scenarios[:1]),
	} {
		if !errors.Is(err, ErrReport) {
			t.Errorf("%s: got %v, want ErrReport", name, err)
		}
	}
}

func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	if err := sampleReport().WriteJUnit(&b); err != nil {
		t.Fatal(err)
	}
	var got junitSuites
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v in\n%s", err, b.Bytes())
	}
	if got.Tests != 7 || got.Failures != 2 || len(got.Suites) != 2 {
		t.Fatalf("%d tests, %d failures, %d suites", got.Tests, got.Failures, len(got.Suites))
	}
	other := got.Suites[1]
	if other.Name != "other" || other.Tests != 5 || other.Failures != 2 || len(other.Cases) != 5 {
		t.Errorf("suite %s: %d tests, %d failures, %d cases", other.Name, other.Tests, other.Failures, len(other.Cases))
	}
	failed := other.Cases[1]
	if failed.Name != "seed 6" || failed.Failure == nil || failed.Failure.Type != "lost-write" || failed.Failure.Message != "value <a> & \"b\"" {
		t.Errorf("the failed case is %+v", failed)
	}
}

func TestSpansAreASet(t *testing.T) {
	var s spans
	model := map[uint64]bool{}
	for range 2000 {
		n := rand.Uint64N(300)
		s, model[n] = s.add(n), true
		if s.count() != uint64(len(model)) {
			t.Fatalf("after %d: %d elements, want %d: %v", n, s.count(), len(model), s)
		}
	}
	for n := range uint64(300) {
		if s.has(n) != model[n] {
			t.Errorf("has %d: %v, want %v", n, s.has(n), model[n])
		}
	}
	if err := s.check(300); err != nil {
		t.Error(err)
	}
}

func TestDistribution(t *testing.T) {
	var d *Distribution
	d = d.add(Job{"x", 1}, nil)
	if d != nil {
		t.Fatal("a distribution without samples")
	}
	ms := func(n int64) int64 { return n * int64(time.Millisecond) }
	for i := range int64(100) {
		d = d.add(Job{"x", uint64(i)}, []int64{ms(i + 1)})
	}
	if want := (Quantiles{50, 99, 100, 100}); d.Quantiles != want {
		t.Errorf("got %+v, want %+v", d.Quantiles, want)
	}
	d = d.add(Job{"x", 200}, []int64{ms(123_456) + 1})
	if d.Max != 124_000 || d.Longest.Seed != 200 {
		t.Errorf("longest %v of seed %d, want 124000 ms (three digits, rounded up) of seed 200", d.Max, d.Longest.Seed)
	}
}

func TestHashSurvivesJSON(t *testing.T) {
	h := Hash(0xfedcba9876543210)
	b, err := h.MarshalJSON()
	var got Hash
	if err != nil || string(b) != `"fedcba9876543210"` || got.UnmarshalJSON(b) != nil || got != h {
		t.Errorf("%v became %s and %v, %v", h, b, got, err)
	}
	for _, bad := range []string{`12`, `"12"`, `"fedcba987654321g"`} {
		if got.UnmarshalJSON([]byte(bad)) == nil {
			t.Errorf("%s was taken for a hash", bad)
		}
	}
}
