package explore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/scenarios"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// Registry is what a simulator binary can run. A user's own main brings its
// scenarios, and in Options its workload and state machine.
type Registry struct {
	// Scenarios by name; the first is the default. At least one.
	Scenarios []scenarios.Scenario
	// Options of every run; Sink and KeepHistory are set where they are needed.
	Options cluster.Options
}

// Standard is the registry of cmd/sim.
func Standard() Registry { return Registry{Scenarios: scenarios.All()} }

// ErrScenario is wrapped by the error of an unknown scenario.
var ErrScenario = errors.New("unknown scenario")

// Lookup finds a scenario; the empty name means the default one.
func (r *Registry) Lookup(name string) (scenarios.Scenario, error) {
	if name == "" {
		return r.Scenarios[0], nil
	}
	for _, s := range r.Scenarios {
		if s.Name == name {
			return s, nil
		}
	}
	return scenarios.Scenario{}, fmt.Errorf("%w %q; known: %s", ErrScenario, name, strings.Join(r.Names(), ", "))
}

// Names lists the scenarios in order.
func (r *Registry) Names() []string {
	names := make([]string, len(r.Scenarios))
	for i, s := range r.Scenarios {
		names[i] = s.Name
	}
	return names
}

// Usual lists those that a sweep over all scenarios runs: not the extra ones.
func (r *Registry) Usual() []string {
	var names []string
	for _, s := range r.Scenarios {
		if !s.Extra {
			names = append(names, s.Name)
		}
	}
	return names
}

// Oracles lists all that a run can be filed under: the checker's oracles, what
// is found around a run, and the scenarios' own points.
func (r *Registry) Oracles() []checker.Oracle {
	all := append(checker.Oracles(),
		checker.Oracle{Name: Crash, About: "no node panics, stops itself or fences a group unless its disk failed; nor does the simulator"},
		checker.Oracle{Name: Hang, About: "a run answers within its time on the wall clock (sweep --seed-timeout)"},
		checker.Oracle{Name: Memory, About: "a run stays within its memory (sweep --worker-memory)"},
		checker.Oracle{Name: Nondeterminism, About: "the same schedule gives the same hash again (run --repeat, and the audit of a sweep)"},
		checker.Oracle{Name: NothingProven, About: "at least one operation succeeded"},
	)
	for _, s := range r.Scenarios {
		if s.Check != nil {
			all = append(all, checker.Oracle{Name: s.Name, About: "the scenario's own point: " + s.About})
		}
	}
	return all
}

// Job is one run of a sweep.
type Job struct {
	Scenario string `json:"scenario"`
	Seed     uint64 `json:"seed"`
}

// Schedule makes the job's schedule.
func (r *Registry) Schedule(job Job) (cluster.Schedule, error) {
	s, err := r.Lookup(job.Scenario)
	if err != nil {
		return cluster.Schedule{}, err
	}
	return s.Schedule(job.Seed), nil
}
