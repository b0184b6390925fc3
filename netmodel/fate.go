package netmodel

import (
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// Fate is what the network did to a frame; it is in the trace.
type Fate uint8

// The fates of a frame. Of those that arrive, one is noted: the rarest. From
// Queued on they are noted when they happen, beside what Send noted.
const (
	Arrives Fate = iota
	Reordered
	Duplicated
	Corrupted
	Lost
	CutOff
	Unreachable
	Queued    // for bandwidth; its fate follows when it leaves
	QueueFull // did not fit the queue, or made room in it
	WasReset  // lost with its connection
	Held      // by a clog
	Abandoned // in the queue of a process that died
	fates
)

// String names the fate.
func (f Fate) String() string {
	if f >= fates {
		return "fate?"
	}
	return [...]string{
		"arrives", "reordered", "duplicated", "corrupted", "lost", "cut off", "unreachable",
		"queued", "queue full", "reset", "held", "abandoned",
	}[f]
}

// In the trace a message is A: from, B: to, C: the lane in the low byte, the
// fate in the next, the nanoseconds to its arrival above; the bytes are its own.
func traceWord(lane env.Lane, fate Fate, delay sim.Time) uint64 {
	return uint64(lane) | uint64(fate)<<8 | uint64(delay)<<16
}

// Describe says in words what a recorded message was.
func Describe(e sim.Event) string {
	lane, fate, delay := env.Lane(e.C), Fate(e.C>>8), e.C>>16
	return fmt.Sprintf("%s to %s, lane %s: %d bytes (digest %016x), %s after %d ns", Addr(e.A), Addr(e.B), lane, e.Bytes, e.Sum, fate, delay)
}

// String is "node 1" or "client 0".
func (a Addr) String() string {
	if a >= ClientBase {
		return fmt.Sprintf("client %d", uint64(a-ClientBase))
	}
	return fmt.Sprintf("node %d", uint64(a))
}
