package diskmodel

import (
	"fmt"
	"time"

	"github.com/lockstep-log/lockstep/sim"
)

// In the trace an operation is A: the disk's entity, B: the kind in the top byte
// (its highest bit: a fault made it fail) and the file's id below, C: the offset
// or, of a truncation, the size; the bytes are those written or read. Of a
// directory operation the id is zero, C is 1 if it failed, and the bytes are its
// name. Of a fault C is its place or its value, and the count is its length or,
// of rot, the bit.
const (
	traceKindShift = 56
	traceFailed    = 1 << 63
)

// Describe says in words what a recorded disk operation, or fault, was.
func Describe(e sim.Event) string {
	kind, id := opKind(e.B&^traceFailed>>traceKindShift), e.B&(1<<traceKindShift-1)
	failed := ""
	if e.B&traceFailed != 0 {
		failed = ", failed by a fault"
	}
	switch {
	case kind == opCrash:
		return fmt.Sprintf("disk %d: process crash", e.A)
	case kind == opPowerLoss:
		return fmt.Sprintf("disk %d: power loss, %s", e.A, LossMode(e.C))
	case kind > opPowerLoss:
		return fmt.Sprintf("disk %d: %s", e.A, describeFault(kind, id, e))
	case id == 0:
		return fmt.Sprintf("disk %d: %s of a name of %d bytes (digest %016x), failed=%d%s", e.A, kind, e.Bytes, e.Sum, e.C, failed)
	}
	return fmt.Sprintf("disk %d: %s of file #%d at %d, %d bytes (digest %016x)%s", e.A, kind, id, e.C, e.Bytes, e.Sum, failed)
}

func describeFault(kind opKind, id uint64, e sim.Event) string {
	switch kind {
	case opRot:
		return fmt.Sprintf("rot of file #%d at %d, bit %d", id, e.C, e.Bytes)
	case opFailReads:
		return fmt.Sprintf("file #%d unreadable at %d, %d bytes", id, e.C, e.Bytes)
	case opMisdirect:
		return fmt.Sprintf("the next write is to land %d bytes off", int64(e.C))
	case opStrayed:
		if e.C == 0 {
			return fmt.Sprintf("that write of file #%d is lost", id)
		}
		return fmt.Sprintf("that write of file #%d lands %d bytes off", id, int64(e.C))
	case opForgetWrites:
		return fmt.Sprintf("%d orders for writes forgotten", e.C)
	case opLoseEntry:
		return fmt.Sprintf("the name of file #%d is lost", id)
	case opFailSyncs:
		return fmt.Sprintf("the next %d syncs are to fail", e.C)
	case opSlow:
		return fmt.Sprintf("slow by %v", time.Duration(e.C))
	case opStall:
		return fmt.Sprintf("stalled until %v", time.Duration(e.C))
	case opThrottle:
		return fmt.Sprintf("throttled to %d bytes per second", e.C)
	case opFull, opSyncErrors:
		return fmt.Sprintf("%s: %v", kind, e.C == 1)
	default: // its name says it
		return kind.String()
	}
}

func (op *operation) recordEntry() {
	failed := uint64(0)
	if op.err != nil {
		failed = 1
	}
	sum := sim.Mix(sim.Sum([]byte(op.name)), sim.Sum([]byte(op.to)))
	b := uint64(op.kind) << traceKindShift
	if op.injected {
		b |= traceFailed
	}
	op.disk.kernel.RecordSum(sim.KindDisk, op.disk.entity, b, failed, len(op.name)+len(op.to), sum)
}
