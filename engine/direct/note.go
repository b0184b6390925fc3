package direct

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// Format of the durable file; see the package comment.
const (
	noteName    = "durable"
	noteMagic   = 0x45444b4c // "LKDE"
	noteVersion = 1
	slotBytes   = 28
	slotApart   = 4096
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// note is the record of the durable end.
type note struct {
	counter uint64
	end     int64 // noted, or covered by a checkpoint
	at      int64 // bytes appended then
	base    int64 // of the active segment then
	running bool
	armed   bool  // a timer runs
	seen    int64 // durable end when it was armed
}

// covered takes note that a checkpoint says the same.
func (n *note) covered(end int64) { n.end = max(n.end, end) }

func encodeSlot(counter uint64, end int64) []byte {
	p := make([]byte, 0, slotBytes)
	p = binary.LittleEndian.AppendUint32(p, noteMagic)
	p = binary.LittleEndian.AppendUint32(p, noteVersion)
	p = binary.LittleEndian.AppendUint64(p, counter)
	p = binary.LittleEndian.AppendUint64(p, uint64(end))
	return binary.LittleEndian.AppendUint32(p, crc32.Checksum(p, castagnoli))
}

// parseSlot reads one slot.
func parseSlot(p []byte) (counter uint64, end int64, err error) {
	if len(p) < slotBytes {
		return 0, 0, fmt.Errorf("%w: %d bytes of a slot of %d", wal.ErrDamaged, len(p), slotBytes)
	}
	if m := binary.LittleEndian.Uint32(p); m != noteMagic {
		return 0, 0, fmt.Errorf("%w: magic %08x, want %08x", wal.ErrDamaged, m, uint32(noteMagic))
	}
	if got, want := crc32.Checksum(p[:24], castagnoli), binary.LittleEndian.Uint32(p[24:]); got != want {
		return 0, 0, fmt.Errorf("%w: checksum mismatch: bytes give %08x, slot says %08x", wal.ErrDamaged, got, want)
	}
	if v := binary.LittleEndian.Uint32(p[4:]); v != noteVersion {
		return 0, 0, fmt.Errorf("%w: durable end of version %d, want %d", wal.ErrVersion, v, noteVersion)
	}
	counter, end = binary.LittleEndian.Uint64(p[8:]), int64(binary.LittleEndian.Uint64(p[16:]))
	if end < 0 {
		return 0, 0, fmt.Errorf("%w: durable end %d", wal.ErrDamaged, end)
	}
	return counter, end, nil
}

// parseNote finds the newest good slot.
func parseNote(p []byte) (counter uint64, end int64, err error) {
	found := false
	for _, at := range []int{0, slotApart} {
		c, e, err := parseSlot(p[min(at, len(p)):])
		switch {
		case errors.Is(err, wal.ErrVersion):
			return 0, 0, err
		case err == nil && (!found || c > counter):
			counter, end, found = c, e, true
		}
	}
	if !found {
		return 0, 0, fmt.Errorf("%w: neither slot of the durable end reads", wal.ErrDamaged)
	}
	return counter, end, nil
}

func (l *Log) notePath() string { return l.cfg.Log.Dir + "/" + noteName }

// readNote reads the durable file. What fails is tried once more.
func (l *Log) readNote(t *env.Task) error {
	var err error
	for range 2 {
		var p []byte
		if p, err = l.readFile(t, l.notePath()); err == nil {
			l.note.counter, l.note.end, err = parseNote(p)
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, env.ErrNotExist):
			return fmt.Errorf("%w: %s: %w", wal.ErrDamaged, l.notePath(), err)
		}
	}
	if !errors.Is(err, wal.ErrDamaged) && !errors.Is(err, wal.ErrVersion) {
		err = fmt.Errorf("%w: %w", wal.ErrUnread, err)
	}
	return fmt.Errorf("%s: %w", l.notePath(), err)
}

func (l *Log) readFile(t *env.Task, name string) ([]byte, error) {
	f, err := t.Open(l.env.Disk, name, env.OpenExisting)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p := make([]byte, slotApart+slotBytes)
	n, err := t.ReadAt(f, p, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return p[:n], nil
}

// renewNote writes the slot that was found again, because it may be in the page
// cache only, and then notes the durable end in the other one: at no time is more
// than one of them in doubt.
func (l *Log) renewNote(t *env.Task) error {
	if err := l.writeSlot(t, l.note.counter, l.note.end); err != nil {
		return err
	}
	return l.writeNote(t)
}

// writeNote notes the durable end in the slot that does not count now.
func (l *Log) writeNote(t *env.Task) error {
	n := &l.note
	end, at, base := l.end, l.appended, l.wal.Active()
	n.counter++
	if err := l.writeSlot(t, n.counter, end); err != nil {
		return err
	}
	n.end, n.at, n.base = max(n.end, end), at, base
	l.cfg.Trace(env.Event{Kind: env.EventDurableEnd, Offset: end})
	return nil
}

// writeSlot makes one slot durable.
func (l *Log) writeSlot(t *env.Task, counter uint64, end int64) error {
	f, err := t.Open(l.env.Disk, l.notePath(), env.OpenExisting)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.WriteAt(f, encodeSlot(counter, end), slotApart*int64(counter%2)); err != nil {
		return err
	}
	return t.Sync(f)
}

// noteLater sees to it that the durable end is noted: at once where much was
// written or a segment begun, else when the log idles.
func (l *Log) noteLater() {
	n := &l.note
	if l.appended-n.at >= l.cfg.NoteBytes || l.wal.Active() != n.base {
		l.noteNow()
		return
	}
	if !n.armed && !n.running && l.end > n.end {
		l.armNote()
	}
}

func (l *Log) armNote() {
	n := &l.note
	n.armed, n.seen = true, l.end
	l.env.Clock.AfterFunc(l.cfg.NoteAfter, func() {
		n.armed = false
		switch {
		case l.closed || l.end <= n.end:
		case l.end != n.seen || l.commit.running:
			l.armNote()
		default:
			l.noteNow()
		}
	})
}

// noteNow writes a note, if none is being written.
func (l *Log) noteNow() {
	n := &l.note
	if n.running {
		return
	}
	n.running = true
	l.tasks.Go("direct note", func(t *env.Task) {
		err := l.writeNote(t)
		n.running = false
		if l.closed {
			return
		}
		if err != nil {
			l.failed(fmt.Errorf("direct: note the durable end: %w", err))
			return
		}
		if l.serves() && l.end > n.end && !n.armed {
			l.armNote()
		}
	})
}
