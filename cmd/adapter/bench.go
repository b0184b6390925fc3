package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/adapter/bench"
)

func benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a node on this machine's disk",
		Long: `Measure a node on this machine's disk.

The data lies in a directory that is made for it and removed in the end. Ratios
are taken in one run, in turns; see docs/performance.md for what to expect.`,
		Args: withUse(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(benchProduceCommand(), benchStartCommand())
	return cmd
}

// benchOutput are the flags of all benchmarks.
type benchOutput struct {
	json    bool
	profile string
}

func (o *benchOutput) flags(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "dir", "", "make the data in this `directory`, on the disk to measure (default: the system's for temporary files)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	cmd.Flags().StringVar(&o.profile, "cpuprofile", "", "write a profile of the processor to this `file`")
}

// measuring runs work, under the profiler if asked to.
func (o *benchOutput) measuring(work func() error) error {
	if o.profile == "" {
		return work()
	}
	f, err := os.Create(o.profile)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return work()
}

// print writes a report as JSON or as its table.
func (o *benchOutput) print(out io.Writer, report any, table func(w io.Writer)) error {
	if o.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(report)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	table(w)
	return w.Flush()
}

func benchProduceCommand() *cobra.Command {
	var c bench.Config
	var o benchOutput
	cmd := &cobra.Command{
		Use:   "produce",
		Short: "Compare one node, with and without raft, with a plain loop of write and sync",
		Args:  withUse(cobra.NoArgs),
		RunE: working(func(cmd *cobra.Command, _ []string) error {
			if err := positive(cmd, "batch", "turn", "rounds"); err != nil {
				return err
			}
			begun := false
			c.Progress = func(done, of int) {
				begun = true
				fmt.Fprintf(cmd.ErrOrStderr(), "\rround %d of %d", done, of)
			}
			var r bench.Report
			err := o.measuring(func() (err error) {
				r, err = bench.Compare(cmd.Context(), c)
				return err
			})
			if begun {
				fmt.Fprintln(cmd.ErrOrStderr())
			}
			if err != nil {
				return err
			}
			return o.print(cmd.OutOrStdout(), &r, func(w io.Writer) { printProduce(w, &r) })
		}),
	}
	o.flags(cmd, &c.Dir)
	cmd.Flags().IntVar(&c.BatchBytes, "batch", 64<<10, "`bytes` of a batch")
	cmd.Flags().Int64Var(&c.TurnBytes, "turn", 64<<20, "`bytes` that each contender acknowledges in a round")
	cmd.Flags().IntSliceVar(&c.InFlight, "in-flight", []int{1, 16}, "`requests` in flight")
	cmd.Flags().IntVar(&c.Rounds, "rounds", 15, "`rounds` to take")
	cmd.Flags().BoolVar(&c.RPC, "rpc", false, "measure a client over gRPC and loopback, too")
	return cmd
}

// positive refuses flags that say nothing is to be measured.
func positive(cmd *cobra.Command, flags ...string) error {
	for _, name := range flags {
		given := cmd.Flag(name).Value.String()
		if n, err := strconv.ParseInt(given, 10, 64); err != nil || n < 1 {
			return usage{fmt.Errorf("--%s %s: at least 1 is needed", name, given)}
		}
	}
	return nil
}

func printProduce(w io.Writer, r *bench.Report) {
	fmt.Fprintf(w, "batches of %d bytes, %d rounds of %d MiB each\n\n", r.BatchBytes, r.Rounds, r.TurnBytes>>20)
	fmt.Fprintln(w, "WHAT\tIN FLIGHT\tMB/s\tQUARTILES\tMIN..MAX\tCPU/BATCH\tSYNCS/BATCH\tBYTES/BYTE")
	for _, s := range r.Speeds {
		b := s.Bytes
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%.0f..%.0f\t%.0f..%.0f\t%.0f us\t%.2f\t%.2f\n", s.Name, s.InFlight, b.Median/1e6, b.Low/1e6, b.High/1e6, b.Min/1e6, b.Max/1e6,
			s.ProcessorMicros.Median, s.Syncs, s.Written)
	}
	fmt.Fprintln(w, "\nWHAT\tAGAINST\tIN FLIGHT\tRATIO\tQUARTILES\tMIN..MAX\tUNDISTURBED\tTARGET")
	for _, s := range r.Ratios {
		x := s.Ratio
		fmt.Fprintf(w, "%s\t%s\t%d\t%.2f\t%.2f..%.2f\t%.2f..%.2f\t%.2f\t%s\n", s.Name, s.Against, s.InFlight, x.Median, x.Low, x.High, x.Min, x.Max, s.Undisturbed, verdict(s.Target, s.Met))
	}
}

// verdict says whether a target was met.
func verdict(target float64, met bool) string {
	switch {
	case target == 0:
		return "-"
	case met:
		return fmt.Sprintf("%.2f met", target)
	}
	return fmt.Sprintf("%.2f missed", target)
}

func benchStartCommand() *cobra.Command {
	var c bench.StartConfig
	var o benchOutput
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Kill a node with much data and measure how soon it serves again",
		Args:  withUse(cobra.NoArgs),
		RunE: working(func(cmd *cobra.Command, _ []string) error {
			if err := positive(cmd, "log", "journal", "starts"); err != nil {
				return err
			}
			c.Progress = func(what string) { fmt.Fprintln(cmd.ErrOrStderr(), what) }
			var r bench.StartReport
			err := o.measuring(func() (err error) {
				r, err = bench.Start(cmd.Context(), c)
				return err
			})
			if err != nil {
				return err
			}
			return o.print(cmd.OutOrStdout(), &r, func(w io.Writer) { printStart(w, &r) })
		}),
	}
	o.flags(cmd, &c.Dir)
	cmd.Flags().Int64Var(&c.SegmentBytes, "log", 10<<30, "`bytes` of the log")
	cmd.Flags().Int64Var(&c.JournalBytes, "journal", 1<<30, "`bytes` of the journal when it is full")
	cmd.Flags().IntVar(&c.Starts, "starts", 3, "`starts` to measure of each kind")
	return cmd
}

func printStart(w io.Writer, r *bench.StartReport) {
	fmt.Fprintf(w, "%d MiB of segments, %d MiB of journal, files not in memory; target %.0f s\n\n", r.LogBytes>>20, r.JournalBytes>>20, r.Target)
	fmt.Fprintln(w, "KILLED\tREADY\tFIRST RECORD\tCPU\tREAD\tOF LOGS\tPLAIN READ OF THE JOURNAL")
	for _, kind := range []struct {
		name string
		all  []bench.OneStart
	}{{"under load", r.Killed}, {"with a full journal", r.Full}} {
		for _, s := range kind.all {
			fmt.Fprintf(w, "%s\t%.2f s\t%.2f s\t%.2f s\t%.0f MiB\t%.1f MiB\t%.2f s\n", kind.name, s.Ready, s.Serves, s.Processor, s.ReadMiB, s.Logs, s.PlainRead)
		}
	}
}
