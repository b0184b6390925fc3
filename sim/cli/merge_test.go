package cli_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/sim/cli"
	"github.com/lockstep-log/lockstep/sim/explore"
)

func TestMergeOfShards(t *testing.T) {
	flawed(t)
	dir := t.TempDir()
	for _, shard := range []string{"0", "1"} {
		want := cli.Violated
		if shard == "1" {
			want = cli.Passed // odd seeds
		}
		if r := run(t, dir, "sweep", "--seeds", "1..12", "--shard", shard+"/2", "--report", shard+".json"); r.code != want {
			t.Fatalf("shard %s: code %d: %s", shard, r.code, r.errors)
		}
	}
	run(t, dir, "sweep", "--seeds", "1..12", "--report", "whole.json")
	r := run(t, dir, "merge", "1.json", "0.json", "-o", "merged.json")
	if r.code != cli.Violated || !strings.Contains(r.out, "FAIL seeds=1..12 failed=6 of 12, first seed=2 ") {
		t.Errorf("code %d: %q %s", r.code, lastLines(r.out, 2), r.errors)
	}
	merged, err := explore.ParseReport(read(t, filepath.Join(dir, "merged.json")))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := explore.ParseReport(read(t, filepath.Join(dir, "whole.json")))
	if err != nil || merged.Hashes != whole.Hashes || merged.Ops != whole.Ops || merged.Seeds != 12 || !merged.Complete {
		t.Errorf("%v: merged %v %+v, in one %v %+v", err, merged.Hashes, merged.Ops, whole.Hashes, whole.Ops)
	}
	if r = run(t, dir, "merge", "1.json"); r.code != cli.Passed {
		t.Errorf("one that passed: code %d: %s", r.code, r.errors)
	}
	r = run(t, dir, "merge", "1.json", "whole.json")
	if r.code != cli.BadInput || r.out != "" || strings.Count(r.errors, "\n") != 1 || !strings.Contains(r.errors, "seed 1 is in two of them") {
		t.Errorf("overlapping: code %d: %s%s", r.code, r.out, r.errors)
	}
}
