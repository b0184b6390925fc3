package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path"

	"github.com/lockstep-log/lockstep/engine/env"
)

// The witness stands outside the journal's directory and tells what must be in it:
// a lost name of the newest file, or an emptied directory, would otherwise look
// like a shorter journal or none. It has two slots of a sector, written in turn
// and synced after each new file has its name, before anything is appended to it:
//
//	0   4  magic "LKJW"     4   2  version      6   2  zero
//	8   8  counter          16  8  cluster      24  8  node
//	32  8  disk             40  8  newest file  48  8  newest incarnation
//	56  452 zero            508 4  checksum
//
// The slot with the higher counter counts. A witness that is lost is made again:
// it takes two faults for it to be missed.
const (
	witnessMagic = 0x574a4b4c
	witnessSlots = 2
)

func witnessName(dir string) string { return dir + ".witness" }

// witness is the decoded newest slot. The zero value: there is none.
type witness struct {
	counter     uint64
	id          Identity
	seq         uint64
	incarnation uint64
}

// put writes the slot into the first sector of b.
func (w *witness) put(b []byte) {
	b = b[:sectorBytes]
	clear(b)
	le := binary.LittleEndian
	le.PutUint32(b[0:], witnessMagic)
	le.PutUint16(b[4:], version)
	for i, v := range [...]uint64{w.counter, w.id.Cluster, uint64(w.id.Node), w.id.Disk, w.seq, w.incarnation} {
		le.PutUint64(b[8+8*i:], v)
	}
	le.PutUint32(b[508:], w.place().sum(b[:508]))
}

// place seeds the checksum with the slot.
func (w *witness) place() place { return place{offset: sectorBytes * int64(w.counter%witnessSlots)} }

func parseWitness(b []byte, slot int) (witness, error) {
	le := binary.LittleEndian
	switch {
	case len(b) < sectorBytes:
		return witness{}, errShort
	case le.Uint32(b) != witnessMagic:
		return witness{}, errMagic
	case le.Uint16(b[4:]) != version:
		return witness{}, fmt.Errorf("%w: format %d, this program reads %d", ErrVersion, le.Uint16(b[4:]), version)
	}
	w := witness{
		counter:     le.Uint64(b[8:]),
		id:          Identity{Cluster: le.Uint64(b[16:]), Node: env.NodeID(le.Uint64(b[24:])), Disk: le.Uint64(b[32:])},
		seq:         le.Uint64(b[40:]),
		incarnation: le.Uint64(b[48:]),
	}
	if w.counter%witnessSlots != uint64(slot) {
		return witness{}, errPlace
	}
	if w.place().sum(b[:508]) != le.Uint32(b[508:]) {
		return witness{}, errChecksum
	}
	return w, nil
}

// newestSlot decodes the slot that counts.
func newestSlot(b []byte) (witness, error) {
	var newest witness
	var bad error
	for slot := range witnessSlots {
		w, err := parseWitness(b[min(len(b), slot*sectorBytes):], slot)
		if err != nil && (bad == nil || errors.Is(err, ErrVersion)) {
			bad = err
		}
		if err == nil && w.counter >= newest.counter {
			newest = w
		}
	}
	if newest.counter > 0 {
		bad = nil
	}
	return newest, bad
}

// testify notes in the witness that file seq was begun.
func (j *Journal) testify(t *env.Task, seq uint64) error {
	w := &j.witness
	*w = witness{counter: w.counter + 1, id: j.id, seq: seq, incarnation: max(j.incarnation, w.incarnation)}
	name := witnessName(j.cfg.Dir)
	if j.witnessFile == nil {
		return j.makeWitness(t, name)
	}
	slot := make([]byte, sectorBytes)
	w.put(slot)
	if err := t.WriteAt(j.witnessFile, slot, w.place().offset); err != nil {
		return fmt.Errorf("journal: write %s: %w", name, err)
	}
	if err := t.Sync(j.witnessFile); err != nil {
		return fmt.Errorf("journal: sync %s: %w", name, err)
	}
	return nil
}

// makeWitness makes the file, with both slots. Without room for it the journal
// goes on; the next file tries again.
func (j *Journal) makeWitness(t *env.Task, name string) error {
	handle, err := t.Open(j.env.Disk, name, env.OpenCreate)
	if err == nil {
		both := make([]byte, witnessSlots*sectorBytes)
		for range witnessSlots {
			j.witness.counter++
			j.witness.put(both[j.witness.place().offset:])
		}
		err = t.WriteAt(handle, both, 0)
		if err == nil {
			err = t.Sync(handle)
		}
		if err == nil {
			err = t.SyncDir(j.env.Disk, path.Dir(name))
		}
		if err != nil {
			handle.Close()
		} else {
			j.witnessFile = handle
		}
	}
	if err != nil && !errors.Is(err, env.ErrNoSpace) {
		return fmt.Errorf("journal: make %s: %w", name, err)
	}
	return nil
}

// readWitness finds what must be there, and keeps the file open if it is good.
func (r *recovery) readWitness() error {
	j := r.journal
	name := witnessName(j.cfg.Dir)
	handle, err := r.t.Open(j.env.Disk, name, env.OpenExisting)
	if errors.Is(err, env.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("journal: open %s: %w", name, err)
	}
	size, err := r.t.Size(handle)
	if err != nil {
		handle.Close()
		return fmt.Errorf("journal: size of %s: %w", name, err)
	}
	in := reader{readAt: readWith(r.t, handle), size: size}
	w, bad := newestSlot(in.at(0, witnessSlots*sectorBytes))
	if bad != nil {
		handle.Close()
		r.witnessErr = &DamageError{File: name, What: "witness: " + bad.Error()}
		if errors.Is(bad, ErrVersion) {
			return fmt.Errorf("%s: %w", name, bad)
		}
		return nil
	}
	j.witness, j.witnessFile = w, handle
	return r.identify(name, w.id)
}
