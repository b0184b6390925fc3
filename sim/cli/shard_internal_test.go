package cli

import (
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/sim/explore"
)

func TestJobArraysMakeShards(t *testing.T) {
	tests := []struct {
		option string
		count  uint64
		env    string
		want   explore.Shard
		says   string // of the error
	}{
		{"", 0, "", explore.Shard{}, ""},
		{"2/5", 0, "", explore.Shard{Index: 2, Of: 5}, ""},
		{"0/1", 0, "SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_COUNT=4", explore.Shard{}, ""},
		{"", 0, "BUILDKITE_PARALLEL_JOB=0 BUILDKITE_PARALLEL_JOB_COUNT=3", explore.Shard{Of: 3}, ""},
		{"", 0, "BUILDKITE_PARALLEL_JOB=0 BUILDKITE_PARALLEL_JOB_COUNT=1", explore.Shard{}, ""},
		{"", 0, "BUILDKITE_PARALLEL_JOB=1", explore.Shard{}, "BUILDKITE_PARALLEL_JOB_COUNT"},
		{"", 0, "SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=1", explore.Shard{Index: 2, Of: 4}, ""},
		{"", 0, "SLURM_ARRAY_TASK_ID=14 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_STEP=2", explore.Shard{Index: 2, Of: 3}, ""},
		{"", 0, "SLURM_ARRAY_TASK_ID=9 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=1", explore.Shard{}, "shard 8 of 4"},
		{"", 0, "SLURM_ARRAY_TASK_ID=x SLURM_ARRAY_TASK_COUNT=4", explore.Shard{}, `SLURM_ARRAY_TASK_ID="x"`},
		{"", 8, "JOB_COMPLETION_INDEX=7", explore.Shard{Index: 7, Of: 8}, ""},
		{"", 0, "JOB_COMPLETION_INDEX=7 SIM_SHARD_COUNT=9", explore.Shard{Index: 7, Of: 9}, ""},
		{"", 0, "JOB_COMPLETION_INDEX=7", explore.Shard{}, "--shard-count N"},
		{"", 7, "JOB_COMPLETION_INDEX=7", explore.Shard{}, "shard 7 of 7"},
	}
	for _, test := range tests {
		env := map[string]string{}
		for word := range strings.FieldsSeq(test.env) {
			name, value, _ := strings.Cut(word, "=")
			env[name] = value
		}
		got, err := findShard(test.option, test.count, func(name string) string { return env[name] })
		switch {
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
			t.Errorf("%+v: error %v", test, err)
		case test.says == "" && (err != nil || got != test.want):
			t.Errorf("%+v: got %v, %v", test, got, err)
		}
	}
}
