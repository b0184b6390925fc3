package explore

import (
	"fmt"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/netmodel"
	"github.com/lockstep-log/lockstep/sim"
)

// Describe says in words what a recorded event was.
func Describe(e sim.Event) string {
	return fmt.Sprintf("#%d at %v  %s", e.Seq, span(e.At), describeWhat(e))
}

// describeWhat knows, beside the models' events, those that sim/cluster records.
func describeWhat(e sim.Event) string {
	switch e.Kind {
	case sim.KindMessage:
		return netmodel.Describe(e)
	case sim.KindDisk:
		return diskmodel.Describe(e)
	case sim.KindTrace:
		return fmt.Sprintf("node %d: %v, group %d, term %d (digest %016x)", e.A>>8, checker.EventKind(e.A), e.B, e.C, e.Sum)
	case sim.KindClient:
		return fmt.Sprintf("client %d: operation %d ended, offset %d, code %d, attempt %d at node %d (digest %016x)",
			e.A>>32, e.A&0xffffffff, int64(e.B), int16(e.C>>32), e.C>>16&0xffff, e.C&0xffff, e.Sum)
	default:
		return fmt.Sprintf("%v: %d, %d, %d, %d bytes (digest %016x)", e.Kind, e.A, e.B, e.C, e.Bytes, e.Sum)
	}
}
