package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim/cluster"
	"github.com/lockstep-log/lockstep/sim/explore"
)

type runFlags struct {
	seed        uint64
	schedule    string
	scheduleOut string
	trace       string
	history     string
	json        bool
	repeat      int
	bisect      bool
	oracle      string
	verbose     bool
	scenarioChoice
}

func newRun(r *explore.Registry) *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run --seed N",
		Short: "Run one seed, or one schedule, and judge it",
		Example: "  sim run --seed 42\n" +
			"  sim run --seed 7 --scenario network-partition --schedule-out s.json --trace t.bin\n" +
			"  sim run --schedule s.json --json",
		Args: func(c *cobra.Command, args []string) error { return f.skip(noArgs(c, args)) },
		RunE: func(c *cobra.Command, _ []string) error { return f.skip(f.run(c, r)) },
	}
	// A binary that lacks an option may be older than it.
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return f.skip(badFlag(c, err)) })
	flags := c.Flags()
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the run; with --schedule it replaces the schedule's own")
	f.scenarioChoice.flags(c, r, fmt.Sprintf("scenario that makes the schedule (default %q)", r.Names()[0]))
	flags.StringVar(&f.schedule, "schedule", "", "run this schedule `FILE`")
	flags.StringVar(&f.scheduleOut, "schedule-out", "", "write the schedule to this `FILE`")
	flags.StringVar(&f.trace, "trace", "", "write the trace, for sim replay, to this `FILE`")
	flags.StringVar(&f.history, "history", "", "write the history, for sim check, to this `FILE`")
	flags.BoolVar(&f.verbose, "verbose", false, "show all of the timeline and of the violations")
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
	flags.IntVar(&f.repeat, "repeat", 1, "run it `N` times and compare the hashes")
	flags.BoolVar(&f.bisect, "bisect", false, "exit with 125 instead of 2 to 4, for git bisect run")
	flags.StringVar(&f.oracle, "oracle", "", "with --bisect: exit with 125, too, where the oracle `NAME` has nothing to object")
	return c
}

// skip makes of a run that says nothing about the code one that git bisect
// leaves out.
func (f *runFlags) skip(err error) error {
	if e, ok := errors.AsType[*exit](err); ok && f.bisect && e.code >= BadInput {
		e.code = bisectSkip
	}
	return err
}

// noArgs refuses arguments as bad usage.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return badInput("%s takes no argument, got %q (see %s --help)", c.CommandPath(), args[0], c.CommandPath())
	}
	return nil
}

// oneArg wants exactly one argument.
func oneArg(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return badInput("%s takes one argument, %s; got %d", c.CommandPath(), what, len(args))
		}
		return nil
	}
}

func (f *runFlags) run(c *cobra.Command, r *explore.Registry) error {
	s, err := f.makeSchedule(c, r)
	if err != nil {
		return err
	}
	if f.repeat < 1 {
		return badInput("--repeat %d: at least 1", f.repeat)
	}
	if err := f.checkOracle(r); err != nil {
		return err
	}
	if err := distinct("--schedule", f.schedule, "--schedule-out", f.scheduleOut, "--trace", f.trace, "--history", f.history); err != nil {
		return err
	}
	if f.scheduleOut != "" {
		if err := explore.WriteBytes(f.scheduleOut, s.JSON()); err != nil {
			return badInput("--schedule-out: %w", err)
		}
	}
	out, err := r.Run(s, explore.Recording{Trace: f.trace, History: f.history})
	if err != nil {
		return badInput("run: %w", err)
	}
	code, err := f.judge(r, s, out)
	if err != nil {
		return err
	}
	if err := f.print(c.OutOrStdout(), s, out); err != nil {
		return err
	}
	return exitWith(code)
}

func (f *runFlags) checkOracle(r *explore.Registry) error {
	known := slices.ContainsFunc(r.Oracles(), func(o checker.Oracle) bool { return o.Name == f.oracle })
	switch {
	case f.oracle != "" && !f.bisect:
		return badInput("--oracle %s: it is for --bisect; without, all oracles count", f.oracle)
	case f.oracle != "" && !known:
		return badInput("--oracle %s: there is none; sim list shows all", f.oracle)
	default:
		return nil
	}
}

// makeSchedule reads the schedule or has the scenario make it.
func (f *runFlags) makeSchedule(c *cobra.Command, r *explore.Registry) (cluster.Schedule, error) {
	if err := f.choose(r); err != nil {
		return cluster.Schedule{}, err
	}
	seeded := c.Flags().Changed("seed")
	if f.schedule == "" {
		if !seeded {
			return cluster.Schedule{}, badInput("nothing to run: give --seed N, or --schedule FILE")
		}
		s, err := r.Schedule(explore.Job{Scenario: f.scenario, Seed: f.seed})
		if err != nil {
			return s, badInput("--scenario: %w", err)
		}
		return s, nil
	}
	s, err := readSchedule("--schedule", f.schedule)
	switch {
	case err != nil:
		return s, err
	case f.scenario != "" && f.scenario != s.Scenario:
		return s, badInput("--scenario %s: %s is a schedule of scenario %q; leave one of the two out", f.scenario, f.schedule, s.Scenario)
	case seeded:
		s.Seed = f.seed
	}
	return s, nil
}

// readSchedule reads a schedule's file; what is how the command line names it.
func readSchedule(what, path string) (s cluster.Schedule, err error) {
	b, err := os.ReadFile(path)
	if err == nil {
		s, err = cluster.ParseSchedule(b)
	}
	if err != nil {
		return s, unreadable(what, path, "sim run --seed N --schedule-out FILE", err)
	}
	return s, nil
}

// judge says the exit code, after the repetitions that were asked for.
func (f *runFlags) judge(r *explore.Registry, s cluster.Schedule, out *explore.Outcome) (int, error) {
	for i := 1; i < f.repeat; i++ {
		again, err := r.Run(s, explore.Recording{})
		if err != nil {
			return 0, badInput("run: %w", err)
		}
		if again.Hash != out.Hash {
			addViolation(out, explore.Nondeterminism, fmt.Sprintf("hash %v, and %v in run %d", out.Hash, again.Hash, i+1))
			return Nondeterministic, nil
		}
	}
	switch {
	case !out.Passed && f.oracle != "" && !out.Found(f.oracle):
		return bisectSkip, nil
	case !out.Passed:
		return Violated, nil
	case out.Ops.OK == 0 && out.Unrecoverable == "":
		addViolation(out, explore.NothingProven, "no operation succeeded")
		return NothingProven, nil
	default:
		return Passed, nil
	}
}

func addViolation(out *explore.Outcome, oracle, message string) {
	out.Passed = false
	out.Violations = append([]explore.Violation{{Oracle: oracle, Message: message, AtNs: out.VirtualNs}}, out.Violations...)
}

func (f *runFlags) print(w io.Writer, s cluster.Schedule, out *explore.Outcome) error {
	if f.json {
		return printJSON(w, out)
	}
	if err := explore.Text(w, s, out, f.verbose); err != nil {
		return err
	}
	if !out.Passed {
		fmt.Fprintln(w, f.reproduce(out))
	}
	return nil
}

// reproduce is the command line that makes the same run.
func (f *runFlags) reproduce(out *explore.Outcome) string {
	command := program() + " run"
	if f.schedule != "" {
		command += " --schedule " + quote(f.schedule)
	}
	command += fmt.Sprintf(" --seed %d", out.Seed)
	if f.schedule == "" {
		command += " --scenario " + quote(out.Scenario)
	}
	if out.Oracle() == explore.Nondeterminism {
		command += fmt.Sprintf(" --repeat %d", f.repeat)
	}
	return command
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
