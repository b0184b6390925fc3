package sim

import (
	"math/bits"
	"time"
)

// Rand is one stream of random numbers: H(seed, component, entity, counter).
// Streams are independent; two with equal keys are the same stream.
type Rand struct {
	key     uint64
	counter uint64
}

// Rand is the stream of one entity (a node, a link) in one component. Asking
// twice gives two streams of equal numbers: keep what you got.
func (k *Kernel) Rand(component string, entity uint64) *Rand {
	return NewRand(k.seed, component, entity)
}

// NewRand is the same stream without a kernel, for whoever draws a schedule
// before the run begins.
func NewRand(seed uint64, component string, entity uint64) *Rand {
	return &Rand{key: Mix(seed, Sum([]byte(component)), entity)}
}

// Uint64 draws 64 uniformly distributed bits.
func (r *Rand) Uint64() uint64 {
	r.counter++
	return finish(fold(r.key+r.counter*mixA, mixB))
}

// Key gives 64 bits that depend on the stream's key and on parts alone, and
// draws nothing: for a decision that must not move when others come and go.
func (r *Rand) Key(parts ...uint64) uint64 {
	return Mix(r.key, Mix(parts...))
}

// Below draws from [0, n). n must not be zero. The bias is at most n/2^64.
func (r *Rand) Below(n uint64) uint64 {
	if n == 0 {
		panic("sim: Rand.Below(0)")
	}
	high, _ := bits.Mul64(r.Uint64(), n)
	return high
}

// Between draws from [lo, hi], both included.
func (r *Rand) Between(lo, hi int64) int64 {
	if lo > hi {
		panic("sim: Rand.Between with lo above hi")
	}
	span := uint64(hi) - uint64(lo) + 1
	if span == 0 {
		return int64(r.Uint64())
	}
	return int64(uint64(lo) + r.Below(span))
}

// Duration draws from [lo, hi], both included.
func (r *Rand) Duration(lo, hi time.Duration) time.Duration {
	return time.Duration(r.Between(int64(lo), int64(hi)))
}

// Chance is true num times in den. A num of zero draws nothing and is false; a
// num of den or more is always true.
func (r *Rand) Chance(num, den uint64) bool {
	return num > 0 && r.Below(den) < num
}

// PPM is Chance in parts per million, the unit of all fault knobs.
func (r *Rand) PPM(partsPerMillion uint64) bool { return r.Chance(partsPerMillion, 1_000_000) }

// Pick draws an index of something that has n elements.
func (r *Rand) Pick(n int) int {
	if n <= 0 {
		panic("sim: Rand.Pick from nothing")
	}
	return int(r.Below(uint64(n)))
}

// Shuffle puts n elements in random order by swaps.
func (r *Rand) Shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, r.Pick(i+1))
	}
}

// tailSixteenths are quantiles of a heavy tail in sixteenths of its least
// value: the k-th is exceeded once in 2^k. They grow as 2^(k*2/3), a Pareto
// distribution of index 1.5, and end at about 100 times the least.
var tailSixteenths = [...]uint64{16, 25, 40, 64, 102, 161, 256, 406, 645, 1024, 1625}

// Tail draws from a heavy tail that begins at base: half of the draws lie below
// 1.6 times base, one in 64 above 16 times, none above 102 times. The mean is
// about 2.5 times base.
func (r *Rand) Tail(base time.Duration) time.Duration {
	if base <= 0 {
		return 0
	}
	word := r.Uint64()
	k := min(bits.TrailingZeros64(word), len(tailSixteenths)-2)
	lo, hi := tailSixteenths[k], tailSixteenths[k+1]
	within, _ := bits.Mul64(finish(word), (hi-lo)*256)
	scaled := lo*256 + within
	high, low := bits.Mul64(uint64(base), scaled)
	if high >= 1<<11 {
		return 1<<63 - 1
	}
	return time.Duration(high<<52 | low>>12)
}
