package cli_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/sim/cli"
	"github.com/lockstep-log/lockstep/sim/explore"
)

func TestASweepOfAShardOverATime(t *testing.T) {
	t.Setenv("JOB_COMPLETION_INDEX", "1")
	t.Setenv("SIM_SHARD_COUNT", "4")
	dir := t.TempDir()
	r := run(t, dir, "sweep", "--time", "1s", "--scenario", "leader-election", "--report", "r.json")
	report, err := explore.ParseReport(read(t, filepath.Join(dir, "r.json")))
	if err != nil || r.code != cli.Passed {
		t.Fatalf("code %d, %v: %s", r.code, err, r.errors)
	}
	if report.Shard != (explore.Shard{Index: 1, Of: 4}) || !report.Complete || report.Seeds == 0 || report.To != 1+4*(report.Seeds-1) {
		t.Errorf("shard %v, %d runs to seed %d, complete %v", report.Shard, report.Seeds, report.To, report.Complete)
	}
	if last := lastLines(r.out, 1)[0]; !strings.HasPrefix(last, "PASS seeds=1..") || !strings.Contains(last, " shard=1/4 ") || !strings.Contains(r.out, "1/4: the seeds that are 1 modulo 4") {
		t.Errorf("last line %q in\n%s", last, r.out)
	}
	if r = run(t, dir, "sweep", "--seeds", "1..9", "--shard", "0/4", "--scenario", "leader-election", "--resume", "--report", "r.json"); r.code != cli.BadInput || !strings.Contains(r.errors, "shard 1/4, and not of 0/4") {
		t.Errorf("another shard's report: code %d: %s", r.code, r.errors)
	}
}
