package wal

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Odd constants with about as many ones as zeros (digits of pi and e).
const (
	chainSeed = 0x243f6a8885a308d3
	chainWord = 0x13198a2e03707345
	chainTail = 0xb7e151628aed2a6b
)

// extendChain adds p to a running 64-bit digest, 16 bytes a step. Equal digests
// mean equal histories but for chance; it withstands no adversary.
func extendChain(h uint64, p []byte) uint64 {
	n := uint64(len(p))
	for ; len(p) >= 16; p = p[16:] {
		h = fold(binary.LittleEndian.Uint64(p)^chainWord^h, binary.LittleEndian.Uint64(p[8:])^chainTail, h)
	}
	var rest [16]byte
	copy(rest[:], p)
	h = fold(binary.LittleEndian.Uint64(rest[:])^chainWord^h, binary.LittleEndian.Uint64(rest[8:])^chainTail, h)
	return fold(n^chainSeed, h^chainTail, h)
}

// fold mixes two words into one. Adding h keeps history in the digest even
// where a factor is zero.
func fold(a, b, h uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return (hi ^ lo) + bits.RotateLeft64(h, 29)
}

// mixWords digests a few words.
func mixWords(words ...uint64) uint64 {
	h := uint64(chainSeed)
	for _, w := range words {
		h = fold(w^chainWord^h, chainTail^bits.RotateLeft64(w, 32), h)
	}
	return h
}
