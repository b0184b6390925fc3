package explore

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

func lost(seed uint64) *Outcome {
	o := passed(seed)
	o.Unrecoverable = fmt.Sprintf("group 1: offset %d is on no disk", seed)
	return o
}

// lostReport is a report of a shard of seeds 1 to 60, every second of which is
// unrecoverable.
func lostReport(shard Shard, numbers []uint64) *Report {
	r := newReport("b", 1, 60, shard, []string{"beyond"})
	for _, n := range numbers {
		job := r.job(n)
		o := passed(job.Seed)
		if job.Seed%2 == 0 {
			o = lost(job.Seed)
		}
		r.add(job, o, Failure{})
	}
	r.Complete = true
	return r
}

func numbers(n uint64) []uint64 {
	var all []uint64
	for i := range n {
		all = append(all, i)
	}
	return all
}

func TestUnrecoverableRunsAreCountedAndTheFirstNamed(t *testing.T) {
	forth := numbers(60)
	back := slices.Clone(forth)
	slices.Reverse(back)
	r := lostReport(Shard{}, forth)
	u := r.Unrecoverable
	if u.Count != 30 || len(u.First) != maxExcuses || r.Passed != 60 || r.Failed != 0 {
		t.Fatalf("%+v of %d passed, %d failed", u, r.Passed, r.Failed)
	}
	if first, last := u.First[0], u.First[maxExcuses-1]; first.Seed != 2 || first.Proof != lost(2).Unrecoverable || last.Seed != 20 {
		t.Errorf("from %+v to %+v", first, last)
	}
	if other := lostReport(Shard{}, back); !reflect.DeepEqual(other.Unrecoverable, u) {
		t.Errorf("in another order %+v, want %+v", other.Unrecoverable, u)
	}
	if got, want := r.RunsText(), "60 of 60: 60 passed, of them 30 proven unrecoverable, 0 failed"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	again, err := ParseReport(encode(t, r))
	if err != nil || !reflect.DeepEqual(again.Unrecoverable, u) {
		t.Errorf("from its file %+v, %v", again, err)
	}
	merged, err := Merge(lostReport(Shard{1, 3}, numbers(20)), lostReport(Shard{0, 3}, numbers(20)), lostReport(Shard{2, 3}, numbers(20)))
	if err != nil || !reflect.DeepEqual(merged.Unrecoverable, u) {
		t.Errorf("merged %+v, %v; want %+v", merged, err, u)
	}
}

func TestExcusesThatContradictAReport(t *testing.T) {
	for what, change := range map[string]func(u *Excuses){
		"more than passed": func(u *Excuses) { u.Count = 61 },
		"nobody named":     func(u *Excuses) { u.First = nil },
		"another seed":     func(u *Excuses) { u.First[0].Seed = 99 },
	} {
		r := lostReport(Shard{}, numbers(60))
		change(&r.Unrecoverable)
		if _, err := ParseReport(encode(t, r)); err == nil || !strings.Contains(err.Error(), "unrecoverable") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestThePageOfARunThatNobodyCouldHaveGoneOnFrom(t *testing.T) {
	text := told(t, cluster.Defaults(5), lost(5), false)
	order(t, text, "Unrecoverable: proven from the disks", "\n  group 1: offset 5 is on no disk\n", "Timeline",
		"PASS seed=5 hash=0000000000000005 unrecoverable: no correct system could have gone on\n")
	if text = told(t, cluster.Defaults(5), passed(5), false); strings.Contains(strings.ToLower(text), "unrecoverable") {
		t.Errorf("unrecoverable without a proof:\n%s", text)
	}
}
