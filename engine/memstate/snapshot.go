package memstate

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// Body of a snapshot's manifest; see the package comment.
const (
	bodyMagic   = 0x4d534d4c // "LMSM"
	bodyVersion = 1
	bodyBytes   = 8
)

func encodeBody() []byte {
	p := binary.LittleEndian.AppendUint32(nil, bodyMagic)
	return binary.LittleEndian.AppendUint32(p, bodyVersion)
}

// fileName is that of a state in a manifest: who is at the same index has the same.
func fileName(index uint64) string { return fmt.Sprintf("at-%016x", index) }

// Snapshot implements machine.StateMachine: it describes the newest durable
// checkpoint, whose state is one file. The machine itself is the Source of it.
func (m *Machine[S]) Snapshot() (machine.Manifest, error) {
	if m.store.dead || !m.opened {
		return machine.Manifest{}, ErrStopped
	}
	r := m.store.durable
	m.shipped.used(r, m.now())
	public := r.public()
	public.Installed = false
	return machine.Manifest{
		Checkpoint: public, Body: encodeBody(),
		Files: []machine.FileInfo{{Name: fileName(r.index), Bytes: int64(len(r.state())), Sum: r.stateSum}},
	}, nil
}

// ReadAt implements machine.Source for the state of the durable checkpoint, and for
// those before it that are still being fetched. Anything else is env.ErrNotExist.
func (m *Machine[S]) ReadAt(file string, off int64, n int, done func([]byte, error)) {
	p, err := m.piece(file, off, n)
	m.store.env.Clock.Post(func() {
		if !m.store.dead {
			done(p, err)
		}
	})
}

func (m *Machine[S]) piece(file string, off int64, n int) ([]byte, error) {
	if m.store.dead || !m.opened {
		return nil, ErrStopped
	}
	r := m.shipped.find(file)
	if r == nil && file == fileName(m.store.durable.index) {
		r = m.store.durable
	}
	if r == nil {
		return nil, fmt.Errorf("%w: no state %q; the newest one is %q", env.ErrNotExist, file, fileName(m.store.durable.index))
	}
	state := r.state()
	if off < 0 || n < 0 || off > int64(len(state)-n) {
		return nil, fmt.Errorf("%w: bytes %d to %d of %s, which has %d", env.ErrNotExist, off, off+int64(n), file, len(state))
	}
	m.shipped.used(r, m.now())
	return bytes.Clone(state[off:][:n]), nil
}

const (
	shippedFor  = 30 * time.Second // a state that nobody read for so long is not kept
	mostShipped = 2                // beside the newest
)

// shipped are the states that others are fetching.
type shipped struct {
	newest time.Duration // when the durable one was last described or read
	any    bool          // it was
	older  []shipment    // the least recently used first
}

// shipment is a state that a newer checkpoint has replaced.
type shipment struct {
	*record
	used time.Duration
}

// find looks for a replaced state by its name in a manifest.
func (s *shipped) find(file string) *record {
	for _, o := range s.older {
		if fileName(o.index) == file {
			return o.record
		}
	}
	return nil
}

// used notes that a state was described or read.
func (s *shipped) used(r *record, now time.Duration) {
	i := slices.IndexFunc(s.older, func(o shipment) bool { return o.record == r })
	if i < 0 {
		s.newest, s.any = now, true
	} else {
		s.older = append(slices.Delete(s.older, i, i+1), shipment{record: r, used: now})
	}
	s.drop(now)
}

// replaced keeps the durable state for a while, if it is in use, because another
// takes its place.
func (s *shipped) replaced(r *record, now time.Duration) {
	s.drop(now)
	if s.any && now-s.newest < shippedFor {
		s.older = append(s.older, shipment{record: r, used: s.newest})
		slices.SortStableFunc(s.older, func(a, b shipment) int { return int(max(-1, min(1, a.used-b.used))) })
		s.older = slices.Delete(s.older, 0, max(0, len(s.older)-mostShipped))
	}
	s.any = false
}

// drop forgets what nobody reads any more.
func (s *shipped) drop(now time.Duration) {
	s.older = slices.DeleteFunc(s.older, func(o shipment) bool { return now-o.used >= shippedFor })
}
