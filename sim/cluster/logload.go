package cluster

import (
	"fmt"
	"strconv"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/client"
	"github.com/lockstep-log/lockstep/engine/record"
	"github.com/lockstep-log/lockstep/sim"
)

// logLoad is the default workload: clients that produce unique values, fetch
// from cursors of their own, ask for the end of the log, and delete its beginning.
type logLoad struct {
	w       World
	spec    WorkloadSpec
	parts   []engine.Partition
	clients []*logClient
	ops     []checker.Op
	stamp   uint64 // the last one given to a call or a return
	pending int
	closed  bool
	values  map[string]string // every value produced, so that a fetch allocates none
	meanNs  int64             // think time of one client between operations' beginnings
	prover  *logClient        // produces once more in each partition after the faults
}

// logClient is one simulated client. It has at most one operation in flight.
type logClient struct {
	load    *logLoad
	id      int
	draw    *sim.Rand
	api     *client.Client
	serial  int
	cursors []int64 // by partition
	ends    []int64 // by partition: how far it knows the log to reach
	closing int     // partitions in which it has yet to prove progress
}

// NewLogLoad makes the default workload.
func NewLogLoad(w World) Workload {
	l := &logLoad{w: w, spec: w.Spec(), parts: w.Topology().Partitions, values: map[string]string{}}
	if rate := l.spec.rate(); rate > 0 {
		l.meanNs = int64(time.Minute) * int64(l.spec.Clients) / rate
	}
	for id := range l.spec.Clients {
		l.clients = append(l.clients, l.newClient(id, l.spec.AttemptTimeoutNs))
	}
	return l
}

func (l *logLoad) newClient(id int, attemptNs int64) *logClient {
	k := l.w.Kernel()
	cfg := client.DefaultConfig()
	for _, n := range l.w.Topology().Nodes {
		cfg.Nodes = append(cfg.Nodes, n.ID)
	}
	cfg.AttemptTimeout = time.Duration(attemptNs)
	cfg.RetryUnknown = l.spec.RetryUnknown
	return &logClient{
		load: l, id: id, draw: k.Rand("client", uint64(id)), cursors: make([]int64, len(l.parts)), ends: make([]int64, len(l.parts)),
		api: client.New(clientClock{k}, conn{l.w.c, id}, k.Rand("client-retry", uint64(id)), cfg),
	}
}

// Start spreads the clients' first operations over one think time.
func (l *logLoad) Start() {
	if l.meanNs == 0 {
		return
	}
	for _, c := range l.clients {
		l.w.Kernel().After(time.Duration(c.draw.Between(0, l.meanNs)), c.next)
	}
}

// Close makes one more client produce in every partition.
func (l *logLoad) Close() {
	l.closed = true
	if l.meanNs == 0 || l.spec.ProducesPerMinute == 0 {
		return
	}
	if l.prover == nil {
		l.prover = l.newClient(l.spec.Clients, min(l.spec.AttemptTimeoutNs, int64(time.Second)/2))
	}
	l.prover.closing = len(l.parts)
	l.pending += len(l.parts)
	l.prover.prove()
}

// Pending counts what is not answered.
func (l *logLoad) Pending() int { return l.pending }

// Stuck names the oldest operation that is not answered.
func (l *logLoad) Stuck() string {
	for i := range l.ops {
		if op := &l.ops[i]; op.Return == 0 {
			return fmt.Sprintf("operation %d of client %d on %s/%d", op.Seq, op.Client, op.Topic, op.Partition)
		}
	}
	return "the closing produce"
}

// Operations gives the history.
func (l *logLoad) Operations() []checker.Op { return l.ops }

// next begins an operation and plans the following one.
func (c *logClient) next() {
	l := c.load
	if l.closed {
		return
	}
	began := l.w.Kernel().Now()
	c.operation(func() {
		think := c.draw.Between(l.meanNs/2, l.meanNs*3/2)
		l.w.Kernel().At(began+think, c.next)
	})
}

// operation draws what to do and where.
func (c *logClient) operation(then func()) {
	l := c.load
	part := c.draw.Pick(len(l.parts))
	dice := int64(c.draw.Below(uint64(l.spec.rate())))
	switch {
	case dice < l.spec.ProducesPerMinute:
		c.produce(part, func(bool) { then() })
	case dice < l.spec.ProducesPerMinute+l.spec.FetchesPerMinute:
		c.fetch(part, c.draw.PPM(l.spec.LinearizablePPM), then)
	case dice < l.spec.rate()-l.spec.DeletesPerMinute:
		c.listOffsets(part, then)
	default:
		c.deleteRecords(part, then)
	}
}

// prove produces in one partition after another until each has acknowledged that
// owes it. It is less patient with a silent node than other clients may be: some
// are broken for good.
func (c *logClient) prove() {
	for c.closing > 0 && !c.load.w.Acknowledgeable(c.load.parts[c.closing-1].Partition) {
		c.closing--
		c.load.pending--
	}
	if c.closing == 0 {
		return
	}
	c.produce(c.closing-1, func(ok bool) {
		if ok {
			c.closing--
			c.load.pending--
			c.prove()
			return
		}
		c.load.w.Kernel().After(100*time.Millisecond, c.prove)
	})
}

// begin puts an operation into the history and gives its place.
func (c *logClient) begin(kind checker.OpKind, part int) int {
	l := c.load
	l.stamp++
	l.pending++
	p := &l.parts[part]
	l.ops = append(l.ops, checker.Op{
		Seq: uint64(len(l.ops)), Client: c.id, Kind: kind, Topic: p.Topic, Partition: p.Partition,
		Call: l.stamp, CallNs: l.w.Kernel().Now(), Outcome: checker.Unknown, Offset: -1,
	})
	return len(l.ops) - 1
}

// end completes an operation and digests what the client was told.
func (c *logClient) end(at int, out client.Outcome, digest []byte) *checker.Op {
	l := c.load
	l.stamp++
	l.pending--
	op := &l.ops[at]
	op.Return, op.ReturnNs = l.stamp, l.w.Kernel().Now()
	op.Code, op.Node, op.Attempts, op.UnknownAttempts = int(out.Err), uint64(out.Node), out.Attempts, out.UnknownAttempts
	switch {
	case out.Err == engine.None:
		op.Outcome = checker.OK
	case out.Unknown:
		op.Outcome = checker.Unknown
	default:
		op.Outcome = checker.Failed
	}
	l.w.Kernel().Record(sim.KindClient, uint64(c.id)<<32|op.Seq, uint64(op.Offset),
		uint64(uint16(op.Code))<<32|uint64(out.Attempts)<<16|op.Node, digest)
	return op
}

func (c *logClient) produce(part int, then func(ok bool)) {
	at := c.begin(checker.Produce, part)
	p := &c.load.parts[part]
	batch, values := c.batch()
	c.load.ops[at].Values = values
	c.api.Produce(p.Topic, p.Partition, batch, time.Duration(c.load.spec.DeadlineNs), func(r client.ProduceResult) {
		c.load.ops[at].Offset = r.BaseOffset
		op := c.end(at, r.Outcome, nil)
		if op.Outcome == checker.OK {
			c.knows(part, op.Offset+int64(len(op.Values)))
			c.load.w.Acknowledged(p.Partition, r.Node)
		}
		then(op.Outcome == checker.OK)
	})
}

// batch builds a batch of unique values, as "c3-000017" and padding.
func (c *logClient) batch() ([]byte, []string) {
	l := c.load
	now := (epochNs + l.w.Kernel().Now()) / million
	b := record.NewBuilder(now)
	count := 1
	if l.spec.MaxRecords > 1 && c.draw.Chance(1, 4) {
		count = int(c.draw.Between(1, int64(l.spec.MaxRecords)))
	}
	values := make([]string, 0, count)
	for range count {
		text := c.value()
		value := string(text)
		l.values[value] = value
		values = append(values, value)
		b.Add(now, nil, text)
	}
	return b.Build(), values
}

func (c *logClient) value() []byte {
	text := make([]byte, 0, max(c.load.spec.ValueBytes, 32))
	text = append(text, 'c')
	text = strconv.AppendInt(text, int64(c.id), 10)
	text = append(text, '-')
	for lead := 100_000; lead > max(c.serial, 1) && lead > 1; lead /= 10 {
		text = append(text, '0')
	}
	text = strconv.AppendInt(text, int64(c.serial), 10)
	c.serial++
	for len(text) < c.load.spec.ValueBytes {
		text = append(text, '.')
	}
	return text
}

func (c *logClient) fetch(part int, linearizable bool, then func()) {
	at := c.begin(checker.Fetch, part)
	p, op := &c.load.parts[part], &c.load.ops[at]
	op.Offset, op.Linearizable = c.cursors[part], linearizable
	request := engine.FetchRequest{
		Topic: p.Topic, Partition: p.Partition, Offset: op.Offset,
		MaxBytes: c.load.spec.FetchBytes, Linearizable: linearizable,
	}
	c.api.Fetch(request, time.Duration(c.load.spec.DeadlineNs), func(r client.FetchResult) {
		op := &c.load.ops[at]
		op.LogStart = max(r.LogStart, 0)
		if r.Err == engine.OffsetOutOfRange {
			op.HighWatermark = max(r.HighWatermark, 0)
			c.cursors[part] = max(r.LogStart, op.Offset) // what was there is deleted
		}
		if r.Err == engine.None {
			op.HighWatermark = r.HighWatermark
			c.knows(part, r.HighWatermark)
			op.Fetched = c.load.parse(r.Batches, op.Offset)
			if n := len(op.Fetched); n > 0 {
				c.cursors[part] = op.Fetched[n-1].Offset + 1
			}
		}
		c.end(at, r.Outcome, r.Batches)
		then()
	})
}

// parse reads an answer's records from offset on. Bytes that are no records are
// told as one: the oracles will not find them in the agreed log.
func (l *logLoad) parse(b []byte, from int64) []checker.FetchedRecord {
	var out []checker.FetchedRecord
	for batch, err := range record.Batches(b) {
		if err == nil {
			_, err = record.Validate(batch, len(batch))
		}
		if err != nil {
			return append(out, checker.FetchedRecord{Offset: -1, Value: "unreadable: " + err.Error()})
		}
		for r, err := range record.Records(batch) {
			if err != nil {
				return append(out, checker.FetchedRecord{Offset: -1, Value: "unreadable: " + err.Error()})
			}
			if r.Offset >= from {
				out = append(out, checker.FetchedRecord{Offset: r.Offset, Value: l.intern(r.Value)})
			}
		}
	}
	return out
}

// intern gives the string of a value without allocating it if it was produced.
func (l *logLoad) intern(b []byte) string {
	if s, ok := l.values[string(b)]; ok {
		return s
	}
	return string(b)
}

func (c *logClient) listOffsets(part int, then func()) {
	at := c.begin(checker.ListOffsets, part)
	p := &c.load.parts[part]
	c.api.ListOffsets(p.Topic, p.Partition, engine.Latest, time.Duration(c.load.spec.DeadlineNs), func(r client.ListOffsetsResult) {
		c.load.ops[at].Offset = r.Offset
		c.knows(part, r.Offset)
		c.end(at, r.Outcome, nil)
		then()
	})
}

// knows notes how far a partition's log reaches.
func (c *logClient) knows(part int, end int64) { c.ends[part] = max(c.ends[part], end) }
