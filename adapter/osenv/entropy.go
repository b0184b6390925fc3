package osenv

import (
	"crypto/rand"
	"encoding/binary"
)

// Entropy is the operating system's random source. It implements env.Entropy.
type Entropy struct{}

// Uint64 implements env.Entropy. It never fails: without a random source the
// process ends (crypto/rand).
func (Entropy) Uint64() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // documented never to return an error
	return binary.LittleEndian.Uint64(b[:])
}
