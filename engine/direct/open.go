package direct

import (
	"errors"
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// Format makes an empty log. Errors are those of wal.Log.Format.
func (l *Log) Format(t *env.Task) error {
	var err error
	t.Await(func(done func()) { l.wal.Format(nil, func(e error) { err = e; done() }) })
	if err != nil {
		return err
	}
	f, err := t.Open(l.env.Disk, l.notePath(), env.OpenCreate)
	if err != nil {
		return err
	}
	defer f.Close()
	// Both slots, so that no later note ever needs room.
	p := make([]byte, 2*slotApart)
	copy(p, encodeSlot(0, 0))
	copy(p[slotApart:], encodeSlot(1, 0))
	if err := t.WriteAt(f, p, 0); err != nil {
		return err
	}
	if err := t.Sync(f); err != nil {
		return err
	}
	return t.SyncDir(l.env.Disk, l.cfg.Log.Dir)
}

// Open finds the log again. With a nil error it serves, and everything that it
// shows is durable. wal.ErrDamaged (a *wal.LostError, or a *wal.DamageError, names
// the offsets), wal.ErrNotFormatted and wal.ErrUnread say what became of this log
// and nothing of the disk; env.ErrNoSpace that it needs room first, for a record or
// to write again what it found; others are those of the disk. After an error the
// log is closed; another one may be made and opened.
func (l *Log) Open(t *env.Task) error {
	if err := l.recover(t); err != nil {
		l.Kill()
		return fmt.Errorf("direct: %s: %w", l.cfg.Log.Dir, err)
	}
	l.start, l.end = l.wal.StartOffset(), l.wal.EndOffset()
	if err := l.renewNote(t); err != nil {
		l.Kill()
		return fmt.Errorf("direct: %s: note the durable end: %w", l.cfg.Log.Dir, err)
	}
	l.opened = true
	l.cfg.Trace(env.Event{Kind: env.EventRecovered, First: uint64(l.start) + 1, Last: uint64(l.end), Index: uint64(l.end)})
	return nil
}

func (l *Log) recover(t *env.Task) (err error) {
	t.Await(func(done func()) { l.wal.Open(func(_ machine.Checkpoint, e error) { err = e; done() }) })
	if err != nil {
		return err
	}
	if err := l.readNote(t); err != nil {
		return err
	}
	l.salvaged, err = l.wal.Salvage(t, l.note.end)
	return err
}

// Own tells whether an error of Open is about this log alone: the node may go on
// without it.
func Own(err error) bool {
	return errors.Is(err, wal.ErrDamaged) || errors.Is(err, wal.ErrUnread) || errors.Is(err, wal.ErrNotFormatted) || errors.Is(err, wal.ErrVersion)
}
