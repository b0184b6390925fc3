package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/sim/explore"
)

type sweepFlags struct {
	seeds       string
	time        time.Duration
	shard       string
	shardCount  uint64
	audit       string
	workers     int
	report      string
	resume      bool
	artefacts   string
	keep        int
	maxFailures int
	timeout     time.Duration
	memory      int64
	scenarioChoice
	sweepOutput
}

// sweepOutput is how the end of a sweep is told.
type sweepOutput struct {
	junit    string
	markdown string
	probes   string
	json     bool
}

func (f *sweepOutput) flags(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.junit, "junit", "", "write JUnit XML to this `FILE` at the end")
	flags.StringVar(&f.markdown, "markdown", "", "write the report as a Markdown page to this `FILE` at the end")
	flags.StringVar(&f.probes, "probes", probesOn, "hold a sweep over 200 seeds of mixed or more to the required probes, and list all: `on|off`")
	flags.BoolVar(&f.json, "json", false, "print the report as one JSON object")
}

func (f *sweepOutput) check() error {
	if f.probes != probesOn && f.probes != probesOff {
		return badInput("--probes %q: give on or off", f.probes)
	}
	return nil
}

const (
	allScenarios = "all"

	probesOn  = "on"
	probesOff = "off"
)

func newSweep(r *explore.Registry) *cobra.Command {
	var f sweepFlags
	c := &cobra.Command{
		Use:   "sweep --seeds A..B [--time 10m] [--shard I/N]",
		Short: "Run a range of seeds in worker processes",
		Long: "Run a range of seeds in worker processes.\n\n" +
			"A failing run leaves its schedule and a report in a folder of --artefacts, the\n" +
			"first --keep also their trace and history. A run that crashes, hangs or\n" +
			"outgrows its memory is the failure of its seed; the sweep goes on. Ctrl-C saves\n" +
			"the report and stops; --resume goes on from there.\n\n" +
			"With --time it begins seeds until the time is up, ends those under way, and\n" +
			"reports the seeds it came to; the range may then be open, A or A.. . A sweep\n" +
			"that is resumed has the time again.\n\n" +
			"With --shard I/N it runs the seeds that are I modulo N, I from 0: machines with\n" +
			"the same range and N share the work, and sim merge puts their reports together.\n" +
			"Without --shard the variables of a job array say it: BUILDKITE_PARALLEL_JOB and\n" +
			"BUILDKITE_PARALLEL_JOB_COUNT; SLURM_ARRAY_TASK_ID, _COUNT, _MIN and _STEP; or\n" +
			"JOB_COMPLETION_INDEX of a Kubernetes indexed job with --shard-count N, or with\n" +
			"N in SIM_SHARD_COUNT. --shard 0/1 is all seeds there, too.\n\n" +
			"A share of the runs (--audit), and each that failed, is made a second time: one\n" +
			"that gives another hash fails as nondeterminism, and the sweep ends with 3.\n\n" +
			"A sweep lists the probes that it reached, those reached in less than 1% of the\n" +
			"runs (rare), and those never reached. Over 200 seeds of mixed or more, a required\n" +
			"one that was never reached ends it with 4; sim list tells which are required.",
		Example: "  sim sweep --seeds 1..2000 --report out/sweep.json\n" +
			"  sim sweep --seeds 1..200 --scenario all --junit out/junit.xml\n" +
			"  sim sweep --time 10m --shard 0/4 --report out/shard-0.json",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c, r) },
	}
	flags := c.Flags()
	flags.StringVar(&f.seeds, "seeds", "", "the seeds `A..B`, both included; with --time also A.. (default 1..)")
	flags.DurationVar(&f.time, "time", 0, "begin seeds for this long, as in 10m; 0 is until the last one")
	flags.StringVar(&f.shard, "shard", "", "only the seeds that are `I/N`: I modulo N")
	flags.StringVar(&f.audit, "audit", "2%", "run this `SHARE` of the seeds that pass a second time, and compare")
	flags.Uint64Var(&f.shardCount, "shard-count", 0, "how many shards `N` a Kubernetes indexed job has")
	f.scenarioChoice.flags(c, r, fmt.Sprintf("scenario, or %q for each usual one on every seed (default %q)", allScenarios, r.Names()[0]), allScenarios)
	flags.IntVar(&f.workers, "workers", runtime.NumCPU(), "worker processes")
	flags.StringVar(&f.report, "report", "", "save the JSON report in this `FILE`, as the sweep goes")
	flags.BoolVar(&f.resume, "resume", false, "go on from the report, if there is one")
	flags.StringVar(&f.artefacts, "artefacts", "out/artefacts", "`FOLDER` for what failing runs leave behind")
	flags.IntVar(&f.keep, "keep", 20, "keep traces and histories of the first `N` failures; schedules of all")
	flags.IntVar(&f.maxFailures, "max-failures", 0, "stop after `N` failures; 0 is never")
	flags.DurationVar(&f.timeout, "seed-timeout", explore.DefaultBudget().Wall, "wall clock after which a run hangs")
	flags.Int64Var(&f.memory, "worker-memory", explore.DefaultBudget().MemoryBytes>>20, "memory of a worker, in `MiB`")
	f.sweepOutput.flags(c)
	return c
}

func (f *sweepFlags) run(c *cobra.Command, r *explore.Registry) error {
	sweep, err := f.sweep(r)
	if err != nil {
		return err
	}
	sweep.Command = commandLine(c)
	defer interruptible(c)()
	progress := newProgress(c.ErrOrStderr(), sweep.Resume, f.time)
	sweep.Progress = progress.sweep
	report, err := sweep.Run(c.Context())
	progress.end()
	if err != nil {
		return badInput("sweep: %w", err)
	}
	return f.end(c, r, report)
}

// end shows a report, writes it as JUnit, and judges it.
func (f *sweepOutput) end(c *cobra.Command, r *explore.Registry, report *explore.Report) error {
	if f.junit != "" {
		if err := explore.WriteFile(f.junit, report.WriteJUnit); err != nil {
			return badInput("--junit: %w", err)
		}
	}
	if f.markdown != "" {
		if err := explore.WriteFile(f.markdown, report.WriteMarkdown); err != nil {
			return badInput("--markdown: %w", err)
		}
	}
	missed := f.missed(r, report)
	if f.json {
		if err := printJSON(c.OutOrStdout(), report); err != nil {
			return err
		}
	} else {
		printSweep(c.OutOrStdout(), report, f.probes == probesOn, missed)
	}
	code := sweepCode(c.Context(), report, missed)
	if code == NothingProven && len(missed) > 0 {
		return &exit{code, fmt.Errorf("%s: required probes never reached: %s", c.Name(), strings.Join(missed, ", "))}
	}
	return exitWith(code)
}

// missed gives the required probes that were never reached. They are required
// of our own load and state machine.
func (f *sweepOutput) missed(r *explore.Registry, report *explore.Report) []string {
	if f.probes != probesOn || r.Options.NewWorkload != nil || r.Options.NewMachine != nil {
		return nil
	}
	return report.Missed()
}

func sweepCode(ctx context.Context, r *explore.Report, missed []string) int {
	switch {
	case r.Nondeterministic() > 0:
		return Nondeterministic
	case r.Failed > 0:
		return Violated
	case ctx.Err() != nil && !r.Complete:
		return Interrupted
	case r.Ops.OK == 0, len(missed) > 0:
		return NothingProven
	default:
		return Passed
	}
}

// sweep checks the flags before anything is run.
func (f *sweepFlags) sweep(r *explore.Registry) (*explore.Sweep, error) {
	from, to, shard, err := f.seedRange()
	if err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	audit, err := parseShare(f.audit)
	if err != nil {
		return nil, err
	}
	switch {
	case f.workers < 1 || f.workers > 1024:
		return nil, badInput("--workers %d: from 1 to 1024", f.workers)
	case f.keep < 0 || f.maxFailures < 0:
		return nil, badInput("--keep and --max-failures count from 0")
	case f.timeout <= 0 || f.memory < 64 || f.memory > 1<<20:
		return nil, badInput("--seed-timeout %v, --worker-memory %d: more than 0, and from 64 to %d MiB", f.timeout, f.memory, 1<<20)
	case f.resume && f.report == "":
		return nil, badInput("--resume needs --report FILE, the report to go on from")
	}
	if err := f.choose(r); err != nil {
		return nil, err
	}
	names := r.Usual()
	if f.scenario != allScenarios {
		s, err := r.Lookup(f.scenario)
		if err != nil {
			return nil, badInput("--scenario: %w, %s", err, allScenarios)
		}
		names = []string{s.Name}
	}
	sweep := &explore.Sweep{
		Registry: r, Scenarios: names, From: from, To: to, Shard: shard, Time: f.time, Audit: audit,
		Pool:       explore.Pool{Command: explore.SelfCommand, Workers: f.workers, Budget: explore.Budget{Wall: f.timeout, MemoryBytes: f.memory << 20}},
		ReportPath: f.report, SaveEvery: 2 * time.Second,
		Artefacts: f.artefacts, Keep: f.keep, MaxFailures: f.maxFailures,
	}
	if f.resume {
		sweep.Resume, err = readReport(f.report)
	} else {
		err = mayReplace("--report", f.report)
	}
	return sweep, err
}

// seedRange is which seeds are wanted.
func (f *sweepFlags) seedRange() (from, to uint64, shard explore.Shard, err error) {
	seeds := f.seeds
	switch {
	case f.time < 0:
		return 0, 0, shard, badInput("--time %v: more than 0", f.time)
	case seeds == "" && f.time == 0:
		return 0, 0, shard, badInput("no seeds: give --seeds A..B, as in --seeds 1..2000, or --time")
	case seeds == "":
		seeds = "1.."
	}
	if from, to, err = parseSeeds(seeds, f.time > 0); err != nil {
		return 0, 0, shard, err
	}
	if shard, err = findShard(f.shard, f.shardCount, os.Getenv); err != nil {
		return 0, 0, shard, err
	}
	if shard.Count(from, to) == 0 {
		return 0, 0, shard, badInput("--seeds %d..%d has no seed of shard %v", from, to, shard)
	}
	return from, to, shard, nil
}

// mayReplace refuses a path at which something stands that no sweep has saved.
func mayReplace(option, path string) error {
	there, err := os.Stat(path)
	if err != nil || !there.Mode().IsRegular() || there.Size() == 0 {
		return nil // nothing to lose; whether it can be written shows at once
	}
	file, err := os.Open(path)
	if err != nil {
		return badInput("%s: %w", option, err)
	}
	defer func() { _ = file.Close() }()
	if !explore.IsReport(file) {
		return badInput("%s: %s is there and no report of a sweep; give another name, or remove it", option, path)
	}
	return nil
}

// readReport reads the report to resume; nil if there is none yet.
func readReport(path string) (*explore.Report, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, badInput("--resume: %w", err)
	}
	report, err := explore.ParseReport(b)
	if err != nil {
		return nil, badInput("--resume: %s: %w; leave --resume out to start again", path, err)
	}
	return report, nil
}
