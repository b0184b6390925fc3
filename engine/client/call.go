package client

import (
	"errors"
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
)

// Outcome is how an operation ended; every result holds one.
type Outcome struct {
	// Err is None on success, else the last failure. REQUEST_TIMED_OUT covers a
	// lost answer.
	Err engine.Code
	// Unknown says, beside an error, that a produce may have been written or may
	// yet be. Without it a produce that failed was not written. Never set for
	// reads.
	Unknown bool
	// Attempts counts the requests made; UnknownAttempts those of a produce that
	// may have written although they were not acknowledged.
	Attempts        int
	UnknownAttempts int
	// Node is the last node asked; zero if none was.
	Node env.NodeID
}

// call is one operation with its attempts.
//
//	begin -> attempt -> answered | silent -> again (a pause) -> attempt ...
//	                 -> finish
type call struct {
	client   *Client
	key      partitionKey
	anyNode  bool // metadata: any node will do
	writes   bool // a produce: its outcome can be unknown
	wait     time.Duration
	deadline time.Duration // on the monotonic clock
	turn     int           // whose turn it is when no leader is known
	place    int           // in client.live; -1 when ended
	serial   int           // of the attempt in flight; a mismatch is a late answer
	asked    bool          // an attempt is in flight, not a pause
	timer    env.Timer
	out      Outcome

	// ask makes an attempt that may take limit; it calls answer at most once.
	ask  func(node env.NodeID, limit time.Duration, answer func(reply))
	body any // the last answer in full
	done func()
}

// reply is what all answers have in common.
type reply struct {
	code    engine.Code
	unknown bool
	leader  env.NodeID
	epoch   int32
	err     error
	body    any
}

// attempt asks the node that seems best.
func (op *call) attempt() {
	if op.place < 0 {
		return // closed before its first attempt
	}
	c := op.client
	left := op.deadline - c.clock.Monotonic()
	if left <= 0 {
		op.finish(op.lastFailure())
		return
	}
	limit := min(c.cfg.AttemptTimeout+op.wait, left)
	op.serial++
	op.asked, op.body = true, nil
	op.out.Attempts++
	op.out.Node = op.pick()
	c.stats.Attempts++
	serial := op.serial
	op.timer = c.clock.AfterFunc(limit, op.silent)
	op.ask(op.out.Node, limit, func(r reply) {
		if op.serial != serial {
			return // a late answer of an attempt that was given up
		}
		op.abandon()
		op.answered(r)
	})
}

// pick chooses the leader if one is believed in, else the next node in turn.
func (op *call) pick() env.NodeID {
	nodes := op.client.cfg.Nodes
	if !op.anyNode {
		if node := op.client.leaders.of(op.key); node != 0 {
			return node
		}
	}
	node := nodes[op.turn]
	op.turn = (op.turn + 1) % len(nodes)
	if node == op.out.Node && len(nodes) > 1 {
		// It was asked just now, as the supposed leader.
		node = nodes[op.turn]
		op.turn = (op.turn + 1) % len(nodes)
	}
	return node
}

// abandon gives up the attempt in flight, if any: a later answer is ignored.
func (op *call) abandon() {
	op.serial++
	op.asked = false
	if op.timer != nil {
		op.timer.Stop()
		op.timer = nil
	}
}

// silent is the attempt's timeout.
func (op *call) silent() {
	op.abandon()
	op.client.stats.Timeouts++
	op.failed(reply{code: engine.RequestTimedOut, unknown: true}, true)
}

// close ends the operation as its timeout would.
func (op *call) close() {
	if op.asked && op.writes {
		op.out.UnknownAttempts++
	}
	op.abandon()
	op.finish(engine.RequestTimedOut)
}

// answered judges an answer of the node asked.
func (op *call) answered(r reply) {
	op.body = r.body
	switch {
	case r.err != nil:
		// ErrNotSent is as good as silence, save that nothing was written.
		r.code, r.unknown = engine.RequestTimedOut, !errors.Is(r.err, ErrNotSent)
		op.failed(r, true)
	case r.code == engine.None:
		op.led(r)
		op.finish(engine.None)
	default:
		r.unknown = r.unknown || r.code == engine.RequestTimedOut || r.code == engine.NotEnoughReplicasAfterAppend
		denied := denies(r.code)
		if !denied {
			op.led(r)
		}
		op.failed(r, denied)
	}
}

// denies tells whether a node with this answer does not lead the partition.
func denies(code engine.Code) bool {
	return code == engine.NotLeaderOrFollower || code == engine.LeaderNotAvailable ||
		code == engine.KafkaStorageError || code == engine.UnknownTopicOrPartition
}

// led notes that the node asked answered as the partition's leader.
func (op *call) led(r reply) {
	if !op.anyNode {
		op.client.leaders.serves(op.key, op.out.Node, r.epoch)
	}
}

// failed decides what follows a failed attempt.
func (op *call) failed(r reply, doubt bool) {
	c := op.client
	op.out.Err = r.code
	unknown := op.writes && r.unknown
	if unknown {
		op.out.UnknownAttempts++
	}
	redirected := false
	if doubt && !op.anyNode {
		c.leaders.doubts(op.key, op.out.Node)
		redirected = c.leaders.hint(op.key, r.leader, r.epoch) && r.leader != op.out.Node
	}
	switch {
	case unknown && !c.cfg.RetryUnknown, !unknown && !r.code.Retriable():
		op.finish(r.code)
	case c.cfg.Retries < 0, c.cfg.Retries > 0 && op.out.Attempts > c.cfg.Retries:
		op.finish(r.code)
	case redirected:
		c.stats.Redirects++
		op.attempt()
	default:
		op.again()
	}
}

// again pauses before the next attempt, or ends the operation if its deadline
// comes first.
func (op *call) again() {
	c := op.client
	pause := op.pause()
	if left := op.deadline - c.clock.Monotonic(); pause >= left {
		op.finish(op.lastFailure())
		return
	}
	op.timer = c.clock.AfterFunc(pause, op.attempt)
}

// pause is the back-off after the attempts made so far, drawn from the upper
// half of its range so that clients which failed together come back apart.
func (op *call) pause() time.Duration {
	cfg := &op.client.cfg
	full := cfg.Backoff
	for i := 1; i < op.out.Attempts && full < cfg.MaxBackoff; i++ {
		full *= 2
	}
	full = min(full, cfg.MaxBackoff)
	half := full / 2
	return half + time.Duration(op.client.entropy.Uint64()%uint64(full-half+1))
}

// lastFailure is what an operation answers whose time is up.
func (op *call) lastFailure() engine.Code {
	if op.out.Attempts == 0 {
		return engine.RequestTimedOut
	}
	return op.out.Err
}

// finish ends the operation; done runs when the loop is free.
func (op *call) finish(code engine.Code) {
	op.out.Err = code
	op.out.Unknown = code != engine.None && op.out.UnknownAttempts > 0
	if op.place >= 0 {
		op.client.end(op)
	}
	op.client.clock.Post(op.done)
}
