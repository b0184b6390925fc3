package ship

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/wire"
)

const (
	slotMagic   = "LKSP"
	slotVersion = 1
	slotBytes   = 512
	slotNameAt  = 48
)

// slot says how much of a part is durable. Two are written in turn, so that one
// survives a torn write of the other.
type slot struct {
	counter uint64
	file    string
	bytes   int64  // of the whole file, as it was wanted
	sum     uint32 // likewise
	synced  int64  // bytes of the part that are durable
	prefix  uint32 // CRC32C of those
}

func (s slot) encode() []byte {
	le := binary.LittleEndian
	b := make([]byte, slotBytes)
	copy(b, slotMagic)
	le.PutUint32(b[8:], slotVersion)
	le.PutUint32(b[12:], uint32(len(s.file)))
	le.PutUint64(b[16:], s.counter)
	le.PutUint64(b[24:], uint64(s.bytes))
	le.PutUint64(b[32:], uint64(s.synced))
	le.PutUint32(b[40:], s.prefix)
	le.PutUint32(b[44:], s.sum)
	copy(b[slotNameAt:], s.file)
	le.PutUint32(b[4:], checksum(b[8:]))
	return b
}

var errNoSlot = errors.New("ship: no progress")

func decodeSlot(b []byte) (slot, error) {
	le := binary.LittleEndian
	if len(b) != slotBytes || string(b[:4]) != slotMagic || le.Uint32(b[4:]) != checksum(b[8:]) {
		return slot{}, errNoSlot
	}
	if le.Uint32(b[8:]) != slotVersion {
		return slot{}, ErrVersion
	}
	n := le.Uint32(b[12:])
	s := slot{
		counter: le.Uint64(b[16:]), bytes: int64(le.Uint64(b[24:])), synced: int64(le.Uint64(b[32:])),
		prefix: le.Uint32(b[40:]), sum: le.Uint32(b[44:]),
	}
	if n > wire.MaxFileBytes || s.synced < 0 || s.bytes < s.synced {
		return slot{}, errNoSlot
	}
	s.file = string(b[slotNameAt : slotNameAt+n])
	return s, nil
}

// progress is the open file of the two slots.
type progress struct {
	at   place
	disk env.Disk
	file env.File // nil until the first save
	last slot
}

// load reads the newer of the two slots; none is no error, nor is one that
// cannot be read: then a part begins anew.
func (p *progress) load(t *env.Task) error {
	f, err := t.Open(p.disk, p.at.path(p.at.progress), env.OpenExisting)
	if errors.Is(err, env.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	p.file = f
	for i := range int64(2) {
		b := make([]byte, slotBytes)
		n, err := t.ReadAt(f, b, i*slotBytes)
		if err != nil && !errors.Is(err, io.EOF) {
			continue
		}
		if s, err := decodeSlot(b[:n]); err == nil && s.counter > p.last.counter {
			p.last = s
		}
	}
	return nil
}

// open makes sure that there is a file; made says that its name is not durable.
func (p *progress) open(t *env.Task) (made bool, err error) {
	if p.file != nil {
		return false, nil
	}
	p.file, err = t.Open(p.disk, p.at.path(p.at.progress), env.OpenCreate)
	return true, err
}

// save makes s durable in the slot that is not the last one's.
func (p *progress) save(t *env.Task, s slot) error {
	s.counter = p.last.counter + 1
	if err := t.WriteAt(p.file, s.encode(), int64(s.counter%2)*slotBytes); err != nil {
		return err
	}
	if err := t.Sync(p.file); err != nil {
		return err
	}
	p.last = s
	return nil
}

func (p *progress) close() {
	if p.file != nil {
		p.file.Close()
		p.file = nil
	}
}
