package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// Scenario is a named behaviour.
type Scenario struct {
	Name  string
	About string // one line
	// Extra: it goes beyond what the engine promises today, or takes long. All
	// scenarios, for a sweep, are those without it.
	Extra bool
	// Schedule draws what is done for a seed.
	Schedule func(seed uint64) cluster.Schedule
	// Check judges the scenario's own point; nil: the oracles say it all. The
	// result has its history.
	Check func(*cluster.Result) []checker.Violation
}

// ErrUnknown is wrapped by Lookup.
var ErrUnknown = errors.New("unknown scenario")

// All lists the scenarios; the first one is the default.
func All() []Scenario {
	return slices.Concat([]Scenario{
		mixed(), benchR1(),
		leaderElection(), networkPartition(), crashRecovery(), slowFollower(), loadWithFailover(),
		killRestartAck(), powerLossAll(), partKill(), rotPartKill(), pausedLeader(),
		damaged(), beyond(),
	}, storage(), crashPoints())
}

// Lookup finds a scenario by its name; "" is the default.
func Lookup(name string) (Scenario, error) {
	all := All()
	if name == "" {
		return all[0], nil
	}
	names := make([]string, len(all))
	for i, sc := range all {
		if sc.Name == name {
			return sc, nil
		}
		names[i] = sc.Name
	}
	return Scenario{}, fmt.Errorf("%w %q; there are %s", ErrUnknown, name, strings.Join(names, ", "))
}

// Run runs a schedule and, if the cluster came to rest, checks the scenario's
// point. The schedule need not be the scenario's own: a shrunk one is not.
func Run(sc Scenario, s cluster.Schedule, o cluster.Options) (*cluster.Result, error) {
	keep := o.KeepHistory
	o.KeepHistory = keep || sc.Check != nil
	r, err := cluster.Run(s, o)
	if err != nil {
		return nil, err
	}
	if sc.Check != nil {
		found := sc.Check(r)
		r.Fail(found...)
		r.Oracles = append(r.Oracles, checker.Verdict{Oracle: sc.Name, Checked: 1, Violations: len(found)})
	}
	if r.Passed && !keep {
		r.History = nil
	}
	return r, nil
}
