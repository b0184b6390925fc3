package journal

import (
	"encoding/binary"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// place is where bytes stand: a file in one of its uses, and an offset. It is
// the seed of every checksum, so that neither what an earlier use of the file
// left behind nor a write that went astray passes for what belongs there.
type place struct {
	incarnation uint64
	offset      int64
}

func (p place) sum(b []byte) uint32 {
	var seed [16]byte
	binary.LittleEndian.PutUint64(seed[0:], p.incarnation)
	binary.LittleEndian.PutUint64(seed[8:], uint64(p.offset))
	return crc32.Update(crc32.Update(0, castagnoli, seed[:]), castagnoli, b)
}

// plus is the place n bytes further on.
func (p place) plus(n int) place {
	p.offset += int64(n)
	return p
}

// dataSum is the checksum of an entry's data as events carry it.
func dataSum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
