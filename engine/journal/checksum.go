package journal

import "hash/crc32"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// place is where bytes stand: a file in one of its uses, and an offset. It is
// the seed of every checksum, so that neither what an earlier use of the file
// left behind nor a write that went astray passes for what belongs there.
type place struct {
	incarnation uint64
	offset      int64
}

// sum is the CRC32C of b, started not from nothing but from the place: the same
// bytes under two different seeds never have the same sum.
func (p place) sum(b []byte) uint32 {
	seed := scramble(p.incarnation ^ scramble(uint64(p.offset)))
	return crc32.Update(uint32(seed>>32), castagnoli, b)
}

// scramble is a bijection whose every output bit depends on every input bit
// (the finalizer of splitmix64).
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// plus is the place n bytes further on.
func (p place) plus(n int) place {
	p.offset += int64(n)
	return p
}

// dataSum is the checksum of an entry's data as events carry it.
func dataSum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
