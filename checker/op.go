package checker

import "math"

// OpKind says what a client asked for.
type OpKind uint8

// The kinds of operations.
const (
	Produce OpKind = iota + 1
	Fetch
	// ListOffsets asks for the latest offset: the end of the log.
	ListOffsets
	// DeleteRecords asks that the log start at Offset (-1: at its high watermark);
	// the answer is LogStart.
	DeleteRecords
)

var opKindNames = names{Produce: "produce", Fetch: "fetch", ListOffsets: "listOffsets", DeleteRecords: "deleteRecords"}

// String names the kind.
func (k OpKind) String() string { return opKindNames.of(uint8(k)) }

// MarshalText names the kind in a history file.
func (k OpKind) MarshalText() ([]byte, error) {
	return opKindNames.marshal("operation kind", uint8(k))
}

// UnmarshalText reads the name in a history file.
func (k *OpKind) UnmarshalText(b []byte) error {
	i, err := opKindNames.unmarshal("operation kind", b)
	*k = OpKind(i)
	return err
}

// Outcome says what a client knows about its operation.
type Outcome uint8

// The outcomes.
const (
	// OK: answered with success.
	OK Outcome = iota + 1
	// Failed: definitely did not happen and never will.
	Failed
	// Unknown: may have happened, or may still happen.
	Unknown
)

var outcomeNames = names{OK: "ok", Failed: "failed", Unknown: "unknown"}

// String names the outcome.
func (o Outcome) String() string { return outcomeNames.of(uint8(o)) }

// MarshalText names the outcome in a history file.
func (o Outcome) MarshalText() ([]byte, error) { return outcomeNames.marshal("outcome", uint8(o)) }

// UnmarshalText reads the name in a history file.
func (o *Outcome) UnmarshalText(b []byte) error {
	i, err := outcomeNames.unmarshal("outcome", b)
	*o = Outcome(i)
	return err
}

// FetchedRecord is one record as a client saw it.
type FetchedRecord struct {
	Offset int64  `json:"offset"`
	Value  string `json:"value"`
}

// Op is one operation of a client, all its attempts included.
type Op struct {
	Seq       uint64 `json:"seq"` // stable id
	Client    int    `json:"client"`
	Kind      OpKind `json:"kind"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// Call and Return are stamps of one counter that grows with every call and
	// every return of the history. Return 0: never returned.
	Call     uint64 `json:"call"`
	Return   uint64 `json:"return,omitempty"`
	CallNs   int64  `json:"callNs,omitempty"`
	ReturnNs int64  `json:"returnNs,omitempty"`

	Outcome Outcome `json:"outcome"`
	Code    int     `json:"code,omitempty"` // the last attempt's error code
	// Offset is a produce's base offset, the asked one of a fetch, and the
	// answer of a ListOffsets.
	Offset int64 `json:"offset"`
	// Values are what a produce wrote, one batch; unique over the history.
	Values        []string        `json:"values,omitempty"`
	Fetched       []FetchedRecord `json:"fetched,omitempty"`
	HighWatermark int64           `json:"highWatermark,omitempty"`
	// LogStart is the log's first offset as the answer said; 0: it said none.
	LogStart     int64 `json:"logStart,omitempty"`
	Linearizable bool  `json:"linearizable,omitempty"`

	Node     uint64 `json:"node,omitempty"` // who answered last
	Attempts int    `json:"attempts,omitempty"`
	// UnknownAttempts is how many attempts ended without a definite answer.
	UnknownAttempts int `json:"unknownAttempts,omitempty"`
}

// outcome is what the operation's end really says: a produce that failed after
// an attempt of unknown outcome may stand in the log.
func (o *Op) outcome() Outcome {
	if o.Kind == Produce && o.Outcome == Failed && o.UnknownAttempts > 0 {
		return Unknown
	}
	return o.Outcome
}

// deletes is the highest offset at which a deletion may have made a log start. One
// of unknown outcome that asked for all records may have met any end of it.
func (o *Op) deletes() int64 {
	switch {
	case o.Outcome == Failed && o.UnknownAttempts == 0:
		return 0
	case o.Outcome == OK && o.UnknownAttempts == 0:
		return o.LogStart
	case o.Offset < 0:
		return maxOffset
	default:
		return max(o.Offset, o.LogStart)
	}
}

// copies is how often the operation's batch may stand in the log: each attempt
// appends it at most once.
func (o *Op) copies() int {
	switch o.outcome() {
	case OK:
		return o.UnknownAttempts + 1
	case Unknown:
		return max(o.UnknownAttempts, 1)
	default:
		return 0
	}
}

// maxStamp leaves room to double stamps.
const maxStamp = uint64(1) << 61

// never stands for the return of an operation that has none.
const never = uint64(math.MaxInt64)

func (o *Op) returned() uint64 {
	if o.Return == 0 || o.outcome() == Unknown {
		return never
	}
	return o.Return
}
