package sim

import (
	"encoding/binary"
	"math/bits"
)

// Odd constants with about as many ones as zeros: the fractions of the square
// roots of the first primes.
const (
	mixA = 0x6a09e667f3bcc909
	mixB = 0xbb67ae8584caa73b
	mixC = 0x3c6ef372fe94f82b
	mixD = 0xa54ff53a5f1d36f1
	mixE = 0x510e527fade682d1
)

// Mix is the keyed hash that all randomness of a run is drawn from: 64 bits
// that depend on every part and on their order.
func Mix(parts ...uint64) uint64 {
	h := uint64(mixA) + uint64(len(parts))
	for _, p := range parts {
		h = fold(h^p, mixB) + mixC
	}
	return finish(h)
}

// Sum digests bytes to 64 bits, eight bytes a step.
func Sum(p []byte) uint64 {
	h := uint64(mixA) ^ uint64(len(p))*mixE
	if len(p) >= 64 {
		b, c, d := h+mixB, h+mixC, h+mixD
		for len(p) >= 32 {
			h = fold(h^binary.LittleEndian.Uint64(p), mixB)
			b = fold(b^binary.LittleEndian.Uint64(p[8:]), mixC)
			c = fold(c^binary.LittleEndian.Uint64(p[16:]), mixD)
			d = fold(d^binary.LittleEndian.Uint64(p[24:]), mixE)
			p = p[32:]
		}
		h = fold(h^bits.RotateLeft64(b, 17), mixC) ^ fold(bits.RotateLeft64(c, 31)^d, mixD)
	}
	for len(p) >= 8 {
		h = fold(h^binary.LittleEndian.Uint64(p), mixB) + mixA
		p = p[8:]
	}
	if len(p) > 0 {
		var last [8]byte
		copy(last[:], p)
		h = fold(h^binary.LittleEndian.Uint64(last[:]), mixC) + mixA
	}
	return finish(h)
}

// fold multiplies to 128 bits and adds both halves, so that every bit of a
// reaches every bit of the result.
func fold(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low ^ a
}

// finish spreads the last word that came in.
func finish(h uint64) uint64 {
	h ^= h >> 32
	h *= mixD
	h ^= h >> 29
	h *= mixE
	return h ^ h>>32
}
