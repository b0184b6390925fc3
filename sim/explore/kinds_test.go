package explore

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

func TestFailuresAreCountedBySignature(t *testing.T) {
	r := newReport("b", 1, 20, Shard{}, []string{"x"})
	for _, n := range rand.Perm(20) {
		job := r.job(uint64(n))
		out := died(job, "lost-write", "offset 12 is gone")
		switch {
		case job.Seed%7 == 0:
			out.Violations[0].Message = "another matter"
		case job.Seed%2 == 0:
			out.Violations[0].Message = "offset 9 is gone"
		}
		f := finished{job: job, out: out}
		if job.Seed == 3 {
			f.extra = "the disk is full"
		}
		r.add(job, out, failureOf(f, "dir"))
	}
	jobs := func(seeds ...uint64) []Job {
		all := []Job{}
		for _, seed := range seeds {
			all = append(all, Job{"x", seed})
		}
		return all
	}
	want := []FailureKind{
		{Signature{"lost-write", "another matter"}, 2, jobs(7, 14)},
		{Signature{"lost-write", "offset # is gone"}, 18, jobs(1, 2, 3, 4, 5)},
	}
	if !reflect.DeepEqual(r.Kinds, want) {
		t.Errorf("got  %+v\nwant %+v", r.Kinds, want)
	}
	if most := r.KindsByCount()[0]; most.Count != 18 {
		t.Errorf("the most frequent one is %+v", most)
	}
	if got, err := ParseReport(encode(t, r)); err != nil || !reflect.DeepEqual(got.Kinds, want) {
		t.Errorf("from the file %+v, %v", got, err)
	}
}
