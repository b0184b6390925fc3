package explore

import (
	"math"
	"testing"
	"time"
)

func TestShardsCoverEachSeedOnce(t *testing.T) {
	for of := range uint64(7) {
		seen := map[uint64]int{}
		var counted uint64
		for i := range max(of, 1) {
			r := newReport("b", 5, 40, Shard{i, of}, []string{"x", "y"})
			counted += r.Shard.Count(5, 40)
			for n := range r.total() {
				job := r.job(n)
				if r.number(job) != n || job.Seed%max(of, 1) != i {
					t.Fatalf("shard %v: job %d is %+v, of number %d", r.Shard, n, job, r.number(job))
				}
				seen[job.Seed]++
			}
		}
		for seed := uint64(5); seed <= 40; seed++ {
			if seen[seed] != 2 {
				t.Errorf("%d shards: seed %d has %d jobs, want 2", of, seed, seen[seed])
			}
		}
		if len(seen) != 36 || counted != 36 {
			t.Errorf("%d shards: %d seeds, %d counted, want 36", of, len(seen), counted)
		}
	}
	if n := (Shard{3, 10}).Count(math.MaxUint64-1, math.MaxUint64); n != 0 { // they end in 4 and 5
		t.Errorf("%d seeds behind the last number", n)
	}
}

func TestASweepOverATime(t *testing.T) {
	s := scriptedSweep(t, 1<<30, "good")
	s.Time, s.Shard = 300*time.Millisecond, Shard{1, 3}
	r, err := s.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !r.Complete || r.Seeds < 2 || r.To != 1+3*(r.Seeds-1) || r.Seeds != r.Total() || len(r.Done) != 1 {
		t.Fatalf("complete %v, %d runs of %d, to seed %d, done %v", r.Complete, r.Seeds, r.Total(), r.To, r.Done)
	}
	again := scriptedSweep(t, 1<<30, "good")
	again.Resume, again.Shard, again.Time = r, s.Shard, time.Nanosecond
	before := r.Seeds
	if r, err = again.Run(t.Context()); err != nil || r.Seeds != before+1 || !r.Complete {
		t.Errorf("resumed with no time: %d runs after %d, complete %v, %v", r.Seeds, before, r.Complete, err)
	}
}
