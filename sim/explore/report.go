package explore

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Report is what a sweep knows, saved as it goes. It holds enough to resume.
type Report struct {
	Version   int      `json:"version"`
	Build     string   `json:"build"`           // of the binary: another one may give other runs
	Origin    Origin   `json:"origin,omitzero"` // for people; it decides nothing
	From      uint64   `json:"from"`            // first seed
	To        uint64   `json:"to"`              // last seed
	Shard     Shard    `json:"shard,omitzero"`  // which of these seeds; zero: all
	Parts     []Part   `json:"parts,omitempty"` // of a merged report: what each covers
	Scenarios []string `json:"scenarios"`
	Complete  bool     `json:"complete"`

	Seeds    uint64    `json:"seeds"` // runs that ended: seeds times scenarios
	Passed   uint64    `json:"passed"`
	Failed   uint64    `json:"failed"`
	Failures []Failure `json:"failures"`
	// Kinds are the failures by signature, sorted by it.
	Kinds []FailureKind `json:"failureKinds"`

	// Unrecoverable are those of the passed runs that nobody could have gone on
	// from.
	Unrecoverable Excuses `json:"unrecoverable"`

	Audited uint64 `json:"audited"` // runs that were run a second time

	SeedsPerSecond float64 `json:"seedsPerSecond"`
	VirtualPerReal float64 `json:"virtualPerReal"`

	ElapsedNs int64             `json:"elapsedNs"` // wall clock, over all resumptions
	VirtualNs int64             `json:"virtualNs"`
	Events    uint64            `json:"events"`
	Elections int               `json:"elections"`
	Ops       Ops               `json:"ops"`
	Faults    map[string]int    `json:"faults"`
	Counters  map[string]uint64 `json:"counters"`
	// Probes names all that are declared, those that were never reached, too.
	Probes  map[string]ProbeCount `json:"probes"`
	Oracles []Verdict             `json:"oracles"`
	Metrics SweepMetrics          `json:"metrics"`
	// Hashes digests the trace hashes of all runs, in whatever order they ended:
	// equal for equal sweeps of one build.
	Hashes          Hash  `json:"hashes"`
	PeakWorkerBytes int64 `json:"peakWorkerBytes"` // 0: the system does not tell

	// Done holds the numbers of the jobs that ended, as ranges [from, to): seed
	// by seed of the shard, and within a seed by scenario.
	Done spans `json:"done"`
}

// SweepMetrics are over all samples of all runs.
type SweepMetrics struct {
	ElectionMs *Distribution `json:"electionMs"`
	FailoverMs *Distribution `json:"failoverMs"`
	DataLoss   int           `json:"dataLoss"`
}

// Failure is one failed run.
type Failure struct {
	Job
	Oracle    string `json:"oracle"` // of the first violation
	Message   string `json:"message"`
	Hash      Hash   `json:"hash"`
	Schedule  string `json:"schedule"`            // file; empty if it could not be written
	Artefacts string `json:"artefacts,omitempty"` // folder with trace, history and report
}

const reportVersion = 1

// ErrReport is wrapped by every error of ParseReport and of a resumption that
// does not fit.
var ErrReport = errors.New("this report is of no use here")

func newReport(build string, from, to uint64, shard Shard, scenarios []string) *Report {
	return &Report{
		Version: reportVersion, Build: build, From: from, To: to, Shard: shard, Scenarios: scenarios,
		Failures: []Failure{}, Kinds: []FailureKind{}, Unrecoverable: Excuses{First: []Excuse{}}, Faults: map[string]int{}, Counters: map[string]uint64{},
		Probes: declaredProbes(), Oracles: []Verdict{}, Done: spans{},
	}
}

// total is the number of jobs.
func (r *Report) total() uint64 { return r.wanted() * uint64(len(r.Scenarios)) }

// wanted is the number of seeds to run.
func (r *Report) wanted() uint64 {
	var n uint64
	for _, p := range r.parts() {
		n += p.Shard.Count(p.From, p.To)
	}
	return n
}

// Total is the number of runs the sweep is to make.
func (r *Report) Total() uint64 { return r.total() }

// job gives the job of a number.
func (r *Report) job(n uint64) Job {
	each := uint64(len(r.Scenarios))
	return Job{Scenario: r.Scenarios[n%each], Seed: r.Shard.first(r.From) + n/each*r.Shard.of()}
}

// number gives the number of a job.
func (r *Report) number(j Job) uint64 {
	nth := (j.Seed - r.Shard.first(r.From)) / r.Shard.of()
	return nth*uint64(len(r.Scenarios)) + uint64(slices.Index(r.Scenarios, j.Scenario))
}

// add counts a run that ended.
func (r *Report) add(job Job, o *Outcome, failure Failure) {
	r.Done = r.Done.add(r.number(job))
	r.Seeds++
	if o.Passed {
		r.Passed++
		r.excuse(job, o.Unrecoverable)
	} else {
		r.Failed++
		at, _ := slices.BinarySearchFunc(r.Failures, failure, func(a, b Failure) int { return r.compareJobs(a.Job, b.Job) })
		r.Failures = slices.Insert(r.Failures, at, failure)
		r.addKind(&failure)
	}
	r.VirtualNs += o.VirtualNs
	r.Events += o.Events
	r.Elections += o.Elections
	r.Ops.add(o.Ops)
	for kind, n := range o.Faults {
		r.Faults[kind] += n
	}
	for name, n := range o.Counters {
		r.Counters[name] += n
	}
	r.addProbes(o.Probes)
	for _, v := range o.Oracles {
		r.addVerdict(v)
	}
	r.Hashes += Hash(mixJob(job, o.Hash))
	r.Metrics.ElectionMs = r.Metrics.ElectionMs.add(job, o.electionNs)
	r.Metrics.FailoverMs = r.Metrics.FailoverMs.add(job, o.failoverNs)
	r.Metrics.DataLoss += o.Metrics.DataLoss
}

func (r *Report) addVerdict(v Verdict) {
	at, found := slices.BinarySearchFunc(r.Oracles, v.Name, func(a Verdict, name string) int {
		return cmp.Compare(a.Name, name)
	})
	if !found {
		r.Oracles = slices.Insert(r.Oracles, at, Verdict{Name: v.Name})
	}
	r.Oracles[at].Checked += v.Checked
	r.Oracles[at].InHistory += v.InHistory
	r.Oracles[at].Violations += v.Violations
}

// elapsed sets the wall clock and the rates that follow from it.
func (r *Report) elapsed(ns int64) {
	r.ElapsedNs = ns
	if ns > 0 {
		r.SeedsPerSecond = float64(r.Seeds) / (float64(ns) / 1e9)
		r.VirtualPerReal = float64(r.VirtualNs) / float64(ns)
	}
}

// Write renders the report as indented JSON.
func (r *Report) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// ParseReport reads what Write wrote, to resume it.
func ParseReport(b []byte) (*Report, error) {
	r := newReport("", 0, 0, Shard{}, nil)
	r.Probes = map[string]ProbeCount{} // another build may have declared others
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return nil, fmt.Errorf("%w: byte %d: %w", ErrReport, d.InputOffset(), err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrReport, err)
	}
	r.Kinds = []FailureKind{} // what the failures say counts
	for i := range r.Failures {
		r.addKind(&r.Failures[i])
	}
	return r, nil
}

// IsReport tells whether a file looks like a sweep's report, of whatever version.
func IsReport(r io.Reader) bool {
	var fields map[string]json.RawMessage
	if json.NewDecoder(r).Decode(&fields) != nil {
		return false
	}
	for _, name := range []string{"version", "seeds", "passed", "failed", "failures"} {
		if _, there := fields[name]; !there {
			return false
		}
	}
	return true
}

func (r *Report) check() error {
	switch {
	case r.Version != reportVersion:
		return fmt.Errorf("version %d, this binary writes %d", r.Version, reportVersion)
	case r.From > r.To || r.To-r.From >= maxSeeds || len(r.Scenarios) == 0 || len(r.Scenarios) > maxScenarios:
		return fmt.Errorf("seeds %d..%d over %d scenarios", r.From, r.To, len(r.Scenarios))
	case r.Shard.Valid() != nil:
		return r.Shard.Valid()
	case r.Seeds != r.Done.count() || r.Seeds != r.Passed+r.Failed || r.Failed != uint64(len(r.Failures)):
		return fmt.Errorf("its counts contradict each other: %d seeds, %d passed, %d failed, %d failures, %d done",
			r.Seeds, r.Passed, r.Failed, len(r.Failures), r.Done.count())
	}
	for i, f := range r.Failures {
		if !r.covers(f.Job) {
			return fmt.Errorf("failure %d is of seed %d, scenario %q, which it does not cover", i, f.Seed, f.Scenario)
		}
	}
	if err := r.checkExcuses(); err != nil {
		return err
	}
	if r.Faults == nil || r.Counters == nil || r.Probes == nil {
		return errors.New("faults, counters or probes are null")
	}
	if err := errors.Join(r.Metrics.ElectionMs.check(), r.Metrics.FailoverMs.check()); err != nil {
		return err
	}
	if err := r.checkMerged(); err != nil {
		return err
	}
	return r.Done.check(r.Shard.Count(r.From, r.To) * uint64(len(r.Scenarios)))
}

// covers tells whether a job is one of the sweep's.
func (r *Report) covers(j Job) bool {
	return j.Seed >= r.From && j.Seed <= r.To && j.Seed%r.Shard.of() == r.Shard.Index && slices.Contains(r.Scenarios, j.Scenario)
}

// Bounds of a sweep: its job numbers fit 64 bits with room to spare.
const (
	maxSeeds     = 1 << 40
	maxScenarios = 1 << 12
)

// extend makes a report go on to cover a request; it must have the same first
// seed, shard, scenarios and build, and may reach further.
func (r *Report) extend(build string, from, to uint64, shard Shard, scenarios []string) error {
	switch {
	case r.Build != build:
		return fmt.Errorf("%w: it was made by build %s, this is %s; start again without resuming", ErrReport, r.Build, build)
	case len(r.Parts) > 0:
		return fmt.Errorf("%w: it was merged; resume the shards", ErrReport)
	case r.Shard != shard:
		return fmt.Errorf("%w: it is of shard %v, and not of %v", ErrReport, r.Shard, shard)
	case r.From != from || to < r.To || !slices.Equal(r.Scenarios, scenarios):
		return fmt.Errorf("%w: it covers seeds %d..%d of %q; ask for these, or for a later last seed", ErrReport, r.From, r.To, r.Scenarios)
	}
	r.To = to
	r.Complete = r.Seeds == r.total()
	return nil
}

// cut makes a report cover only what was done: the last seed of a sweep over a
// time is known at its end.
func (r *Report) cut() {
	r.To, r.Complete = r.From, false
	if n := len(r.Done); n > 0 {
		r.To = r.job(r.Done[n-1][1] - 1).Seed
	}
}

// FaultKinds lists the kinds of faults that were applied, sorted.
func (r *Report) FaultKinds() []string { return slices.Sorted(maps.Keys(r.Faults)) }
