package memstate

import (
	"bytes"
	"fmt"
	"hash/crc32"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// fetchBytes is how much of a state is asked of a source at once.
const fetchBytes = 256 << 10

// Restore implements machine.StateMachine. The state is fetched, verified and
// loaded before the rename of a new record, the one step that makes it the
// machine's.
//
// A snapshot that is older than the state, contradicts itself, cannot be fetched
// intact, does not load or finds no room is refused (ErrSnapshot, the source's
// error, or env.ErrNoSpace): the state is unchanged. A failing disk of our own is
// fatal as always.
func (m *Machine[S]) Restore(man machine.Manifest, from machine.Source, done func(machine.Checkpoint, error)) {
	m.begin("Restore")
	m.put("memstate restore", func(t *env.Task) (refused, failed error) {
		r, err := m.fetch(t, man, from)
		if err != nil {
			return err, nil
		}
		state, err := m.load(r)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrSnapshot, err), nil
		}
		if refused, failed := m.commit(t, r); refused != nil || failed != nil {
			return refused, failed
		}
		m.become(state, r)
		return nil, nil
	}, done)
}

// admit checks that a manifest is one of ours, and no older than the state.
func (m *Machine[S]) admit(man machine.Manifest) (machine.FileInfo, error) {
	c := man.Checkpoint
	switch {
	case !bytes.Equal(man.Body, encodeBody()):
		return machine.FileInfo{}, fmt.Errorf("%w: body %x, this program knows %x", ErrSnapshot, man.Body, encodeBody())
	case len(man.Files) != 1 || man.Files[0].Name != fileName(c.Index) || man.Files[0].Bytes < 0:
		return machine.FileInfo{}, fmt.Errorf("%w: files %v, want one that is %s", ErrSnapshot, man.Files, fileName(c.Index))
	case c.Index < m.index:
		return machine.FileInfo{}, fmt.Errorf("%w: it is at index %d, the state at %d", ErrSnapshot, c.Index, m.index)
	}
	return man.Files[0], nil
}

// fetch brings a snapshot's state here, as a record.
func (m *Machine[S]) fetch(t *env.Task, man machine.Manifest, from machine.Source) (*record, error) {
	info, err := m.admit(man)
	if err != nil {
		return nil, err
	}
	c := man.Checkpoint
	p := beginRecord(c.Meta, 0) // grown by what comes: the length is the sender's word
	for off := int64(0); off < info.Bytes; off += fetchBytes {
		n := int(min(info.Bytes-off, fetchBytes))
		piece, err := readSource(t, from, info.Name, off, n)
		if err != nil {
			return nil, err
		}
		p = append(p, piece...)
	}
	if sum := crc32.Checksum(p[headerBytes+len(c.Meta):], castagnoli); sum != info.Sum {
		return nil, fmt.Errorf("%w: %s has sum %08x, want %08x", ErrSnapshot, info.Name, sum, info.Sum)
	}
	return sealRecord(p, header{id: m.store.nextID(), index: c.Index, term: c.Term, installed: true}, len(c.Meta)), nil
}

// readSource reads n bytes of a source's file.
func readSource(t *env.Task, from machine.Source, file string, off int64, n int) (p []byte, err error) {
	t.Await(func(done func()) {
		from.ReadAt(file, off, n, func(got []byte, e error) { p, err = got, e; done() })
	})
	if err == nil && len(p) != n {
		err = fmt.Errorf("%w: %d bytes of %s at %d, asked for %d", ErrSnapshot, len(p), file, off, n)
	}
	return p, err
}
