package cli

import (
	"strconv"
	"strings"

	"github.com/lockstep-log/lockstep/sim/explore"
)

// shardCountVariable tells how many shards there are where the job array itself
// does not.
const shardCountVariable = "SIM_SHARD_COUNT"

// findShard gives the shard of the option --shard, else that of the job array
// which the process runs in, else all seeds.
func findShard(option string, count uint64, getenv func(string) string) (explore.Shard, error) {
	if option != "" {
		return parseShard(option)
	}
	e := environment{getenv: getenv}
	var index, of uint64
	var array string // the variable that tells of it
	switch {
	case getenv("BUILDKITE_PARALLEL_JOB") != "":
		array = "BUILDKITE_PARALLEL_JOB"
		index, of = e.number(array, ""), e.number("BUILDKITE_PARALLEL_JOB_COUNT", "")
	case getenv("SLURM_ARRAY_TASK_ID") != "":
		array = "SLURM_ARRAY_TASK_ID"
		id, least, step := e.number(array, ""), e.number("SLURM_ARRAY_TASK_MIN", "0"), e.number("SLURM_ARRAY_TASK_STEP", "1")
		index, of = (id-least)/max(step, 1), e.number("SLURM_ARRAY_TASK_COUNT", "")
	case getenv("JOB_COMPLETION_INDEX") != "":
		array = "JOB_COMPLETION_INDEX"
		index, of = e.number(array, ""), count
		if count == 0 && getenv(shardCountVariable) == "" {
			return explore.Shard{}, badInput("%s is set: say how many there are with --shard-count N or %s, or give --shard 0/1 for all seeds", array, shardCountVariable)
		}
		if count == 0 {
			of = e.number(shardCountVariable, "")
		}
	case count > 0:
		return explore.Shard{}, badInput("--shard-count %d: JOB_COMPLETION_INDEX is not set; give --shard I/%d", count, count)
	default:
		return explore.Shard{}, nil
	}
	shard := explore.Shard{Index: index, Of: of}
	if shard == (explore.Shard{Of: 1}) {
		return explore.Shard{}, nil
	}
	if e.bad != "" {
		return shard, badInput("%s=%q is no number; give --shard I/N", e.bad, getenv(e.bad))
	}
	if of == 0 || shard.Valid() != nil {
		return shard, badInput("%s=%s makes this shard %d of %d, counted from 0; give --shard I/N", array, getenv(array), index, of)
	}
	return shard, nil
}

// parseShard reads "I/N".
func parseShard(s string) (explore.Shard, error) {
	first, second, _ := strings.Cut(s, "/")
	index, errIndex := strconv.ParseUint(first, 10, 64)
	of, errOf := strconv.ParseUint(second, 10, 64)
	shard := explore.Shard{Index: index, Of: of}
	if errIndex != nil || errOf != nil || of == 0 || shard.Valid() != nil {
		return shard, badInput("--shard %q: give I/N, I from 0 to N-1 and N at most %d", s, explore.MaxShards)
	}
	if of == 1 {
		return explore.Shard{}, nil
	}
	return shard, nil
}

// environment reads numbers from variables; bad is the first that holds none.
type environment struct {
	getenv func(string) string
	bad    string
}

func (e *environment) number(name, absent string) uint64 {
	text := e.getenv(name)
	if text == "" {
		text = absent
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil && e.bad == "" {
		e.bad = name
	}
	return n
}

// parseShare reads "2%" as runs in a million.
func parseShare(s string) (uint64, error) {
	percent, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	if err != nil || !strings.HasSuffix(s, "%") || !(percent >= 0 && percent <= 100) {
		return 0, badInput("--audit %q: give a share from 0%% to 100%%, as 2%%", s)
	}
	return uint64(percent * (explore.AuditAll / 100)), nil
}
