package wal

import "github.com/lockstep-log/lockstep/engine/env"

// Each step of a task that touches the directory is one of these. A closed log
// takes none: another one may be open on the same files by then.

func (l *Log) openFile(t *env.Task, name string, mode env.OpenMode) (env.File, error) {
	if l.dead {
		return nil, ErrStopped
	}
	return t.Open(l.env.Disk, name, mode)
}

func (l *Log) rename(t *env.Task, from, to string) error {
	if l.dead {
		return ErrStopped
	}
	return t.Rename(l.env.Disk, from, to)
}

func (l *Log) remove(t *env.Task, name string) error {
	if l.dead {
		return ErrStopped
	}
	return t.Remove(l.env.Disk, name)
}

func (l *Log) syncDir(t *env.Task) error {
	if l.dead {
		return ErrStopped
	}
	return t.SyncDir(l.env.Disk, l.cfg.Dir)
}
