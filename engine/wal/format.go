package wal

import (
	"errors"
	"fmt"
	"path"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Format makes an empty log: a durable checkpoint at index 0 with meta and the
// genesis settings. It is ErrFormatted if there is a checkpoint, ErrSettings if
// the settings are out of range, ErrDamaged if there are segments; what an
// unfinished Format left is replaced.
func (l *Log) Format(meta []byte, done func(error)) {
	l.tasks.Go("wal format", func(t *env.Task) { done(l.format(t, meta)) })
}

func (l *Log) format(t *env.Task, meta []byte) error {
	if err := l.cfg.Genesis.Validate(); err != nil {
		return err
	}
	if err := t.Mkdir(l.env.Disk, l.cfg.Dir); err != nil {
		return err
	}
	names, err := t.List(l.env.Disk, l.cfg.Dir)
	if err != nil {
		return err
	}
	if len(recordsIn(names)) != 0 {
		return fmt.Errorf("%w: %s", ErrFormatted, l.cfg.Dir)
	}
	if err := l.without(names); errors.Is(err, ErrDamaged) { // no Format gets as far as a segment
		return err
	}
	if err := l.removeStrays(t, names, nil); err != nil {
		return err
	}
	if err := l.syncParents(t); err != nil {
		return err
	}
	first := checkpoint{id: 1, replica: l.cfg.Replica, state: state{chain: chainSeed, settings: l.cfg.Genesis}, meta: meta}
	full, failed := l.commit(t, first)
	l.durable, l.body = checkpoint{}, nil // Open reads it, as after any start
	return errors.Join(full, failed)
}

// syncParents makes the names that lead to the log's directory durable.
func (l *Log) syncParents(t *env.Task) error {
	var errs []error
	for dir := l.cfg.Dir; dir != "."; {
		dir = path.Dir(dir)
		errs = append(errs, t.SyncDir(l.env.Disk, dir))
	}
	return errors.Join(errs...)
}
