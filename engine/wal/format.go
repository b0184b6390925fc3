package wal

import (
	"errors"
	"fmt"
	"path"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Format makes an empty log: a durable checkpoint at index 0 with meta and the
// genesis settings. It is ErrFormatted if there is a checkpoint, ErrSettings if
// the settings are out of range; what an unfinished Format left is replaced.
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
	if _, count := checkpoints(names); count != 0 {
		return fmt.Errorf("%w: %s", ErrFormatted, l.cfg.Dir)
	}
	if err := l.removeStrays(t, names); err != nil {
		return err
	}
	if err := l.syncParents(t); err != nil {
		return err
	}
	first := checkpoint{id: 1, state: state{chain: chainSeed, settings: l.cfg.Genesis}, meta: meta}
	err = l.commit(t, first)
	l.durable, l.body = checkpoint{}, nil // Open reads it, as after any start
	return err
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
