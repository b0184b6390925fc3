package cli

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/scenarios"
	"github.com/lockstep-log/lockstep/sim/explore"
)

type crashFlags struct {
	only      []string
	every     uint64
	workers   int
	artefacts string
	json      bool
}

// crashResult is what the points of one workload came to.
type crashResult struct {
	Workload   string `json:"workload"`
	About      string `json:"about"`
	Operations uint64 `json:"operations"` // of node 1's disk
	Points     uint64 `json:"points"`     // tried
	Failed     uint64 `json:"failed"`
	Lost       uint64 `json:"lost"` // acknowledged records
	WallNs     int64  `json:"wallNs"`

	Failures []explore.Failure `json:"failures,omitempty"`
}

func newCrashPoints(r *explore.Registry) *cobra.Command {
	var f crashFlags
	c := &cobra.Command{
		Use:   "crashpoints",
		Short: "Crash at every operation of a disk, in short workloads",
		Long: "Crash at every operation of a disk, in short workloads.\n\n" +
			"Each workload has a procedure in it: a file of the journal rolls, a snapshot is\n" +
			"installed, a log is trimmed, a damaged segment is fetched again, and so on. From\n" +
			"there on each write, sync, rename and other change that node 1's disk carries out\n" +
			"is the last one of its process, which never hears of it. Either the process alone\n" +
			"ends, or the power fails: then unsynced bytes are lost, all, from some point on, by\n" +
			"chance, or torn. Recovery goes through, or dies at one of its own operations and\n" +
			"begins again. Then first one, later the other of the two other nodes stays away,\n" +
			"so that node 1 must be in the quorum with what it has kept. All oracles judge.\n\n" +
			"A point is a seed of the scenario crashpoints-WORKLOAD: sim run, sweep and shrink\n" +
			"take it as any other.",
		Example: "  sim crashpoints\n  sim crashpoints --only roll,recycle --every 7",
		Args:    noArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return f.run(c, r) },
	}
	flags := c.Flags()
	flags.StringSliceVar(&f.only, "only", nil, "only these `WORKLOADS`, of "+strings.Join(crashNames(), ", "))
	flags.Uint64Var(&f.every, "every", 1, "try each `N`th point")
	flags.IntVar(&f.workers, "workers", runtime.NumCPU(), "worker processes")
	flags.StringVar(&f.artefacts, "artefacts", "out/artefacts", "`FOLDER` for what failing runs leave behind")
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
	return c
}

func (f *crashFlags) run(c *cobra.Command, r *explore.Registry) error {
	if f.every < 1 || f.workers < 1 || f.workers > 1024 {
		return badInput("--every %d, --workers %d: at least 1 of each, at most 1024 workers", f.every, f.workers)
	}
	workloads, err := f.workloads()
	if err != nil {
		return err
	}
	defer interruptible(c)()
	out := c.OutOrStdout()
	if f.json {
		out = io.Discard
	}
	fmt.Fprintf(out, "%-12s %10s %8s %8s %6s %8s   %s\n", "workload", "operations", "points", "failed", "lost", "time", "what")
	var all []crashResult
	for _, w := range workloads {
		result, err := f.enumerate(c, r, w)
		if err != nil {
			return err
		}
		all = append(all, result)
		fmt.Fprintf(out, "%-12s %10d %8d %8d %6d %8s   %s\n", result.Workload, result.Operations, result.Points, result.Failed,
			result.Lost, time.Duration(result.WallNs).Round(time.Second), result.About)
		if c.Context().Err() != nil {
			return exitWith(Interrupted)
		}
	}
	return f.end(c, all)
}

// end prints the failures and the sum.
func (f *crashFlags) end(c *cobra.Command, all []crashResult) error {
	var points, failed uint64
	for _, w := range all {
		points, failed = points+w.Points, failed+w.Failed
	}
	if f.json {
		if err := printJSON(c.OutOrStdout(), map[string]any{"workloads": all, "points": points, "failed": failed}); err != nil {
			return err
		}
	} else {
		f.print(c.OutOrStdout(), all, points, failed)
	}
	switch {
	case failed > 0:
		return exitWith(Violated)
	case points == 0:
		return exitWith(NothingProven)
	}
	return nil
}

func (f *crashFlags) print(w io.Writer, all []crashResult, points, failed uint64) {
	fmt.Fprintln(w)
	for _, result := range all {
		for _, failure := range result.Failures {
			fmt.Fprintf(w, "%s run --scenario %s --seed %d    # %s\n", program(), failure.Scenario, failure.Seed, failure.Oracle)
		}
	}
	fmt.Fprintf(w, "%s points=%d failed=%d\n", map[bool]string{true: "PASS", false: "FAIL"}[failed == 0], points, failed)
}

// crashNames are those of all workloads.
func crashNames() []string {
	var names []string
	for _, w := range scenarios.CrashWorkloads() {
		names = append(names, w.Name)
	}
	return names
}

// workloads are those that are asked for.
func (f *crashFlags) workloads() ([]scenarios.CrashWorkload, error) {
	all := scenarios.CrashWorkloads()
	names := crashNames()
	for _, name := range f.only {
		if !slices.Contains(names, name) {
			return nil, badInput("--only: no workload %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	return slices.DeleteFunc(all, func(w scenarios.CrashWorkload) bool {
		return len(f.only) > 0 && !slices.Contains(f.only, w.Name)
	}), nil
}

// enumerate counts a workload's operations in a run without a crash, which has to
// contain its procedure, and sweeps its points.
func (f *crashFlags) enumerate(c *cobra.Command, r *explore.Registry, w scenarios.CrashWorkload) (crashResult, error) {
	result := crashResult{Workload: w.Name, About: w.About}
	var err error
	if result.Operations, err = w.Operations(r.Options); err != nil {
		return result, badInput("crashpoints: %s: %w", w.Name, err)
	}
	sweep := &explore.Sweep{
		Registry: r, Scenarios: []string{w.Scenario().Name}, From: 1, To: w.Points(result.Operations),
		Shard:     shardOf(f.every),
		Pool:      explore.Pool{Command: explore.SelfCommand, Workers: f.workers, Budget: explore.DefaultBudget()},
		Artefacts: f.artefacts, Keep: 20,
	}
	progress := newProgress(c.ErrOrStderr(), nil, 0)
	sweep.Progress = progress.sweep
	report, err := sweep.Run(c.Context())
	progress.end()
	if err != nil {
		return result, badInput("crashpoints: %w", err)
	}
	result.Points, result.Failed, result.Failures = report.Seeds, report.Failed, report.Failures
	result.Lost, result.WallNs = uint64(report.Metrics.DataLoss), report.ElapsedNs
	return result, nil
}

// shardOf is each n-th seed, the first included.
func shardOf(n uint64) explore.Shard {
	if n == 1 {
		return explore.Shard{}
	}
	return explore.Shard{Index: 1, Of: n}
}
