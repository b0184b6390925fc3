package explore

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// sweptShard is the report of a shard, its failures in every fifth seed.
func sweptShard(from, to uint64, shard Shard) *Report {
	r := newReport("b", from, to, shard, []string{"x", "y"})
	for n := range r.total() {
		job := r.job(n)
		out := passed(job.Seed)
		if job.Seed%5 == 0 {
			out = failing(job.Seed)
		}
		out.Probes = map[string]uint64{"election/split-vote": 2}
		r.add(job, out, failureOf(finished{job: job, out: out}, "dir"))
	}
	r.elapsed(1e9)
	r.Complete = true
	return r
}

func TestShardsMergeIntoTheWhole(t *testing.T) {
	whole := sweptShard(1, 40, Shard{})
	var shards []*Report
	for i := range uint64(3) {
		shards = append(shards, sweptShard(1, 40, Shard{2 - i, 3}))
	}
	merged, err := Merge(shards...)
	if err != nil {
		t.Fatal(err)
	}
	if len(merged.Parts) != 3 || merged.ElapsedNs != 3e9 || merged.SeedsPerSecond != 80.0/3 {
		t.Errorf("parts %v, %d ns, %v seeds/s", merged.Parts, merged.ElapsedNs, merged.SeedsPerSecond)
	}
	again, err := ParseReport(encode(t, merged))
	if err != nil || !reflect.DeepEqual(again, merged) {
		t.Errorf("from its file: %v\ngot  %+v\nwant %+v", err, again, merged)
	}
	merged.Parts = nil
	merged.elapsed(1e9)
	if a, b := encode(t, whole), encode(t, merged); !bytes.Equal(a, b) {
		t.Errorf("merged:\n%s\nin one:\n%s", b, a)
	}
	two, err := Merge(shards[:2]...)
	if err != nil {
		t.Fatal(err)
	}
	if later, err := Merge(sweptShard(41, 60, Shard{}), two); err != nil || later.Seeds != later.Total() || later.To != 60 {
		t.Errorf("merged again: %+v, %v", later, err)
	}
}

func TestReportsThatDoNotFit(t *testing.T) {
	other := sweptShard(41, 50, Shard{})
	other.Build = "c"
	fewer := sweptShard(41, 50, Shard{})
	fewer.Scenarios = fewer.Scenarios[:1]
	for says, second := range map[string]*Report{
		"by build b, number 2 by build c": other,
		"covers scenarios":                fewer,
		"seed 1 is in two of them":        sweptShard(1, 40, Shard{}),
		"seed 40 is in two of them":       sweptShard(40, 50, Shard{}),
		"seed 3 is in two of them":        sweptShard(2, 20, Shard{3, 4}),
	} {
		if _, err := Merge(sweptShard(1, 40, Shard{}), second); !errors.Is(err, ErrMerge) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
	if seed, both := shared(Part{1, 40, Shard{1, 4}}, Part{1, 40, Shard{3, 6}}); !both || seed != 9 {
		t.Errorf("1 modulo 4 and 3 modulo 6 share %d, %v; want 9", seed, both)
	}
	if seed, both := shared(Part{1, 40, Shard{1, 4}}, Part{1, 40, Shard{0, 6}}); both {
		t.Errorf("1 modulo 4 and 0 modulo 6 share %d", seed)
	}
	if err := sweptShardMerged(t).extend("b", 1, 40, Shard{}, []string{"x", "y"}); !errors.Is(err, ErrReport) {
		t.Errorf("a merged report was resumed: %v", err)
	}
}

func sweptShardMerged(t *testing.T) *Report {
	t.Helper()
	r, err := Merge(sweptShard(1, 20, Shard{}), sweptShard(21, 40, Shard{}))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
