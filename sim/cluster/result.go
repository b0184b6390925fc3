package cluster

import (
	"slices"
	"strconv"
	"time"

	"github.com/lockstep-log/lockstep/checker"
)

// OpCounts counts the clients' operations by outcome; one that was never
// answered counts as unknown, and among the unanswered.
type OpCounts struct {
	OK         int `json:"ok"`
	Failed     int `json:"failed"`
	Unknown    int `json:"unknown"`
	Unanswered int `json:"unanswered"`
}

// Thousandths is a number with three decimals; it is JSON's number.
type Thousandths int64

// String renders the number, as "12.345".
func (t Thousandths) String() string {
	sign, v := "", int64(t)
	if v < 0 {
		sign, v = "-", -v
	}
	return sign + strconv.FormatInt(v/1000, 10) + "." + strconv.FormatInt(1000+v%1000, 10)[1:]
}

// MarshalJSON is String.
func (t Thousandths) MarshalJSON() ([]byte, error) { return []byte(t.String()), nil }

// Quantiles of a set of times in milliseconds.
type Quantiles struct {
	P50     Thousandths `json:"p50"`
	P99     Thousandths `json:"p99"`
	Max     Thousandths `json:"max"`
	Samples int         `json:"samples"`
}

// QuantilesOf sums up times in nanoseconds; nil if there are none.
func QuantilesOf(ns []int64) *Quantiles {
	if len(ns) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(ns))
	at := func(percent int) Thousandths {
		rank := (len(sorted)*percent + 99) / 100
		return Thousandths(sorted[max(rank-1, 0)] / int64(time.Microsecond))
	}
	return &Quantiles{P50: at(50), P99: at(99), Max: at(100), Samples: len(sorted)}
}

// Metrics are the run's numbers, as the package comment defines them; one
// without samples is nil.
type Metrics struct {
	ElectionMs     *Quantiles   `json:"electionMs"`
	FailoverMs     *Quantiles   `json:"failoverMs"`
	DataLoss       int          `json:"dataLoss"`       // acknowledged records that the agreed log lacks
	ISRAccuracyPct *Thousandths `json:"isrAccuracyPct"` // of the decided members of all samples
}

// Result is what a run was and how it was judged. Everything in it follows from
// the schedule, except WallNs and the stacks in Notes.
type Result struct {
	Seed     uint64 `json:"seed"`
	Scenario string `json:"scenario"`
	Hash     uint64 `json:"-"`
	Passed   bool   `json:"passed"`

	// Unrecoverable is the proof that no correct system could go on; empty: it
	// went on. Then nothing was demanded any more, and what happened before is all
	// that was judged.
	Unrecoverable string `json:"unrecoverable,omitempty"`

	Violations []checker.Violation `json:"violations"`
	VirtualNs  int64               `json:"virtualNs"`
	WallNs     int64               `json:"wallNs"` // the caller's to fill
	Events     uint64              `json:"events"` // recorded ones: what the hash digests and a trace holds
	Ops        OpCounts            `json:"ops"`
	Faults     map[string]int      `json:"faults"`
	Elections  int                 `json:"elections"`
	Metrics    Metrics             `json:"metrics"`
	Oracles    []checker.Verdict   `json:"oracles"`
	Counters   map[string]uint64   `json:"counters"`
	Probes     map[string]uint64   `json:"probes"` // how often the run came to each that it reached

	// HistoryChecked is what each oracle looked at in the history, after the run.
	// It is part of Checked in Oracles.
	HistoryChecked map[string]uint64 `json:"-"`

	// ElectionNs and FailoverNs are the samples behind Metrics, for reports over
	// many seeds.
	ElectionNs []int64           `json:"-"`
	FailoverNs []int64           `json:"-"`
	ISR        checker.ISRMetric `json:"-"`

	// DiskOperations counts, by node id - 1, what the trigger "io" counts: the
	// operations that changed the disk since the load began.
	DiskOperations []uint64 `json:"-"`

	// LoadedNs is when the load began, HealedNs when the second phase did.
	LoadedNs int64 `json:"-"`
	HealedNs int64 `json:"-"`

	Timeline []Mark           `json:"-"`
	Notes    []Note           `json:"-"` // the timeline for people
	History  *checker.History `json:"-"` // nil for a run that passed without Options.KeepHistory
}

// Fail adds a violation that someone else found, a scenario for one.
func (r *Result) Fail(v ...checker.Violation) {
	r.Violations = append(r.Violations, v...)
	r.Passed = r.Passed && len(v) == 0
}

// result sums the run up.
func (c *Cluster) result() *Result {
	var ops []checker.Op
	if c.load != nil {
		ops = c.load.Operations()
	}
	history := c.history()
	report := c.judge(history)
	r := &Result{
		Unrecoverable: c.proof, Seed: c.schedule.Seed, Scenario: c.schedule.Scenario, Hash: c.k.Hash(),
		Passed: report.Passed() && len(report.Violations) == 0, Violations: report.Violations,
		VirtualNs: c.k.Now(), Events: c.k.Recorded(), Ops: countOps(ops), Faults: c.faults,
		Elections: int(c.count.elections), Oracles: report.Verdicts, Counters: c.counters(), Probes: c.probed(ops),
		ElectionNs: c.electionNs, FailoverNs: c.failoverNs, ISR: report.ISR,
		LoadedNs: c.loadedNs, HealedNs: c.healedNs, Timeline: c.marks,
		Notes: notes(c.marks, c.loadedNs), HistoryChecked: c.historyChecked,
		Metrics: Metrics{
			ElectionMs: QuantilesOf(c.electionNs), FailoverMs: QuantilesOf(c.failoverNs),
			ISRAccuracyPct: (*Thousandths)(report.ISR.AccuracyMilliPercent()),
		},
	}
	for _, h := range c.hosts {
		r.DiskOperations = append(r.DiskOperations, h.operations)
	}
	if r.Violations == nil {
		r.Violations = []checker.Violation{}
	}
	if v, ok := report.Verdict(checker.LostWrite); ok {
		r.Metrics.DataLoss = v.Violations
	}
	if !r.Passed || c.options.KeepHistory {
		r.History = history
	}
	return r
}

func countOps(ops []checker.Op) OpCounts {
	var n OpCounts
	for i := range ops {
		if ops[i].Return == 0 {
			n.Unanswered++
		}
		switch ops[i].Outcome {
		case checker.OK:
			n.OK++
		case checker.Failed:
			n.Failed++
		case checker.Unknown:
			n.Unknown++
		}
	}
	return n
}
