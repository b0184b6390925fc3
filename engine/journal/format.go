package journal

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Format makes an empty journal for the given groups; one without a replica
// (Genesis.Replica 0) is blank until it is adopted. It refuses a directory
// that holds anything (ErrFormatted), except what a Format that was interrupted
// left behind.
func Format(t *env.Task, e env.Env, cfg Config, id Identity, groups []Genesis) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	j := newJournal(e, cfg, id, &env.Tasks{}, func(error) {})
	j.opening = true
	for j.id.Disk == 0 {
		j.id.Disk = e.Entropy.Uint64()
	}
	j.life, j.born = drawLife(e.Entropy), highest(0, groups)
	if err := j.genesis(groups); err != nil {
		return err
	}
	if err := j.makeDir(t); err != nil {
		return err
	}
	name := spareName(cfg.Dir, 0)
	handle, err := t.Open(e.Disk, name, env.OpenNew)
	if err != nil {
		return fmt.Errorf("journal: create %s: %w", name, err)
	}
	defer func() {
		handle.Close()
		if j.witnessFile != nil {
			j.witnessFile.Close()
		}
	}()
	j.spares.ready = []*file{{name: name, handle: handle}} // never appended to: only the head
	if _, _, err := j.startFile(t, 1, position{}, func() []carriedRecord { return nil }); err != nil {
		return err
	}
	return nil
}

func (j *Journal) genesis(groups []Genesis) error {
	for _, g := range slices.SortedFunc(slices.Values(groups), func(a, b Genesis) int { return cmp.Compare(a.Group, b.Group) }) {
		if g.Group == 0 || j.groups[g.Group] != nil {
			return fmt.Errorf("%w: group %d, replica %d: a group's id is not 0, and it has one replica on a node", ErrConfig, g.Group, g.Replica)
		}
		j.addGroup(newGroup(g))
	}
	return nil
}

// makeDir makes the directory, durably, and empties it of an interrupted Format.
func (j *Journal) makeDir(t *env.Task) error {
	disk, dir := j.env.Disk, j.cfg.Dir
	names, err := t.List(disk, dir)
	if err != nil && !errors.Is(err, env.ErrNotExist) {
		return fmt.Errorf("journal: list %s: %w", dir, err)
	}
	found := sortNames(names)
	if handle, err := t.Open(disk, witnessName(dir), env.OpenExisting); err == nil {
		handle.Close()
		return fmt.Errorf("%w: %s tells of a journal", ErrFormatted, witnessName(dir))
	} else if !errors.Is(err, env.ErrNotExist) {
		return fmt.Errorf("journal: open %s: %w", witnessName(dir), err)
	}
	if len(found.files) > 0 || len(found.others) > 0 {
		return fmt.Errorf("%w: directory %s is not empty", ErrFormatted, dir)
	}
	for _, n := range found.spares {
		if err := t.Remove(disk, spareName(dir, n)); err != nil {
			return fmt.Errorf("journal: remove %s: %w", spareName(dir, n), err)
		}
	}
	return makeDirs(t, disk, dir)
}

// makeDirs makes a directory and its parents, durably.
func makeDirs(t *env.Task, disk env.Disk, dir string) error {
	if err := t.Mkdir(disk, dir); err != nil {
		return fmt.Errorf("journal: make directory %s: %w", dir, err)
	}
	for up := path.Dir(dir); ; up = path.Dir(up) {
		if err := t.SyncDir(disk, up); err != nil {
			return fmt.Errorf("journal: sync directory %s: %w", up, err)
		}
		if up == "." {
			return nil
		}
	}
}
