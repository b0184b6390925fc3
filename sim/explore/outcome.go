package explore

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// Oracle names of what is found around a run rather than in it.
const (
	Crash  = "crash"  // the run panicked, or its worker died
	Hang   = "hang"   // no answer within the wall-clock budget of a seed
	Memory = "memory" // the worker outgrew its memory budget
	// NothingProven: no operation succeeded, so the oracles had nothing to say.
	NothingProven = "nothing-proven"
	// Nondeterminism: the same schedule gave another hash the second time.
	Nondeterminism = "nondeterminism"
	// Unrecoverable is no failure: no correct system could have gone on. It is a
	// name that Shrink takes, for who wants to read a short proof.
	Unrecoverable = "unrecoverable"
)

// Outcome is how one run ended, as `sim run --json` prints it and as workers
// hand it over.
type Outcome struct {
	Seed       uint64      `json:"seed"`
	Scenario   string      `json:"scenario"`
	Hash       Hash        `json:"hash"`
	Passed     bool        `json:"passed"`
	Violations []Violation `json:"violations"`
	// Unrecoverable is why no correct system could have gone on, as was proven
	// from the disks; such a run passes. Empty: it had to go on.
	Unrecoverable string            `json:"unrecoverable,omitempty"`
	VirtualNs     int64             `json:"virtualNs"`
	WallNs        int64             `json:"wallNs"`
	Events        uint64            `json:"events"` // recorded ones, as a trace holds them
	Ops           Ops               `json:"ops"`
	Faults        map[string]int    `json:"faults"` // kind -> how often it was applied
	Elections     int               `json:"elections"`
	Metrics       Metrics           `json:"metrics"`
	Oracles       []Verdict         `json:"oracles"`
	Counters      map[string]uint64 `json:"counters"`
	Probes        map[string]uint64 `json:"probes,omitempty"`   // name -> how often the run came there
	Timeline      []cluster.Note    `json:"timeline,omitempty"` // for people

	// The samples behind Metrics, for sums over many seeds.
	electionNs, failoverNs []int64
}

// Violation is one finding of an oracle.
type Violation struct {
	Oracle  string `json:"oracle"`
	Message string `json:"message"`
	AtNs    int64  `json:"atNs"` // virtual time
}

// Ops counts the clients' operations by outcome.
type Ops struct {
	OK         int `json:"ok"`
	Failed     int `json:"failed"`
	Unknown    int `json:"unknown"`
	Unanswered int `json:"unanswered"` // of the unknown: no answer ever came
}

func (o *Ops) add(p Ops) {
	o.OK += p.OK
	o.Failed += p.Failed
	o.Unknown += p.Unknown
	o.Unanswered += p.Unanswered
}

// Total is the number of operations.
func (o Ops) Total() int { return o.OK + o.Failed + o.Unknown }

// Metrics of a run. One without samples is nil, never zero.
type Metrics struct {
	ElectionMs     *Quantiles `json:"electionMs"`
	FailoverMs     *Quantiles `json:"failoverMs"`
	DataLoss       int        `json:"dataLoss"` // acknowledged records missing from the agreed log
	ISRAccuracyPct *float64   `json:"isrAccuracyPct"`
}

// Quantiles of a metric in milliseconds.
type Quantiles struct {
	P50     float64 `json:"p50"`
	P99     float64 `json:"p99"`
	Max     float64 `json:"max"`
	Samples uint64  `json:"samples"`
}

// Verdict is one oracle's: how many things it looked at, and what it found.
type Verdict struct {
	Name       string `json:"name"`
	Checked    uint64 `json:"checked"`
	InHistory  uint64 `json:"inHistory"` // of Checked: in the history, as sim check counts
	Violations int    `json:"violations"`
}

// outcomeOf takes over a result.
func outcomeOf(r *cluster.Result) *Outcome {
	o := &Outcome{
		Seed: r.Seed, Scenario: r.Scenario, Hash: Hash(r.Hash), Passed: r.Passed, Violations: []Violation{}, Unrecoverable: r.Unrecoverable,
		VirtualNs: r.VirtualNs, WallNs: r.WallNs, Events: r.Events, Ops: Ops(r.Ops), Faults: r.Faults,
		Elections: r.Elections, Counters: r.Counters, Probes: r.Probes, Timeline: r.Notes, Oracles: []Verdict{},
		Metrics: Metrics{
			ElectionMs: quantilesOf(r.Metrics.ElectionMs), FailoverMs: quantilesOf(r.Metrics.FailoverMs),
			DataLoss: r.Metrics.DataLoss,
		},
		electionNs: r.ElectionNs, failoverNs: r.FailoverNs,
	}
	if pct := r.Metrics.ISRAccuracyPct; pct != nil {
		o.Metrics.ISRAccuracyPct = new(float64(*pct) / 1000)
	}
	if o.Faults == nil {
		o.Faults = map[string]int{}
	}
	for _, v := range r.Violations {
		o.Violations = append(o.Violations, Violation{v.Oracle, v.Message, v.AtNs})
	}
	for _, v := range r.Oracles {
		o.Oracles = append(o.Oracles, Verdict{v.Oracle, v.Checked, r.HistoryChecked[v.Oracle], v.Violations})
	}
	return o
}

func quantilesOf(q *cluster.Quantiles) *Quantiles {
	if q == nil {
		return nil
	}
	return &Quantiles{float64(q.P50) / 1000, float64(q.P99) / 1000, float64(q.Max) / 1000, uint64(q.Samples)}
}

// Oracle is the name under which a failed run is filed: that of its first
// violation. Empty if it passed.
func (o *Outcome) Oracle() string {
	if len(o.Violations) == 0 {
		return ""
	}
	return o.Violations[0].Oracle
}

// Found tells whether an oracle is among the violations.
func (o *Outcome) Found(oracle string) bool {
	for _, v := range o.Violations {
		if v.Oracle == oracle {
			return true
		}
	}
	return false
}

// findings are the violations, and the proof of a run that is unrecoverable.
func (o *Outcome) findings() []Violation {
	if o.Unrecoverable == "" {
		return o.Violations
	}
	return append(slices.Clone(o.Violations), Violation{Oracle: Unrecoverable, Message: o.Unrecoverable, AtNs: o.VirtualNs})
}

// died is the outcome of a run that ended without one.
func died(job Job, oracle, message string) *Outcome {
	return &Outcome{
		Seed: job.Seed, Scenario: job.Scenario,
		Violations: []Violation{{Oracle: oracle, Message: message}},
	}
}

// Hash is a run's trace hash. In text and JSON it is 16 hexadecimal digits: a
// JSON number cannot be trusted with 64 bits.
type Hash uint64

func (h Hash) String() string { return fmt.Sprintf("%016x", uint64(h)) }

// MarshalJSON renders the digits as a string.
func (h Hash) MarshalJSON() ([]byte, error) { return json.Marshal(h.String()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (h *Hash) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	v, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != 16 {
		return fmt.Errorf("%q is no hash of 16 hexadecimal digits", s)
	}
	*h = Hash(v)
	return nil
}
