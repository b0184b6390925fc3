package checker

import "fmt"

// The names of the oracles.
const (
	ElectionSafety        = "election-safety"
	LeaderAppendOnly      = "leader-append-only"
	LogMatching           = "log-matching"
	LeaderCompleteness    = "leader-completeness"
	StateMachineSafety    = "state-machine-safety"
	MonotoneTerm          = "monotone-term"
	Durability            = "durability"
	RecoveredState        = "recovered-state"
	LostWrite             = "lost-write"
	Duplicate             = "duplicate"
	InconsistentOffsets   = "inconsistent-offsets"
	AbortedRead           = "aborted-read"
	NonmonotonicPoll      = "nonmonotonic-poll"
	PollSkip              = "poll-skip"
	GaplessOffsets        = "gapless-offsets"
	MonotoneHighWatermark = "monotone-high-watermark"
	ReplicasEqual         = "replicas-equal"
	Linearizability       = "linearizability"
	ISRAccuracy           = "isr-accuracy"
	Convergence           = "convergence"
	Configuration         = "configuration-equals-log"
	FencedSpeaks          = "fenced-speaks"
	SnapshotSafety        = "snapshot-safety"
	Retention             = "retention"
	DamageRepaired        = "damage-repaired"
	JournalBounded        = "journal-bounded"
	TopicExists           = "topic-exists"
)

// KeptViolations is how many violations of one oracle a report holds; further
// ones are only counted.
const KeptViolations = 10

// Oracle is one judge.
type Oracle struct {
	Name  string
	About string // one line
}

// oracle is the place of an oracle in the table below.
type oracle uint8

const (
	oElectionSafety oracle = iota
	oLeaderAppendOnly
	oLogMatching
	oLeaderCompleteness
	oStateMachineSafety
	oMonotoneTerm
	oDurability
	oRecoveredState
	oLostWrite
	oDuplicate
	oInconsistentOffsets
	oAbortedRead
	oNonmonotonicPoll
	oPollSkip
	oGaplessOffsets
	oMonotoneHighWatermark
	oReplicasEqual
	oLinearizability
	oISRAccuracy
	oConvergence
	oConfiguration
	oFencedSpeaks
	oSnapshotSafety
	oRetention
	oDamageRepaired
	oJournalBounded
	oTopicExists
	oracleCount
)

var oracleTable = [oracleCount]Oracle{
	oElectionSafety:        {ElectionSafety, "one leader per group and term, for ever; one vote per replica and term, for who may ask it"},
	oLeaderAppendOnly:      {LeaderAppendOnly, "a leader never replaces or cuts entries of its own log"},
	oLogMatching:           {LogMatching, "the same index and term is the same entry after the same predecessor; no committed entry is cut"},
	oLeaderCompleteness:    {LeaderCompleteness, "what was committed stands on a quorum and in the log of every later leader; a leader commits by entries of its term"},
	oStateMachineSafety:    {StateMachineSafety, "the same index applies the same entry everywhere, in order, and never past the commit index"},
	oMonotoneTerm:          {MonotoneTerm, "a replica's term, commit index and applied index never go back"},
	oDurability:            {Durability, "what was acknowledged, voted or called persisted is durable on the disks at that moment"},
	oRecoveredState:        {RecoveredState, "a restart brings back what was promised, and nothing that was never whole"},
	oLostWrite:             {LostWrite, "an acknowledged value stands in the agreed log, at the offset that was acknowledged"},
	oDuplicate:             {Duplicate, "a value stands in the agreed log no more often than its attempts can explain"},
	oInconsistentOffsets:   {InconsistentOffsets, "nobody saw two values at one offset"},
	oAbortedRead:           {AbortedRead, "nobody fetched what the agreed log does not hold; what failed is not in it"},
	oNonmonotonicPoll:      {NonmonotonicPoll, "a fetch answers offsets that only grow"},
	oPollSkip:              {PollSkip, "a fetch begins at the asked offset and leaves none out"},
	oGaplessOffsets:        {GaplessOffsets, "the offsets of the agreed log have no gap and never go back"},
	oMonotoneHighWatermark: {MonotoneHighWatermark, "a fetch's records end at or before its high watermark, and that at or before the agreed log's end"},
	oReplicasEqual:         {ReplicasEqual, "replicas that applied equally far are equal, byte for byte"},
	oLinearizability:       {Linearizability, "produces, list-offsets and linearizable fetches take effect at one point between call and return"},
	oISRAccuracy:           {ISRAccuracy, "the reported in-sync set is the true one, outside the detection delay"},
	oConvergence:           {Convergence, "in the end all replicas of a partition applied equally far"},
	oConfiguration:         {Configuration, "every replica is in the configuration that the committed log gives for what it has applied"},
	oFencedSpeaks:          {FencedSpeaks, "no replica promises anything after it was fenced or replaced; an id lives once, on one disk"},
	oSnapshotSafety:        {SnapshotSafety, "what an installed snapshot or a fresh replica begins with is committed state"},
	oRetention:             {Retention, "records are deleted by the log's own command alone, everywhere alike, and stay deleted"},
	oDamageRepaired:        {DamageRepaired, "in the end every damage that was found is repaired, or nothing to repair it from is left"},
	oJournalBounded:        {JournalBounded, "a node's journal never takes more of its disk than it is allowed"},
	oTopicExists:           {TopicExists, "a partition that was created is there: on every node that it was placed on, and for every client"},
}

// Oracles lists all oracles in the order of reports.
func Oracles() []Oracle {
	return append([]Oracle(nil), oracleTable[:]...)
}

// Violation is one thing an oracle objects to.
type Violation struct {
	Oracle  string `json:"oracle"`
	Message string `json:"message"`
	// AtNs is the time of the event or of the operation's return, in
	// nanoseconds of the history; 0 where none applies.
	AtNs int64 `json:"atNs"`
	// Seq is that of the event or operation; 0 where none applies.
	Seq uint64 `json:"seq,omitempty"`
}

// String is the violation in one line.
func (v Violation) String() string { return v.Oracle + ": " + v.Message }

// Verdict is what one oracle has to say.
type Verdict struct {
	Oracle string `json:"oracle"`
	// Checked counts the things looked at; 0: this oracle proved nothing.
	Checked    uint64 `json:"checked"`
	Violations int    `json:"violations"`
}

// Report is the outcome of judging.
type Report struct {
	Violations []Violation `json:"violations"`
	// Verdicts has one element per oracle, in the order of Oracles.
	Verdicts []Verdict `json:"verdicts"`
	// ISR counts the judged members of in-sync samples.
	ISR ISRMetric `json:"isr"`
}

// Passed says that no oracle objected.
func (r *Report) Passed() bool {
	for i := range r.Verdicts {
		if r.Verdicts[i].Violations > 0 {
			return false
		}
	}
	return true
}

// Verdict returns the verdict of the oracle with that name.
func (r *Report) Verdict(name string) (Verdict, bool) {
	for _, v := range r.Verdicts {
		if v.Oracle == name {
			return v, true
		}
	}
	return Verdict{}, false
}

// Merge adds what another judge found in the same run. The earlier violations
// stay first.
func Merge(reports ...Report) Report {
	var t tally
	out := Report{}
	for _, r := range reports {
		for i, v := range r.Verdicts {
			t.checked[i] += v.Checked
			t.found[i] += v.Violations
		}
		out.Violations = append(out.Violations, r.Violations...)
		out.ISR.Decided += r.ISR.Decided
		out.ISR.Right += r.ISR.Right
	}
	out.Verdicts = t.verdicts()
	return out
}

// tally collects what the oracles of one judge say.
type tally struct {
	checked    [oracleCount]uint64
	found      [oracleCount]int
	violations []Violation
}

func (t *tally) fail(o oracle, atNs int64, seq uint64, format string, args ...any) {
	t.found[o]++
	if t.found[o] > KeptViolations {
		return
	}
	t.violations = append(t.violations, Violation{
		Oracle: oracleTable[o].Name, Message: fmt.Sprintf(format, args...), AtNs: atNs, Seq: seq,
	})
}

func (t *tally) verdicts() []Verdict {
	out := make([]Verdict, oracleCount)
	for i := range out {
		out[i] = Verdict{Oracle: oracleTable[i].Name, Checked: t.checked[i], Violations: t.found[i]}
	}
	return out
}
