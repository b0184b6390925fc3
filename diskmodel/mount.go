package diskmodel

import (
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
)

// mount is the disk as one process has it: env.Disk.
type mount struct {
	disk *Disk
	exec func(func())
	dead bool
}

// ask puts a directory operation in its queue. The calls of a dead process are
// no calls.
func (m *mount) ask(op *operation) {
	if m.dead {
		op.recycle()
		return
	}
	op.queue.push(op)
}

func (m *mount) entryOperation(kind opKind, name string) *operation {
	op := m.operation(kind, &m.disk.entries)
	op.name = checkName(name)
	return op
}

func (m *mount) Open(name string, mode env.OpenMode, done func(env.File, error)) {
	op := m.entryOperation(opOpen, name)
	op.mode, op.doneOpen = mode, done
	m.ask(op)
}

func (m *mount) Rename(from, to string, done func(error)) {
	op := m.entryOperation(opRename, from)
	op.to, op.doneError = checkName(to), done
	m.ask(op)
}

func (m *mount) Remove(name string, done func(error)) {
	op := m.entryOperation(opRemove, name)
	op.doneError = done
	m.ask(op)
}

func (m *mount) Mkdir(dir string, done func(error)) {
	op := m.entryOperation(opMkdir, dir)
	op.doneError = done
	m.ask(op)
}

func (m *mount) List(dir string, done func([]string, error)) {
	op := m.entryOperation(opList, dir)
	op.doneNames = done
	m.ask(op)
}

func (m *mount) SyncDir(dir string, done func(error)) {
	op := m.entryOperation(opSyncDir, dir)
	op.doneError = done
	m.ask(op)
}

// carryOutEntry carries out a directory operation.
func (op *operation) carryOutEntry() {
	d := op.disk
	d.stats.EntryOps++
	if op.err == nil {
		op.changeEntry()
	}
	op.recordEntry()
}

func (op *operation) changeEntry() {
	d := op.disk
	switch op.kind {
	case opOpen:
		op.open()
	case opRename:
		op.rename()
	case opRemove:
		op.remove()
	case opMkdir:
		op.mkdir()
	case opList:
		if n := op.find(op.name, true); n != nil {
			op.names = n.dir.seen()
		}
	case opSyncDir:
		if n := op.find(op.name, true); n != nil {
			lost := d.syncFails()
			d.syncEntries(n, lost)
			if lost {
				op.inject(env.ErrIO)
			}
		}
	default:
		panic("diskmodel: no directory operation: " + op.kind.String())
	}
}

func (op *operation) fail(err error) {
	op.err = fmt.Errorf("%s %s: %w", op.kind, op.name, err)
}

// find gives the directory, or the file, under a name, or fails.
func (op *operation) find(name string, dir bool) *node {
	n := op.disk.lookup(name)
	switch {
	case n == nil:
		op.fail(env.ErrNotExist)
	case (n.dir != nil) != dir:
		op.fail(fmt.Errorf("%s a directory: %w", map[bool]string{true: "not", false: "is"}[dir], env.ErrIO))
	default:
		return n
	}
	return nil
}

func (op *operation) open() {
	d := op.disk
	dir, base := d.parent(op.name)
	if dir == nil {
		op.fail(env.ErrNotExist)
		return
	}
	n := dir.child(base)
	switch {
	case n != nil && op.mode == env.OpenNew:
		op.fail(env.ErrExist)
		return
	case n == nil && op.mode == env.OpenExisting, base == "":
		op.fail(env.ErrNotExist)
		return
	case n == nil && op.refusesEntry():
		return
	case n == nil:
		n = d.newNode(false)
		op.made = true
		d.see(entryChange{node: n, to: entry{dir, base}})
	case n.dir != nil:
		op.find(op.name, false)
		return
	}
	n.handles++
	op.file = &file{process: op.process, node: n}
}

func (op *operation) rename() {
	d := op.disk
	fromDir, fromBase := d.parent(op.name)
	toDir, toBase := d.parent(op.to)
	if fromDir == nil || toDir == nil || fromDir.child(fromBase) == nil {
		op.fail(env.ErrNotExist)
		return
	}
	n, old := fromDir.child(fromBase), toDir.child(toBase)
	switch {
	case n == old:
		return
	case old != nil && (old.dir != nil || n.dir != nil):
		op.fail(env.ErrExist)
		return
	case n.dir != nil && n.holds(toDir):
		op.fail(fmt.Errorf("into itself: %w", env.ErrIO))
		return
	}
	d.see(entryChange{node: n, from: entry{fromDir, fromBase}, to: entry{toDir, toBase}})
}

// holds tells whether other is n or stands below it.
func (n *node) holds(other *node) bool {
	found := n == other
	walk(n, func(below *node) { found = found || below == other })
	return found
}

func (op *operation) remove() {
	d := op.disk
	dir, base := d.parent(op.name)
	if dir == nil || dir.child(base) == nil {
		op.fail(env.ErrNotExist)
		return
	}
	n := dir.child(base)
	if n.dir != nil && len(n.dir.entries) > 0 {
		op.fail(fmt.Errorf("directory not empty: %w", env.ErrIO))
		op.injected = len(n.dir.seen()) == 0 // only lost entries are left in it
		return
	}
	d.removed = true
	d.see(entryChange{node: n, from: entry{dir, base}})
}

// mkdir makes the directory and its parents, the outer ones first.
func (op *operation) mkdir() {
	d := op.disk
	for i := 0; i <= len(op.name); i++ {
		if i < len(op.name) && op.name[i] != '/' || i == 0 {
			continue
		}
		switch n := d.lookup(op.name[:i]); {
		case n == nil:
			if op.refusesEntry() {
				return
			}
			dir, base := d.parent(op.name[:i])
			d.see(entryChange{node: d.newNode(true), to: entry{dir, base}})
		case n.dir == nil:
			op.fail(env.ErrExist)
			return
		}
	}
}
