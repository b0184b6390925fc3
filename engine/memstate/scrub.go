package memstate

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/lockstep-log/lockstep/engine/env"
)

// scrubBytes is how much is read at once.
const scrubBytes = 256 << 10

// Scrub reads both records of the durable checkpoint, compares them with memory
// and writes a bad one again. pace is called before each read with its bytes, and
// may wait. The error is that of a disk that could not be written, env.ErrNoSpace
// or ErrStopped; damage is none.
func (m *Machine[S]) Scrub(t *env.Task, pace func(t *env.Task, bytes int64)) error {
	s := &m.store
	if !m.opened || s.dead {
		return ErrStopped
	}
	m.shipped.drop(m.now())
	r := s.durable
	for _, name := range recordNames(r.id) {
		good := s.holds(t, name, r.whole, pace)
		if s.dead {
			return ErrStopped
		}
		if good {
			continue
		}
		full, failed := s.alone(t, func(t *env.Task) (full, failed error) { return s.rewrite(t, r, name) })
		if failed != nil && !s.dead {
			s.failed(failed)
		}
		if err := errors.Join(full, failed); err != nil {
			return fmt.Errorf("memstate: scrub of %s: %w", s.path(name), err)
		}
	}
	return nil
}

// holds tells whether a file has exactly these bytes. What fails is tried once
// more.
func (s *store) holds(t *env.Task, name string, want []byte, pace func(*env.Task, int64)) bool {
	f, err := s.openFile(t, s.path(name), env.OpenExisting)
	if err != nil {
		return false
	}
	defer f.Close()
	if size, err := t.Size(f); err != nil || size != int64(len(want)) {
		return false
	}
	p := make([]byte, min(len(want), scrubBytes))
	for off := 0; off < len(want); off += len(p) {
		piece := p[:min(len(p), len(want)-off)]
		pace(t, int64(len(piece)))
		n, err := t.ReadAt(f, piece, int64(off))
		if err != nil && !errors.Is(err, io.EOF) {
			n, _ = t.ReadAt(f, piece, int64(off))
		}
		if !bytes.Equal(piece[:n], want[off:][:len(piece)]) {
			return false
		}
	}
	return true
}

// rewrite puts the durable record in the place of a bad one of its two files; the
// other one is whole meanwhile, or this process is all there is.
func (s *store) rewrite(t *env.Task, r *record, name string) (full, failed error) {
	if s.durable != r {
		return nil, nil // another checkpoint took its place meanwhile
	}
	full, failed = s.write(t, name+unfinishedSuffix, r.whole)
	switch {
	case failed != nil:
		return nil, failed
	case full != nil:
		return full, s.remove(t, name+unfinishedSuffix)
	}
	if err := s.rename(t, name+unfinishedSuffix, name); err != nil {
		return nil, err
	}
	if err := s.syncDir(t); err != nil {
		return nil, err
	}
	s.repaired(name)
	return nil, nil
}
