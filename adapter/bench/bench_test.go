package bench_test

import (
	"errors"
	"os"
	"testing"

	"github.com/lockstep-log/lockstep/adapter"
	"github.com/lockstep-log/lockstep/adapter/bench"
)

// small keeps the files of a test's node short.
var small = adapter.TuningConfig{
	JournalFileBytes: 4 << 20, JournalRetainBytes: 8 << 20, SegmentBytes: 4 << 20, CheckpointBytes: 4 << 20, JournalMaxBytes: 32 << 20,
}

// Compare measures everybody in each round and leaves nothing behind.
func TestCompare(t *testing.T) {
	dir := t.TempDir()
	r, err := bench.Compare(t.Context(), bench.Config{
		Dir: dir, BatchBytes: 8 << 10, TurnBytes: 256 << 10, InFlight: []int{1, 4}, Rounds: 2, WarmBytes: 1 << 20, RPC: true, Tuning: small,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Speeds) != 10 || len(r.Ratios) != 12 {
		t.Fatalf("%d speeds and %d ratios", len(r.Speeds), len(r.Ratios))
	}
	for _, s := range r.Speeds {
		if s.Bytes.Min <= 0 || s.Bytes.Min > s.Bytes.Median || s.Bytes.Median > s.Bytes.Max {
			t.Errorf("%s: %+v", s.Name, s.Bytes)
		}
		if s.Name == bench.Replicated && (s.Written < 1 || s.Syncs <= 0) {
			t.Errorf("%s wrote %.2f bytes a byte with %.2f syncs a batch", s.Name, s.Written, s.Syncs)
		}
	}
	for _, x := range r.Ratios {
		if x.Ratio.Median <= 0 || x.Met != (x.Ratio.Median >= x.Target) {
			t.Errorf("%+v", x)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestCompareRefuses(t *testing.T) {
	for name, c := range map[string]bench.Config{
		"large batches":  {BatchBytes: 2 << 20},
		"empty turns":    {TurnBytes: 1},
		"none in flight": {InFlight: []int{0}},
	} {
		c.Dir = t.TempDir()
		if _, err := bench.Compare(t.Context(), c); !errors.Is(err, adapter.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A start reads the journal. Of the logs it looks at names and lengths, however much
// is in them.
func TestStartReadsNoSegments(t *testing.T) {
	const log = 24 << 20
	r, err := bench.Start(t.Context(), bench.StartConfig{Dir: t.TempDir(), SegmentBytes: log, JournalBytes: 40 << 20, Starts: 1, Tuning: small})
	if err != nil {
		t.Fatal(err)
	}
	if r.LogBytes < log/2 || r.JournalBytes < 16<<20 || len(r.Killed) != 1 || len(r.Full) != 1 {
		t.Fatalf("%+v", r)
	}
	for _, s := range append(r.Killed, r.Full...) {
		if s.Ready <= 0 || s.Serves < s.Ready || s.ReadMiB <= 0 {
			t.Errorf("%+v", s)
		}
		if s.Logs > 1 {
			t.Errorf("a start read %.1f MiB of the logs", s.Logs)
		}
	}
	if r.Full[0].ReadMiB < 16 {
		t.Errorf("the journal was not full: %.1f MiB read", r.Full[0].ReadMiB)
	}
}
