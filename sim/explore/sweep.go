package explore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-log/lockstep/sim"
)

// Sweep runs a range of seeds over scenarios.
type Sweep struct {
	Registry  *Registry
	Scenarios []string
	From, To  uint64 // seeds, both included
	Shard     Shard  // which of them
	Pool      Pool
	// Time is for how long seeds are begun, one at least; those under way are
	// finished, and the report is of the seeds that were run. 0: for all seeds.
	Time time.Duration

	// ReportPath is where the report is saved every SaveEvery and at the end;
	// empty: nowhere.
	ReportPath string
	SaveEvery  time.Duration
	// Resume is a report to go on from.
	Resume *Report

	// Artefacts is the folder that gets a folder for each failing run. Schedules
	// of all failures are kept; traces and histories of the first Keep.
	Artefacts string
	Keep      int
	// Audit is how many runs in a million (AuditAll) that passed are run a second
	// time; those that failed all are, unless they took their worker with them.
	Audit uint64
	// MaxFailures ends the sweep early; 0: never.
	MaxFailures int

	// Command is the command line that asks for it; the report names it.
	Command string

	// Progress is told after each run, on the goroutine that called Run.
	Progress func(*Report)

	kept atomic.Int64
}

// Run sweeps until the end, or until ctx ends: then the report covers what was
// done so far and can be resumed.
func (s *Sweep) Run(ctx context.Context) (*Report, error) {
	report, err := s.begin()
	if err != nil {
		return nil, err
	}
	s.kept.Store(int64(len(report.Failures)))
	before, began, saved := report.ElapsedNs, time.Now(), time.Now()
	done := func(f finished) bool {
		report.To = max(report.To, f.job.Seed)
		report.add(f.job, f.out, failureOf(f, s.folder(f.job)))
		if f.audited {
			report.Audited++
		}
		report.PeakWorkerBytes = max(report.PeakWorkerBytes, f.peak)
		report.elapsed(before + time.Since(began).Nanoseconds())
		if s.Progress != nil {
			s.Progress(report)
		}
		if time.Since(saved) >= s.SaveEvery {
			saved = time.Now()
			if err = s.save(report); err != nil {
				return false
			}
		}
		return s.MaxFailures == 0 || report.Failed < uint64(s.MaxFailures)
	}
	if broken := s.Pool.each(ctx, s.jobs(*report), s.keep, done); broken != nil {
		err = broken
	}
	report.elapsed(before + time.Since(began).Nanoseconds())
	report.Complete = report.Seeds == report.total()
	if failed := s.save(report); err == nil {
		err = failed
	}
	return report, err
}

func (s *Sweep) begin() (*Report, error) {
	build, err := Build()
	if err != nil {
		return nil, err
	}
	if s.Resume != nil {
		err = s.Resume.extend(build, s.From, s.To, s.Shard, s.Scenarios)
		if err == nil && s.Time > 0 {
			s.Resume.cut()
		}
		s.Resume.Origin = s.Resume.Origin.and(originOf(s.Command))
		return s.Resume, err
	}
	report := newReport(build, s.From, s.To, s.Shard, s.Scenarios)
	report.Origin = originOf(s.Command)
	if s.Time > 0 {
		report.cut()
	}
	return report, s.save(report) // an unwritable place is known at once
}

func (s *Sweep) save(r *Report) error {
	if s.ReportPath == "" {
		return nil
	}
	return WriteFile(s.ReportPath, r.Write)
}

// jobs are those not done yet. They work on the report as it was at the start.
func (s *Sweep) jobs(r Report) iter.Seq[Job] {
	r.To = s.To
	done := append(spans(nil), r.Done...)
	each, began := uint64(len(r.Scenarios)), time.Now()
	return func(yield func(Job) bool) {
		handed := false
		for n := range r.total() {
			if s.Time > 0 && handed && n%each == 0 && time.Since(began) >= s.Time {
				return
			}
			if done.has(n) {
				continue
			}
			if handed = true; !yield(r.job(n)) {
				return
			}
		}
	}
}

// folder is where a failing job's artefacts go.
func (s *Sweep) folder(job Job) string {
	return filepath.Join(s.Artefacts, fmt.Sprintf("%s-%d", job.Scenario, job.Seed))
}

// keep preserves a failing run: recorded by running it again where it ended on
// its own, else by its schedule and the worker's last words.
func (s *Sweep) keep(ctx context.Context, p *process, f *finished) (alive bool) {
	switch {
	case f.out.Passed && s.audited(f.job):
		return s.audit(ctx, p, f)
	case f.out.Passed:
		return true
	}
	dir := s.folder(f.job)
	again := request{Job: f.job}
	if p != nil && s.kept.Add(1) <= int64(s.Keep) {
		again.Dir = dir
	} else if f.extra = s.keepSchedule(dir, f); p == nil {
		return false
	}
	out, alive, err := p.ask(ctx, again)
	f.audited = err == nil && alive
	switch {
	case !f.audited && again.Dir != "":
		f.extra = s.keepSchedule(dir, f)
	case f.audited && out.Hash != f.out.Hash:
		differs(f, fmt.Sprintf("%v when it was run again", out.Hash))
		if again.Dir != "" {
			return s.diverges(ctx, p, f)
		}
	}
	return alive
}

// keepSchedule writes the schedule, and what the worker said if it died. It
// returns what went wrong.
func (s *Sweep) keepSchedule(dir string, f *finished) string {
	schedule, err := s.Registry.Schedule(f.job)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = WriteBytes(filepath.Join(dir, scheduleName), schedule.JSON())
	}
	if err == nil {
		err = WriteFile(filepath.Join(dir, "report.txt"), func(w io.Writer) error {
			return Text(w, schedule, f.out, true)
		})
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func failureOf(f finished, dir string) Failure {
	if f.out.Passed {
		return Failure{}
	}
	failure := Failure{Job: f.job, Oracle: f.out.Oracle(), Hash: f.out.Hash}
	if len(f.out.Violations) > 0 {
		failure.Message = f.out.Violations[0].Message
	}
	if f.extra != "" {
		failure.Message += artefactsMark + f.extra + ")"
		return failure
	}
	failure.Schedule, failure.Artefacts = filepath.Join(dir, scheduleName), dir
	return failure
}

// mixJob makes a run's share of the sweep's digest.
func mixJob(job Job, h Hash) uint64 {
	return sim.Mix(job.Seed, sim.Sum([]byte(job.Scenario)), uint64(h))
}

// Build names the running binary by its content.
func Build() (string, error) { return build() }

var build = sync.OnceValues(func() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8]), nil
})
