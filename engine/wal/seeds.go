package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// A log that lost both records of its checkpoint begins again at index 0, under
// an id of the replica that is new to its group. The segments are still there
// and most of them whole. They stay as seeds: files that nothing names and
// nothing trusts, and that need not be fetched where a snapshot names their equals.

// seed is a file of segments that no checkpoint names.
type seed struct {
	extent
	file     *handle
	verified bool // Sum is that of its bytes
}

// Format of the seeds file; see the package comment.
const (
	seedsName        = "seeds"
	seedsMagic       = 0x4453574c // "LWSD"
	seedsVersion     = 1
	seedsHeaderBytes = 16
	seedBytes        = 24
)

func encodeSeeds(seeds []seed) []byte {
	p := make([]byte, 0, seedsHeaderBytes+len(seeds)*seedBytes)
	p = binary.LittleEndian.AppendUint32(p, seedsMagic)
	p = binary.LittleEndian.AppendUint32(p, seedsVersion)
	p = binary.LittleEndian.AppendUint32(p, uint32(len(seeds)))
	p = binary.LittleEndian.AppendUint32(p, 0)
	for _, s := range seeds {
		p = binary.LittleEndian.AppendUint64(p, uint64(s.Base))
		p = binary.LittleEndian.AppendUint64(p, uint64(s.Bytes))
		p = binary.LittleEndian.AppendUint32(p, s.Generation)
		p = binary.LittleEndian.AppendUint32(p, 0)
	}
	binary.LittleEndian.PutUint32(p[12:], sumAround(p, 12))
	return p
}

func parseSeeds(p []byte) ([]seed, error) {
	if len(p) < seedsHeaderBytes || (len(p)-seedsHeaderBytes)%seedBytes != 0 {
		return nil, fmt.Errorf("%w: seeds of %d bytes", ErrDamaged, len(p))
	}
	var seeds []seed
	for at := seedsHeaderBytes; at < len(p); at += seedBytes {
		seeds = append(seeds, seed{extent: extent{
			Base:       int64(binary.LittleEndian.Uint64(p[at:])),
			Bytes:      int64(binary.LittleEndian.Uint64(p[at+8:])),
			Generation: binary.LittleEndian.Uint32(p[at+16:]),
		}})
	}
	if string(encodeSeeds(seeds)) != string(p) {
		return nil, fmt.Errorf("%w: seeds do not match their checksum", ErrDamaged)
	}
	return seeds, nil
}

// Reformat begins a log anew whose checkpoint is lost: a durable one at index 0
// with meta, the genesis settings, and an id above that of any record there is
// and above above. Segments stay as seeds. It is ErrFormatted where a record of
// the newest checkpoint is good, unless Open has just given a DamageError: nobody
// may be left who has the bad segments.
//
// Only a replica whose id is void may do this: it forgets what it promised.
func (l *Log) Reformat(t *env.Task, meta []byte, above uint64) error {
	if l.opened || l.busy {
		panic("wal: Reformat of an open log")
	}
	if err := l.cfg.Genesis.Validate(); err != nil {
		return err
	}
	l.named.Acquire(t)
	defer l.named.Release()
	if err := t.Mkdir(l.env.Disk, l.cfg.Dir); err != nil {
		return err
	}
	names, err := t.List(l.env.Disk, l.cfg.Dir)
	if err != nil {
		return err
	}
	records := recordsIn(names)
	if len(records) > 0 {
		l.usedID = max(l.usedID, records[0])
		_, _, _, err := l.readCheckpoint(t, records[0], names)
		lost := errors.Is(err, ErrDamaged) || errors.Is(err, ErrUnread) || err == nil && len(l.bad) > 0
		if !lost {
			return errors.Join(fmt.Errorf("%w: %s: checkpoint %d is not damaged", ErrFormatted, l.cfg.Dir, records[0]), err)
		}
	}
	l.usedID = max(l.usedID, above)
	return l.begunAnew(t, names, meta)
}

// begunAnew writes the seeds and then the record that makes them seeds.
func (l *Log) begunAnew(t *env.Task, names []string, meta []byte) error {
	var unfinished []string
	for _, name := range names {
		if _, _, segment := parseSegmentName(name); isStray(name) && !segment && name != seedsName {
			unfinished = append(unfinished, name)
		}
	}
	if err := l.removeAll(t, unfinished); err != nil {
		return err
	}
	seeds, generation := l.findSeeds(t, names)
	if err := l.writeRecord(t, l.path(seedsName+unfinishedSuffix), encodeSeeds(seeds)); err != nil {
		return err
	}
	if err := l.rename(t, l.path(seedsName+unfinishedSuffix), l.path(seedsName)); err != nil {
		return err
	}
	if err := errors.Join(l.syncDir(t), l.syncParents(t)); err != nil {
		return err
	}
	c := checkpoint{
		id: l.nextID(), generation: generation, replica: l.cfg.Replica, meta: meta,
		state: state{chain: chainSeed, settings: l.cfg.Genesis},
	}
	full, failed := l.commit(t, c)
	if err := errors.Join(full, failed); err != nil {
		return err
	}
	l.durable, l.body, l.bad = checkpoint{}, nil, nil // Open reads it, as after any start
	return l.removeCheckpointsBut(t, names, c.id)
}

func (l *Log) removeCheckpointsBut(t *env.Task, names []string, id uint64) error {
	var old []string
	for _, name := range names {
		if of, ok := parseRecordName(name); ok && of != id {
			old = append(old, name)
		}
	}
	return l.removeAll(t, old)
}

// findSeeds lists the segments among names, and a generation above all theirs.
func (l *Log) findSeeds(t *env.Task, names []string) (seeds []seed, generation uint32) {
	for _, name := range names {
		base, g, ok := parseSegmentName(name)
		if !ok {
			continue
		}
		generation = max(generation, g+1)
		e := extent{Base: base, Generation: g}
		if name != e.fileName() {
			continue // an index
		}
		f, err := l.openFile(t, l.path(name), env.OpenExisting)
		if err != nil {
			continue // no seed
		}
		e.Bytes, err = t.Size(f)
		f.Close()
		if err == nil && e.Bytes > 0 {
			seeds = append(seeds, seed{extent: e})
		}
	}
	return seeds, generation
}

// loadSeeds reads the seeds of a log that has begun anew and had no checkpoint
// since. They are only a help: what is wrong with them is the same as none.
func (l *Log) loadSeeds(t *env.Task, names []string) error {
	l.seeds = nil
	if l.durable.state.index != 0 || !slices.Contains(names, seedsName) {
		return nil
	}
	p, err := l.readWhole(t, l.path(seedsName))
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	seeds, err := parseSeeds(p)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	for _, s := range seeds {
		if slices.Contains(names, s.fileName()) {
			s.file = l.newHandle(s.extent)
			l.seeds = append(l.seeds, s)
		}
	}
	return nil
}

// dropSeeds removes what is left of the seeds once a checkpoint of this log's
// own life is durable: those files that it does not name, then the list.
func (l *Log) dropSeeds(t *env.Task) error {
	if len(l.seeds) == 0 {
		return nil
	}
	var names []string
	for _, s := range l.seeds {
		named := slices.ContainsFunc(l.durable.segments, func(e extent) bool { return e.fileName() == s.fileName() })
		if !named {
			names = append(names, s.fileName())
		}
		s.file.retire(nil)
	}
	l.seeds = nil
	return l.removeAll(t, append(names, seedsName))
}
