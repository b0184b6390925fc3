package sim

import (
	"math/bits"
	"slices"
	"strconv"
	"testing"
	"time"
)

// run is a small synthetic simulation: consumers that wait, draw and record.
func run(seed uint64, consumers []uint64, damage func(p []byte)) (hash uint64, drawn map[uint64][]uint64) {
	k := New(seed)
	drawn = map[uint64][]uint64{}
	for _, id := range consumers {
		r := k.Rand("consumer", id)
		var step func()
		step = func() {
			v := r.Uint64()
			drawn[id] = append(drawn[id], v)
			p := []byte{byte(id), byte(v), byte(v >> 8), 0, 0, 0, 0, 0, 0, 0, 1}
			if damage != nil {
				damage(p)
			}
			k.Record(KindMessage, id, r.Below(10), uint64(r.Tail(time.Millisecond)), p)
			if len(drawn[id]) < 200 {
				k.After(r.Duration(0, time.Millisecond), step)
			}
		}
		k.At(0, step)
	}
	k.Run(1e9)
	return k.Hash(), drawn
}

// The golden hash changes only when what a run consists of changes, and then in
// a commit of its own.
func TestGoldenHash(t *testing.T) {
	const golden = 0x063a7fc263f75e18
	hash, _ := run(42, []uint64{1, 2, 3}, nil)
	if hash != golden {
		t.Errorf("hash %#016x, not %#016x", hash, uint64(golden))
	}
	if again, _ := run(42, []uint64{1, 2, 3}, nil); again != hash {
		t.Errorf("the same run again gives %#x, not %#x", again, hash)
	}
}

func TestSeedsGiveDifferentHashes(t *testing.T) {
	seen := map[uint64]uint64{}
	for seed := range uint64(1000) {
		hash, _ := run(seed, []uint64{1}, nil)
		if other, dup := seen[hash]; dup {
			t.Fatalf("seeds %d and %d have the hash %#x", seed, other, hash)
		}
		seen[hash] = seed
	}
}

func TestOneFlippedBitChangesTheHash(t *testing.T) {
	clean, _ := run(42, []uint64{1, 2, 3}, nil)
	for _, at := range []int{0, 299, 599} {
		for bit := range 11 * 8 {
			n := 0
			hash, _ := run(42, []uint64{1, 2, 3}, func(p []byte) {
				if n == at {
					p[bit/8] ^= 1 << (bit % 8)
				}
				n++
			})
			if hash == clean {
				t.Fatalf("bit %d of record %d does not reach the hash", bit, at)
			}
		}
	}
}

func TestStreamsAreIndependent(t *testing.T) {
	_, all := run(7, []uint64{1, 2, 3}, nil)
	_, without := run(7, []uint64{1, 3}, nil)
	for _, id := range []uint64{1, 3} {
		if !slices.Equal(all[id], without[id]) {
			t.Errorf("consumer %d draws other numbers once consumer 2 is gone", id)
		}
	}
	if slices.Equal(all[1], all[3]) {
		t.Error("two entities draw the same numbers")
	}
	a, b := New(7).Rand("disk", 1), New(7).Rand("net", 1)
	if a.Uint64() == b.Uint64() {
		t.Error("two components draw the same number")
	}
	before := *a
	if a.Key(1, 2) == a.Key(2, 1) || a.Key(1) == b.Key(1) || *a != before {
		t.Error("Key depends on its parts and its stream, and draws nothing")
	}
}

// TestMixSpreads checks that each input bit flips about half of the output.
func TestMixSpreads(t *testing.T) {
	for name, f := range map[string]func(a, b uint64) uint64{
		"mix": func(a, b uint64) uint64 { return Mix(a, b) },
		"draw": func(a, b uint64) uint64 {
			r := Rand{key: a, counter: b}
			return r.Uint64()
		},
	} {
		for bit := range 128 {
			flips := 0
			const runs = 256
			for i := range uint64(runs) {
				a, b := i*0x9e3779b97f4a7c15, i
				x := f(a, b)
				if bit < 64 {
					a ^= 1 << bit
				} else {
					b ^= 1 << (bit - 64)
				}
				flips += bits.OnesCount64(x ^ f(a, b))
			}
			if mean := flips / runs; mean < 28 || mean > 36 {
				t.Errorf("%s: input bit %d flips %d of 64 output bits", name, bit, mean)
			}
		}
	}
}

func TestSumSeesEveryBitAndLength(t *testing.T) {
	seen := map[uint64]string{}
	note := func(sum uint64, what string) {
		if other, dup := seen[sum]; dup {
			t.Fatalf("%s and %s have the same sum", what, other)
		}
		seen[sum] = what
	}
	for size := range 200 {
		p := make([]byte, size)
		note(Sum(p), "zeros")
		for i := range p {
			for bit := range 8 {
				p[i] ^= 1 << bit
				note(Sum(p), "one bit")
				p[i] ^= 1 << bit
			}
		}
	}
}

func TestRandRanges(t *testing.T) {
	r := NewRand(1, "ranges", 1)
	var counts [10]int
	for range 10_000 {
		counts[r.Below(10)]++
	}
	for v, n := range counts {
		if n < 850 || n > 1150 {
			t.Errorf("%d came %d times in 10,000 of ten values", v, n)
		}
	}
	for range 1000 {
		if v := r.Between(-3, 3); v < -3 || v > 3 {
			t.Fatalf("Between(-3, 3) gave %d", v)
		}
		if v := r.Between(-1<<63, 1<<63-1); v == 0 {
			t.Fatal("the whole range gave zero")
		}
	}
	if r.Chance(0, 5) || !r.Chance(5, 5) || r.PPM(0) || !r.PPM(1_000_000) {
		t.Error("certain chances are not certain")
	}
	if before := *r; r.Chance(0, 5) || *r != before {
		t.Error("no chance drew a number")
	}
	hits := 0
	for range 100_000 {
		if r.PPM(10_000) {
			hits++
		}
	}
	if hits < 900 || hits > 1100 {
		t.Errorf("1%% came true %d times in 100,000", hits)
	}
}

func TestShuffleGivesEveryOrder(t *testing.T) {
	r := NewRand(1, "shuffle", 1)
	seen := map[[4]int]int{}
	for range 2400 {
		p := [4]int{0, 1, 2, 3}
		r.Shuffle(4, func(i, j int) { p[i], p[j] = p[j], p[i] })
		seen[p]++
	}
	for p, n := range seen {
		if n < 50 || n > 150 {
			t.Errorf("order %d came %d times in 2,400", p, n)
		}
	}
	if len(seen) != 24 {
		t.Errorf("%d of 24 orders came", len(seen))
	}
}

func TestTail(t *testing.T) {
	r := NewRand(1, "tail", 1)
	const n = 100_000
	draws := make([]time.Duration, n)
	var sum time.Duration
	for i := range draws {
		draws[i] = r.Tail(time.Millisecond)
		sum += draws[i]
	}
	slices.Sort(draws)
	if draws[0] < time.Millisecond || draws[n-1] > 102*time.Millisecond || draws[n-1] < 60*time.Millisecond {
		t.Errorf("the tail goes from %v to %v", draws[0], draws[n-1])
	}
	if p50 := draws[n/2]; p50 < 1500*time.Microsecond || p50 > 1700*time.Microsecond {
		t.Errorf("median %v", p50)
	}
	if p98 := draws[n-n/64]; p98 < 14*time.Millisecond || p98 > 18*time.Millisecond {
		t.Errorf("one in 64 lies above %v", p98)
	}
	if mean := sum / n; mean < 2300*time.Microsecond || mean > 2900*time.Microsecond {
		t.Errorf("mean %v", mean)
	}
	if r.Tail(0) != 0 || r.Tail(1<<62) <= 0 {
		t.Error("the ends of the range")
	}
}

func BenchmarkSum(b *testing.B) {
	for _, size := range []int{32, 256, 4096, 65536} {
		p := make([]byte, size)
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				Sum(p)
			}
		})
	}
}

func BenchmarkRecord(b *testing.B) {
	k := New(1)
	p := make([]byte, 200)
	b.ReportAllocs()
	for b.Loop() {
		k.Record(KindMessage, 1, 2, 3, p)
	}
}

func BenchmarkRand(b *testing.B) {
	r := NewRand(1, "bench", 1)
	for b.Loop() {
		r.Uint64()
	}
}
