package cli

import (
	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/sim/explore"
)

// Scenarios that have an option of their own.
const (
	beyondScenario = "beyond"
	damageScenario = "damaged"
)

// scenarioChoice is which scenario the command line asks for.
type scenarioChoice struct {
	scenario string // empty: the default one
	beyond   bool
	damage   bool
}

// flags declares --scenario, with completion, and what stands for a scenario.
func (s *scenarioChoice) flags(c *cobra.Command, r *explore.Registry, usage string, more ...string) {
	flags := c.Flags()
	flags.StringVar(&s.scenario, "scenario", "", usage)
	flags.BoolVar(&s.beyond, "beyond", false, "damage beyond what the protocol promises to survive: --scenario "+beyondScenario)
	flags.BoolVar(&s.damage, "damage", false, "damaged disks, within what it promises to survive: --scenario "+damageScenario)
	err := c.RegisterFlagCompletionFunc("scenario", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return append(r.Names(), more...), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // the flag was declared above
	}
}

// choose puts the scenario's name for --beyond and --damage.
func (s *scenarioChoice) choose(r *explore.Registry) error {
	for _, short := range []struct {
		asked bool
		name  string
		flag  string
	}{{s.beyond, beyondScenario, "--beyond"}, {s.damage, damageScenario, "--damage"}} {
		if !short.asked {
			continue
		}
		if s.scenario != "" && s.scenario != short.name {
			return badInput("%s is --scenario %s, and --scenario %s is asked for too; leave one of the two out", short.flag, short.name, s.scenario)
		}
		if _, err := r.Lookup(short.name); err != nil {
			return badInput("%s: %w", short.flag, err)
		}
		s.scenario = short.name
	}
	return nil
}
