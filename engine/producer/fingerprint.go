package producer

import "math/bits"

// Odd constants with about as many ones as zeros (digits of pi and e).
const (
	digestSeed = 0x243f6a8885a308d3
	digestWord = 0x13198a2e03707345
	digestTail = 0xb7e151628aed2a6b
)

// Fingerprint digests the table, without its settings. Equal tables have equal
// ones; it withstands no adversary. It reads all of the table, and sorts nothing:
// the digests of the producers are added.
func (t *Table) Fingerprint() uint64 {
	sum := mix(digestSeed, uint64(t.timeMs), uint64(len(t.places)))
	for at := t.order.oldest; at != nowhere; at = t.entries[at].newer {
		sum += t.entries[at].digest()
	}
	return sum
}

// digest mixes all that is known of a producer.
func (e *entry) digest() uint64 {
	h := mix(digestSeed, uint64(e.id), uint64(e.timeMs))
	h = mix(h, uint64(e.window.epoch), uint64(e.window.count))
	for _, s := range e.window.batches[:e.window.count] {
		h = mix(h, uint64(s.first)<<32|uint64(s.last), uint64(s.base))
	}
	return h
}

// mix folds two words into a running digest. Adding h keeps it in the result even
// where a factor is zero.
func mix(h, a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^digestWord^h, b^digestTail^bits.RotateLeft64(h, 32))
	return (hi ^ lo) + bits.RotateLeft64(h, 29)
}
