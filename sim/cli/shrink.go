package cli

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/sim/cluster"
	"github.com/lockstep-log/lockstep/sim/explore"
)

type shrinkFlags struct {
	from    runFlags // what makes or reads the schedule
	oracle  string
	out     string
	goTest  string
	pkg     string
	time    time.Duration
	runTime time.Duration
	runs    int
	workers int
	json    bool
}

func newShrink(r *explore.Registry) *cobra.Command {
	var f shrinkFlags
	c := &cobra.Command{
		Use:   "shrink --seed N | FILE",
		Short: "Make a failing schedule as small as it gets",
		Long: "Make a failing schedule as small as it gets: fewer faults, operations, nodes and\n" +
			"partitions, a shorter run, weaker faults, quiet disks and networks, round times.\n" +
			"A smaller schedule counts only if the same oracle objects in the same words,\n" +
			"numbers aside. The smallest one is run twice more and must give the same hash.\n" +
			"It goes to stdout or, with -o, into a file. When the time or the runs are used\n" +
			"up, or on Ctrl-C, the smallest so far is the result.",
		Example: "  sim shrink --seed 3 -o small.json && sim run --schedule small.json\n" +
			"  sim shrink out/artefacts/mixed-3/schedule.json --go-test regression_test.go",
		Args: atMostOneArg("the schedule's file"),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, r, args) },
	}
	flags := c.Flags()
	flags.Uint64Var(&f.from.seed, "seed", 0, "seed of the run that fails")
	f.from.scenarioChoice.flags(c, r, fmt.Sprintf("scenario that makes the seed's schedule (default %q)", r.Names()[0]))
	flags.StringVar(&f.oracle, "oracle", "", "keep the failure of the oracle with this `NAME` (default the first); \"unrecoverable\" keeps the proof of a run that passes so")
	flags.StringVarP(&f.out, "out", "o", "", "write the schedule to this `FILE`")
	flags.StringVar(&f.goTest, "go-test", "", "write a Go test that runs the schedule to this `FILE`")
	flags.StringVar(&f.pkg, "package", explore.RegressionPackage, "`NAME` of the Go test's package")
	flags.DurationVar(&f.time, "time", time.Minute, "search at most for this long; 0 is without end")
	flags.IntVar(&f.runs, "runs", 0, "search at most for `N` runs; 0 is without end")
	flags.DurationVar(&f.runTime, "run-timeout", 20*time.Second, "wall clock after which a run hangs; a candidate has 20 times what the first run took")
	flags.IntVar(&f.workers, "workers", runtime.NumCPU(), "worker processes")
	flags.BoolVar(&f.json, "json", false, "print one JSON object, with the schedule in it")
	return c
}

// atMostOneArg wants one argument or none.
func atMostOneArg(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 1 {
			return badInput("%s takes at most one argument, %s; got %d", c.CommandPath(), what, len(args))
		}
		return nil
	}
}

func (f *shrinkFlags) run(c *cobra.Command, r *explore.Registry, args []string) error {
	s, err := f.read(c, r, args)
	if err != nil {
		return err
	}
	defer interruptible(c)()
	shown := newProgress(c.ErrOrStderr(), nil, 0)
	shrink := &explore.Shrink{
		Oracle: f.oracle, Time: f.time, Runs: f.runs, Progress: shown.shrink,
		Pool: explore.Pool{
			Command: explore.SelfCommand, Workers: f.workers,
			Budget: explore.Budget{Wall: f.runTime, MemoryBytes: explore.DefaultBudget().MemoryBytes},
		},
	}
	found, err := shrink.Run(c.Context(), s)
	shown.end()
	switch {
	case err != nil && c.Context().Err() != nil:
		return exitWith(Interrupted)
	case errors.Is(err, explore.ErrPasses):
		return badInput("shrink: seed %d of %s: %w: there is nothing to shrink", s.Seed, s.Scenario, err)
	case errors.Is(err, explore.ErrVaries):
		return &exit{Nondeterministic, fmt.Errorf("shrink: %w", err)}
	case err != nil:
		return badInput("shrink: %w", err)
	}
	if err := f.write(c, r, found); err != nil {
		return err
	}
	if found.Ended == explore.EndedInterrupted {
		return exitWith(Interrupted)
	}
	return nil
}

// read checks the flags and gives the schedule to shrink.
func (f *shrinkFlags) read(c *cobra.Command, r *explore.Registry, args []string) (cluster.Schedule, error) {
	switch {
	case f.workers < 1 || f.workers > 1024:
		return cluster.Schedule{}, badInput("--workers %d: at least 1, at most 1024", f.workers)
	case f.time < 0 || f.runs < 0 || f.runTime <= 0:
		return cluster.Schedule{}, badInput("--time %v, --runs %d, --run-timeout %v: none may be negative, and a run needs time", f.time, f.runs, f.runTime)
	case len(args) == 0 && !c.Flags().Changed("seed"):
		return cluster.Schedule{}, badInput("nothing to shrink: give --seed N, or the FILE of a schedule")
	case len(args) > 0 && c.Flags().Changed("seed"):
		return cluster.Schedule{}, badInput("--seed %d and %s: a schedule has its own seed; leave one of the two out", f.from.seed, args[0])
	}
	if f.goTest != "" && f.oracle == explore.Unrecoverable {
		return cluster.Schedule{}, badInput("--go-test: a run that is %s passes, there is nothing to test for", f.oracle)
	}
	if f.goTest != "" { // before the search: a bad name must not cost a minute
		if _, err := r.Regression(f.pkg, &explore.Shrunk{Schedule: cluster.Defaults(0)}); err != nil {
			return cluster.Schedule{}, badInput("--package: %w", err)
		}
	}
	if len(args) == 0 {
		return f.from.makeSchedule(c, r)
	}
	if err := f.from.choose(r); err != nil {
		return cluster.Schedule{}, err
	}
	s, err := readSchedule("shrink", args[0])
	if err == nil && f.from.scenario != "" && f.from.scenario != s.Scenario {
		err = badInput("--scenario %s: %s is a schedule of scenario %q; leave one of the two out", f.from.scenario, args[0], s.Scenario)
	}
	return s, err
}

// write leaves the results where they are wanted.
func (f *shrinkFlags) write(c *cobra.Command, r *explore.Registry, found *explore.Shrunk) error {
	if f.goTest != "" {
		b, err := r.Regression(f.pkg, found)
		if err == nil {
			err = explore.WriteBytes(f.goTest, b)
		}
		if err != nil {
			return badInput("--go-test: %w", err)
		}
	}
	if f.out != "" {
		if err := explore.WriteBytes(f.out, found.Schedule.JSON()); err != nil {
			return badInput("--out: %w", err)
		}
	}
	summary := c.OutOrStdout()
	switch {
	case f.json:
		return printJSON(summary, found)
	case f.out == "":
		if _, err := summary.Write(found.Schedule.JSON()); err != nil {
			return err
		}
		summary = c.ErrOrStderr()
	}
	printShrunk(summary, found)
	if f.out != "" {
		fmt.Fprintf(summary, "%s run --schedule %s\n", program(), quote(f.out))
	}
	return nil
}

func printShrunk(w io.Writer, found *explore.Shrunk) {
	b, a := found.Before, found.After
	columns := [][]string{
		{"", "before", "after"},
		{"faults", fmt.Sprint(b.Faults), fmt.Sprint(a.Faults)},
		{"nodes", fmt.Sprint(b.Nodes), fmt.Sprint(a.Nodes)},
		{"partitions", fmt.Sprint(b.Partitions), fmt.Sprint(a.Partitions)},
		{"clients", fmt.Sprint(b.Clients), fmt.Sprint(a.Clients)},
		{"operations", fmt.Sprint(b.Operations), fmt.Sprint(a.Operations)},
		{"load", round(b.DurationNs), round(a.DurationNs)},
		{"events", fmt.Sprint(b.Events), fmt.Sprint(a.Events)},
	}
	for _, row := range columns {
		fmt.Fprintf(w, "%-10s  %10s  %10s\n", row[0], row[1], row[2])
	}
	fmt.Fprintf(w, "\n%s: %s\n", found.Signature.Oracle, found.Message)
	fmt.Fprintf(w, "SHRUNK seed=%d scenario=%s faults=%d->%d events=%d->%d seconds=%.1f runs=%d hash=%v (%s)\n",
		found.Schedule.Seed, found.Schedule.Scenario, b.Faults, a.Faults, b.Events, a.Events,
		time.Duration(found.WallNs).Seconds(), found.Runs, found.Hash, found.Ended)
}

func round(ns int64) string { return time.Duration(ns).Round(time.Millisecond).String() }

// shrink shows how far a search is; it is called after each round of runs.
func (p *progress) shrink(at explore.ShrinkProgress) {
	if time.Since(p.last) < p.every {
		return
	}
	p.last = time.Now()
	p.show(fmt.Sprintf("%v  %d runs, %d taken  faults %d->%d  events %d->%d  load %s  %s",
		time.Since(p.began).Round(time.Second), at.Runs, at.Accepted, at.Before.Faults, at.Now.Faults,
		at.Before.Events, at.Now.Events, round(at.Now.DurationNs), at.Pass))
}
