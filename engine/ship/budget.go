package ship

import (
	"math/bits"
	"time"
)

// budget is a limit in bytes per second, as a schedule: each taker is told when
// its bytes are due, and those that come later are due later. Over any span of
// time no more than the rate and one taker's bytes are due.
type budget struct {
	rate int64         // bytes per second
	free time.Duration // when all that was given out is through
	rest int64         // of the last division, in bytes*ns below rate: nothing is lost
}

// take reserves n bytes, 0 <= n <= MaxChunkBytes, and gives the time at which
// they are due.
func (b *budget) take(now time.Duration, n int) time.Duration {
	if b.free < now {
		b.free, b.rest = now, 0
	}
	due := b.free
	high, low := bits.Mul64(uint64(n), uint64(time.Second))
	low, carry := bits.Add64(low, uint64(b.rest), 0)
	span, rest := bits.Div64(high+carry, low, uint64(b.rate))
	b.free += time.Duration(span)
	b.rest = int64(rest)
	return due
}
