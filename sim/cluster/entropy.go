package cluster

import (
	"crypto/rand"
	"encoding/binary"
	"io"

	"github.com/lockstep-log/lockstep/sim"
)

// entropy stands in for crypto/rand.Reader during a run: raft draws its
// election timeouts from it, with no other hook. The variable is the process',
// so there is one simulation at a time in a process.
type entropy struct {
	key   uint64
	drawn uint64
	aimed bool
}

// install replaces crypto/rand.Reader and returns what puts it back.
func (e *entropy) install() (restore func()) {
	before := rand.Reader
	if _, busy := before.(*entropy); busy {
		panic("cluster: a simulation runs already in this process")
	}
	rand.Reader = e
	return func() { rand.Reader = before }
}

// aim keys the reader for one turn of one process.
func (e *entropy) aim(key, turn uint64) {
	e.key, e.drawn, e.aimed = sim.Mix(key, turn), 0, true
}

// rest says that no process runs: a draw then would belong to nobody.
func (e *entropy) rest() { e.aimed = false }

// Read fills p. It never fails.
func (e *entropy) Read(p []byte) (int, error) {
	if !e.aimed {
		panic("cluster: randomness drawn outside of a node's loop")
	}
	n := len(p)
	for len(p) > 0 {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], sim.Mix(e.key, e.drawn))
		e.drawn++
		p = p[copy(p, word[:]):]
	}
	return n, nil
}

var _ io.Reader = (*entropy)(nil)
