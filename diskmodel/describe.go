package diskmodel

import (
	"fmt"

	"github.com/lockstep-log/lockstep/sim"
)

// In the trace an operation is A: the disk's entity, B: the kind in the top byte
// and the file's id below, C: the offset or, of a truncation, the size; the bytes
// are those written or read. Of a directory operation the id is zero, C is 1 if
// it failed, and the bytes are its name.
const (
	traceKindShift = 56
	traceFailed    = 1 << 63
)

// Describe says in words what a recorded disk operation was.
func Describe(e sim.Event) string {
	kind, id := opKind(e.B>>traceKindShift), e.B&(1<<traceKindShift-1)
	switch {
	case kind == opCrash:
		return fmt.Sprintf("disk %d: process crash", e.A)
	case kind == opPowerLoss:
		return fmt.Sprintf("disk %d: power loss, %s", e.A, LossMode(e.C))
	case id == 0:
		return fmt.Sprintf("disk %d: %s of a name of %d bytes (digest %016x), failed=%d", e.A, kind, e.Bytes, e.Sum, e.C)
	}
	return fmt.Sprintf("disk %d: %s of file #%d at %d, %d bytes (digest %016x)", e.A, kind, id, e.C, e.Bytes, e.Sum)
}

func (op *operation) recordEntry() {
	failed := uint64(0)
	if op.err != nil {
		failed = 1
	}
	sum := sim.Mix(sim.Sum([]byte(op.name)), sim.Sum([]byte(op.to)))
	op.disk.kernel.RecordSum(sim.KindDisk, op.disk.entity, uint64(op.kind)<<traceKindShift, failed, len(op.name)+len(op.to), sum)
}
