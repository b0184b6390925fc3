package client

import (
	"errors"
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
)

// ErrNotSent marks, wrapped, an error of a Conn that knows that no byte of the
// request left (the connection was refused, say): a produce that fails so was
// definitely not written. Any other error leaves the outcome unknown.
var ErrNotSent = errors.New("the request was not sent")

// Conn makes one attempt at one node. done runs on the loop, at most once; it
// may never run (a lost request or answer), for the client times out itself.
// It may be called inside the call.
type Conn interface {
	Produce(node env.NodeID, r engine.ProduceRequest, done func(engine.ProduceResponse, error))
	Fetch(node env.NodeID, r engine.FetchRequest, done func(engine.FetchResponse, error))
	ListOffsets(node env.NodeID, r engine.ListOffsetsRequest, done func(engine.ListOffsetsResponse, error))
	DeleteRecords(node env.NodeID, r engine.DeleteRecordsRequest, done func(engine.DeleteRecordsResponse, error))
	Metadata(node env.NodeID, topics []string, done func(engine.MetadataResponse, error))
}

// Client runs operations against a cluster. All calls on the loop; not safe for
// concurrent use.
type Client struct {
	cfg     Config
	clock   env.Clock
	conn    Conn
	entropy env.Entropy

	leaders leaders
	turn    int     // where the next operation without a leader begins
	live    []*call // in flight; each knows its place
	stats   Stats
}

// Stats counts what a client did since it was made.
type Stats struct {
	Operations uint64 // begun
	Attempts   uint64
	Timeouts   uint64 // attempts that got no answer in time
	Redirects  uint64 // attempts that followed news of a leader
	Refused    uint64 // operations beyond MaxInFlight
}

// New makes a client. It panics on a configuration that does not Validate: a
// caller with outside input validates first.
func New(clock env.Clock, conn Conn, entropy env.Entropy, cfg Config) *Client {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	return &Client{
		cfg: cfg, clock: clock, conn: conn, entropy: entropy,
		leaders: newLeaders(cfg.MaxLeaders),
		turn:    int(entropy.Uint64() % uint64(len(cfg.Nodes))),
	}
}

// Stats gives the counters.
func (c *Client) Stats() Stats { return c.stats }

// InFlight is the number of operations begun and not ended.
func (c *Client) InFlight() int { return len(c.live) }

// Leader is the node believed to lead a partition; zero if none is.
func (c *Client) Leader(topic string, partition int32) env.NodeID {
	return c.leaders.of(partitionKey{topic, partition})
}

// Close ends every operation in flight as its timeout would; their done
// functions run on the loop later. The client may be used again.
func (c *Client) Close() {
	for len(c.live) > 0 {
		c.live[len(c.live)-1].close()
	}
}

// begin starts an operation, or ends it unattempted when too many are in flight.
func (c *Client) begin(op *call, timeout time.Duration) {
	c.stats.Operations++
	op.client = c
	if len(c.live) >= c.cfg.MaxInFlight {
		c.stats.Refused++
		op.place = -1
		op.finish(engine.ThrottlingQuotaExceeded)
		return
	}
	op.place = len(c.live)
	c.live = append(c.live, op)
	op.deadline = c.clock.Monotonic() + timeout
	op.turn = c.turn
	c.turn = (c.turn + 1) % len(c.cfg.Nodes)
	// Posted, so that done never runs inside the caller's own call, even over a
	// Conn that answers at once.
	c.clock.Post(op.attempt)
}

// end takes an operation out of the list.
func (c *Client) end(op *call) {
	last := len(c.live) - 1
	moved := c.live[last]
	c.live[op.place], moved.place = moved, op.place
	c.live[last] = nil
	c.live = c.live[:last]
	op.place = -1
}
