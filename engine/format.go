package engine

import (
	"errors"
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/replica"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// ErrFormatted is Format's answer to a directory that belongs to a node already.
var ErrFormatted = errors.New("engine: the data directory is formatted already")

// FormatMode says what a data directory is formatted for.
type FormatMode uint8

const (
	// FormatFirst makes the node of a new cluster: its replicas are those of the
	// topology, and may vote at once.
	FormatFirst FormatMode = iota
	// FormatReplace makes the disk of a node that lost its old one. What its replicas
	// had promised is not known any more, so it has none: for each group it asks to
	// come back under a fresh id.
	FormatReplace
)

// Format makes an empty data directory into that of a node with the replicas
// the topology places on it. The journal is written last, so a directory is a
// node's only once all of it is there. Groups without a journal are refused:
// they may be what is left of a node that lost it.
func Format(t *env.Task, e env.Env, cfg Config, mode FormatMode) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	switch names, err := t.List(e.Disk, cfg.Journal.Dir); {
	case err == nil && len(names) > 0:
		return fmt.Errorf("%w (%s holds %d files)", ErrFormatted, cfg.Journal.Dir, len(names))
	case err != nil && !errors.Is(err, env.ErrNotExist):
		return fmt.Errorf("engine: format: %w", err)
	}
	var tasks env.Tasks
	var genesis []journal.Genesis
	for i := range cfg.Topology.Partitions {
		p := &cfg.Topology.Partitions[i]
		id := p.on(cfg.Node)
		if id == 0 {
			continue
		}
		format := formatMachine
		if p.Unreplicated {
			format = formatDirect
		}
		switch err := format(t, e, &tasks, &cfg, p); {
		case errors.Is(err, wal.ErrFormatted):
			return fmt.Errorf("%w: group %d is there without a journal, left by a format that was cut short or by a lost journal; "+
				"move %s away if nothing in it is needed", ErrFormatted, p.Group, machineDir(p.Group))
		case err != nil:
			return fmt.Errorf("engine: format group %d: %w", p.Group, err)
		}
		if p.Unreplicated {
			continue
		}
		if mode == FormatReplace {
			id = 0
		}
		genesis = append(genesis, journal.Genesis{Group: p.Group, Replica: id})
	}
	return journal.Format(t, e, cfg.Journal, identity(&cfg), genesis)
}

func formatMachine(t *env.Task, e env.Env, tasks *env.Tasks, cfg *Config, p *Partition) error {
	var failed error
	m := newMachine(cfg, MachineSpec{
		Env: e, Tasks: tasks, Partition: *p, Dir: machineDir(p.Group),
		Fail: func(err error) { failed = err },
	}, wal.Config{})
	defer m.Close()
	f, ok := m.(machine.Formatter)
	if !ok {
		return nil
	}
	var err error
	t.Await(func(done func()) {
		f.Format(replica.GenesisMeta(members(p)), func(e error) { err = e; done() })
	})
	return errors.Join(err, failed)
}

// newMachine makes a partition's state machine; log is what a log needs beside
// what every machine gets.
func newMachine(cfg *Config, spec MachineSpec, log wal.Config) machine.StateMachine {
	if cfg.NewMachine != nil {
		return cfg.NewMachine(spec)
	}
	return wal.New(spec.Env, spec.Tasks, placed(cfg, &spec.Partition, log), spec.Fail)
}

// placed says where a partition's log is and how it begins.
func placed(cfg *Config, p *Partition, log wal.Config) wal.Config {
	log.Dir, log.Genesis, log.TailBytes = machineDir(p.Group), cfg.Log, cfg.LogTailBytes
	log.Genesis.RetentionBytes, log.Genesis.RetentionMs = p.RetentionBytes, p.RetentionMs
	return log
}

func identity(cfg *Config) journal.Identity {
	return journal.Identity{Cluster: cfg.Cluster, Node: cfg.Node}
}
