package producer

import (
	"cmp"
	"fmt"
	"slices"
)

// Settings bound a table. They are replicated state of the log: a change is a
// command in it.
type Settings struct {
	// MaxProducers is how many producers are remembered; beyond it the one that
	// appended least recently is forgotten. 1 to 1,048,576.
	MaxProducers int64
	// ExpiryMs is how long a producer is remembered after its last batch, in log
	// time, in milliseconds. 0: for ever. At most 2^53.
	ExpiryMs int64
}

// DefaultSettings are those of a new log: Kafka's expiry of a day, and memory for
// producers of about a megabyte.
func DefaultSettings() Settings { return Settings{MaxProducers: 8192, ExpiryMs: 24 * 60 * 60 * 1000} }

const (
	mostProducers = 1 << 20
	longestExpiry = 1 << 53 // a JSON number holds it
)

// Validate reports ErrSettings if a value is out of its range.
func (s Settings) Validate() error {
	switch {
	case s.MaxProducers < 1 || s.MaxProducers > mostProducers:
		return fmt.Errorf("%w: producers %d, must be 1 to %d", ErrSettings, s.MaxProducers, mostProducers)
	case s.ExpiryMs < 0 || s.ExpiryMs > longestExpiry:
		return fmt.Errorf("%w: expiry %d ms, must be 0 to %d", ErrSettings, s.ExpiryMs, int64(longestExpiry))
	}
	return nil
}

// Table is the state of all producers of a partition. It belongs to the node's
// loop.
type Table struct {
	settings Settings
	timeMs   int64           // log time
	places   map[int64]int32 // by producer id, in entries
	entries  []entry         // in any order, those that are free among them
	order    order
}

// entry is a producer, or a free place.
type entry struct {
	id     int64
	timeMs int64 // log time when it last appended
	window window

	newer, older int32 // neighbours in the order of leaving; nowhere at its ends
}

// New makes an empty table. The settings must be valid.
func New(s Settings) *Table {
	if err := s.Validate(); err != nil {
		panic("producer: " + err.Error())
	}
	return &Table{settings: s, order: empty}
}

// Decision is what to do with a batch.
type Decision struct {
	// Duplicate says that the batch is in the log already: at the offsets Base to
	// Last. Otherwise it is to be appended, and they mean nothing.
	Duplicate  bool
	Base, Last int64
}

// Check decides on a batch. The error is a *Refusal: ErrOutOfOrderSequence,
// ErrInvalidProducerEpoch or ErrInvalidBatch.
func (t *Table) Check(b Batch) (Decision, error) {
	if b.ProducerID == None {
		return Decision{}, nil
	}
	if !b.valid() {
		return Decision{}, &Refusal{Why: ErrInvalidBatch, Batch: b, Epoch: -1}
	}
	at, known := t.places[b.ProducerID]
	if !known {
		return Decision{}, nil
	}
	w := &t.entries[at].window
	next := NextSequence(w.newest().last, 1)
	switch {
	case b.Epoch < w.epoch:
		return Decision{}, &Refusal{Why: ErrInvalidProducerEpoch, Batch: b, Epoch: w.epoch, Next: next}
	case b.Epoch > w.epoch:
		next = 0
	default:
		if s := w.find(b.FirstSequence, b.LastSequence()); s != nil {
			return Decision{Duplicate: true, Base: s.base, Last: s.lastOffset()}, nil
		}
	}
	if b.FirstSequence != next {
		return Decision{}, &Refusal{Why: ErrOutOfOrderSequence, Batch: b, Epoch: w.epoch, Next: next}
	}
	return Decision{}, nil
}

// Appended notes that a batch which Check let pass stands in the log from offset
// base on, and that its largest timestamp is maxTimestampMs. Offsets only grow.
func (t *Table) Appended(b Batch, base, maxTimestampMs int64) {
	t.timeMs = max(t.timeMs, maxTimestampMs)
	if b.ProducerID != None {
		t.note(b, base)
	}
	t.evict()
}

// note makes a batch the newest of its producer, and the producer the last to
// leave.
func (t *Table) note(b Batch, base int64) {
	at, known := t.places[b.ProducerID]
	if known {
		if last := t.entries[at].window.newest().lastOffset(); base <= last {
			panic(fmt.Sprintf("producer: a batch at offset %d after one that ends at %d", base, last))
		}
		t.order.remove(t.entries, at)
	} else {
		at = t.place(b.ProducerID)
	}
	e := &t.entries[at]
	e.timeMs = t.timeMs
	e.window.push(b.Epoch, sequences{first: b.FirstSequence, last: b.LastSequence(), base: base})
	t.order.add(t.entries, at)
}

// place finds room for a producer that is unknown: that of the next to leave if
// the table is full.
func (t *Table) place(id int64) int32 {
	if int64(len(t.places)) >= t.settings.MaxProducers {
		t.forget(t.order.oldest)
	}
	if t.places == nil {
		t.places = map[int64]int32{}
	}
	at := t.order.free
	if at == nowhere {
		at = int32(len(t.entries))
		t.entries = append(t.entries, entry{})
	} else {
		t.order.free = t.entries[at].older
	}
	t.entries[at] = entry{id: id}
	t.places[id] = at
	return at
}

// SetSettings puts settings in force, which must be valid, and lets those go that
// they leave no place for.
func (t *Table) SetSettings(s Settings) {
	if err := s.Validate(); err != nil {
		panic("producer: " + err.Error())
	}
	t.settings = s
	t.evict()
}

// Settings are those in force.
func (t *Table) Settings() Settings { return t.settings }

// Len is how many producers are known.
func (t *Table) Len() int { return len(t.places) }

// TimeMs is log time: the greatest timestamp of a batch so far, 0 at least.
func (t *Table) TimeMs() int64 { return t.timeMs }

// State is what is known of a producer, for those who look at it.
type State struct {
	ProducerID   int64
	Epoch        int16
	LastSequence int32
	LastOffset   int64
	LastTimeMs   int64 // log time when it last appended
}

// States lists all producers by id.
func (t *Table) States() []State {
	states := make([]State, 0, len(t.places))
	for _, at := range t.sorted() {
		e := &t.entries[at]
		last := e.window.newest()
		states = append(states, State{
			ProducerID: e.id, Epoch: e.window.epoch,
			LastSequence: last.last, LastOffset: last.lastOffset(), LastTimeMs: e.timeMs,
		})
	}
	return states
}

// sorted gives the places of all producers by id.
func (t *Table) sorted() []int32 {
	places := make([]int32, 0, len(t.places))
	for at := t.order.oldest; at != nowhere; at = t.entries[at].newer {
		places = append(places, at)
	}
	slices.SortFunc(places, func(a, b int32) int { return cmp.Compare(t.entries[a].id, t.entries[b].id) })
	return places
}
