package scenarios

import (
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// electionLimit bounds elections and failovers, as package sim/cluster measures
// them: from when they are possible.
const electionLimit = int64(5 * time.Second)

// verdict collects what a scenario's check objects to.
type verdict struct {
	scenario string
	found    []checker.Violation
}

func (v *verdict) fail(atNs int64, format string, args ...any) {
	v.found = append(v.found, checker.Violation{Oracle: v.scenario, Message: fmt.Sprintf(format, args...), AtNs: atNs})
}

// marks selects the timeline's marks of one kind.
func marks(r *cluster.Result, kind cluster.MarkKind) []cluster.Mark {
	var out []cluster.Mark
	for _, m := range r.Timeline {
		if m.Kind == kind {
			out = append(out, m)
		}
	}
	return out
}

// first finds the first mark from a time on that satisfies a condition.
func first(r *cluster.Result, fromNs int64, cond func(cluster.Mark) bool) (cluster.Mark, bool) {
	for _, m := range r.Timeline {
		if m.AtNs >= fromNs && cond(m) {
			return m, true
		}
	}
	return cluster.Mark{}, false
}

// boundSamples fails if a measured time is missing or above the limit.
func (v *verdict) boundSamples(what string, ns []int64, least int) {
	if len(ns) < least {
		v.fail(0, "%d %s times were measured, expected at least %d", len(ns), what, least)
		return
	}
	if len(ns) > 0 {
		if worst := slices.Max(ns); worst > electionLimit {
			v.fail(0, "a %s took %v, more than %v", what, time.Duration(worst), time.Duration(electionLimit))
		}
	}
}

// converged fails unless the cluster came to rest.
func (v *verdict) converged(r *cluster.Result) {
	if len(marks(r, cluster.MarkConverged)) == 0 {
		v.fail(0, "the cluster did not come to rest")
	}
}
