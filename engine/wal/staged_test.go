package wal_test

import (
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// staged is a Giver: files in memory, of which those on the disk under stage.*
// can be given.
type staged struct {
	files
	disk env.Disk
	dir  string
}

func (s *staged) Give(file, to string, done func(error)) {
	s.disk.Rename(s.dir+"/stage."+file, to, done)
}

// stage puts files on the disk as a transfer leaves them: synced and named.
func stage(t *env.Task, disk env.Disk, dir string, content files, m []machine.FileInfo) (*staged, error) {
	for _, info := range m {
		f, err := t.Open(disk, dir+"/stage."+info.Name, env.OpenCreate)
		if err != nil {
			return nil, err
		}
		if err := t.WriteAt(f, content[info.Name], 0); err != nil {
			return nil, err
		}
		if err := t.Sync(f); err != nil {
			return nil, err
		}
		f.Close()
	}
	return &staged{files: content, disk: disk, dir: dir}, t.SyncDir(disk, dir)
}

// stage is the same as one step of a test.
func (p *process) stage(content files, m []machine.FileInfo) (s *staged) {
	p.t.Helper()
	var err error
	done := false
	p.tasks.Go("stage", func(t *env.Task) {
		s, err = stage(t, p.mount, "groups/7", content, m)
		done = true
	})
	p.until(func() bool { return done })
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// filesOf gives the segments of a log as files of a manifest, by name.
func filesOf(content map[int64][]byte) files {
	all := files{}
	for base, b := range content {
		all[fmt.Sprintf("%020d.log", base)] = b
	}
	return all
}

// in runs f as a task to its end.
func (p *process) in(f func(t *env.Task) error) (err error) {
	p.t.Helper()
	done := false
	p.tasks.Go("test", func(t *env.Task) {
		err = f(t)
		done = true
	})
	p.until(func() bool { return done })
	return err
}

func (p *process) scrub() {
	p.t.Helper()
	err := p.in(func(t *env.Task) error { return p.log.Scrub(t, func(*env.Task, int64) {}) })
	if err != nil {
		p.t.Fatal(err)
	}
}
