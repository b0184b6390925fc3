package sim

// Kind says what part of the simulation recorded an event.
type Kind uint8

// The kinds of recorded events. What A, B and C of an Event mean is up to
// whoever records: see netmodel.Describe, diskmodel.Describe and sim/cluster.
const (
	KindNone    Kind = iota
	KindMessage      // a frame or a client's message was sent
	KindDisk         // a disk operation was carried out
	KindTrace        // a node's Tracer event
	KindClient       // a client's operation began or ended
	KindFault        // a fault was applied or lifted
	kinds            // how many there are
)

// String names the kind.
func (k Kind) String() string {
	if k >= kinds {
		return "kind?"
	}
	return [...]string{"none", "message", "disk", "trace", "client", "fault"}[k]
}

// Event is one recorded step of a run. Two runs are equal if their events are.
type Event struct {
	Seq     uint64 // counted from 1
	At      Time
	Kind    Kind
	A, B, C uint64
	Bytes   int    // how many bytes came with it
	Sum     uint64 // their digest
}

// trace is the running digest of everything recorded.
type trace struct {
	hash     uint64
	recorded uint64
	sink     func(Event)
}

const traceSalt = 0x7472616365 // "trace"

// Record puts an event into the trace: its kind, the time, three numbers and
// the digest of p. It allocates nothing and keeps nothing of p.
func (k *Kernel) Record(kind Kind, a, b, c uint64, p []byte) {
	k.RecordSum(kind, a, b, c, len(p), Sum(p))
}

// RecordSum is Record for whoever has the digest (Sum) of the bytes already.
func (k *Kernel) RecordSum(kind Kind, a, b, c uint64, bytes int, sum uint64) {
	t := &k.trace
	t.recorded++
	h := fold(t.hash^uint64(kind), mixB) + mixA
	h = fold(h^uint64(k.now), mixC) + mixA
	h = fold(h^a, mixD) + mixA
	h = fold(h^b, mixE) + mixA
	h = fold(h^c, mixB) + mixA
	h = fold(h^uint64(bytes), mixC) + mixA
	t.hash = fold(h^sum, mixD) + mixA
	if t.sink != nil {
		t.sink(Event{t.recorded, k.now, kind, a, b, c, bytes, sum})
	}
}

// Hash is the digest of everything recorded so far, in order.
func (k *Kernel) Hash() uint64 { return finish(k.trace.hash) }

// Recorded counts the recorded events.
func (k *Kernel) Recorded() uint64 { return k.trace.recorded }

// SetSink hands every event recorded from now on to f as well; nil ends that.
// f must not touch the simulation.
func (k *Kernel) SetSink(f func(Event)) { k.trace.sink = f }
