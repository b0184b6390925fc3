package cli

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/sim/explore"
)

type benchFlags struct {
	seeds   int
	profile string
	json    bool
}

func newBench(r *explore.Registry) *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use:   "bench [REFERENCE...]",
		Short: "Measure reference workloads on one core, in this process",
		RunE:  func(c *cobra.Command, args []string) error { return f.run(c, r, args) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return referenceNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	flags := c.Flags()
	flags.IntVar(&f.seeds, "seeds", 100, "how many seeds of each, from 1")
	flags.StringVar(&f.profile, "cpuprofile", "", "write a CPU profile to this `FILE`")
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
	return c
}

func referenceNames() []string {
	var names []string
	for _, ref := range explore.References() {
		names = append(names, ref.Name)
	}
	return names
}

func (f *benchFlags) run(c *cobra.Command, r *explore.Registry, args []string) error {
	references, err := referencesOf(args)
	if err != nil {
		return err
	}
	if f.seeds < 1 || f.seeds > 1_000_000 {
		return badInput("--seeds %d: from 1 to 1000000", f.seeds)
	}
	defer interruptible(c)()
	runtime.GOMAXPROCS(1)
	stop, err := f.startProfile()
	if err != nil {
		return badInput("--cpuprofile: %w", err)
	}
	var all []*explore.Measurement
	for _, ref := range references {
		m, err := r.Measure(c.Context(), ref, f.seeds)
		if err != nil {
			return badInput("bench: %w", err)
		}
		all = append(all, m)
		if c.Context().Err() != nil {
			break
		}
	}
	if err := stop(); err != nil {
		return badInput("--cpuprofile: %w", err)
	}
	if f.json {
		if err := printJSON(c.OutOrStdout(), map[string]any{"measurements": all}); err != nil {
			return err
		}
	} else {
		printBench(c.OutOrStdout(), all)
	}
	return exitWith(benchCode(c, all))
}

func benchCode(c *cobra.Command, all []*explore.Measurement) int {
	for _, m := range all {
		if m.Failed > 0 {
			return Violated
		}
	}
	if c.Context().Err() != nil {
		return Interrupted
	}
	return Passed
}

// referencesOf resolves names; none means all.
func referencesOf(args []string) ([]explore.Reference, error) {
	known := explore.References()
	if len(args) == 0 {
		return known, nil
	}
	var out []explore.Reference
next:
	for _, name := range args {
		for _, ref := range known {
			if ref.Name == name {
				out = append(out, ref)
				continue next
			}
		}
		return nil, badInput("bench: unknown reference workload %q; known: %s", name, strings.Join(referenceNames(), ", "))
	}
	return out, nil
}

func (f *benchFlags) startProfile() (stop func() error, err error) {
	if f.profile == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(f.profile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, err
	}
	return func() error {
		pprof.StopCPUProfile()
		return file.Close()
	}, nil
}

func printBench(w io.Writer, all []*explore.Measurement) {
	t := newTable(w, "")
	t.row("workload", "seeds", "failed", "p50 ms", "p99 ms", "mean ms", "events/s", "virtual/real", "ops ok", "peak MiB", "hashes")
	for _, m := range all {
		t.row(m.Reference, fmt.Sprint(m.Seeds), fmt.Sprint(m.Failed), fmt.Sprintf("%.1f", m.P50Ms), fmt.Sprintf("%.1f", m.P99Ms),
			fmt.Sprintf("%.1f", m.MeanMs), fmt.Sprintf("%.0f", m.EventsPerSec), fmt.Sprintf("%.0f", m.VirtualPerReal),
			fmt.Sprintf("%.2f%%", m.OKPct), fmt.Sprint(m.PeakBytes>>20), m.Hashes.String())
	}
	t.end()
}
