package diskmodel

import (
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
)

// file is an open file: env.File.
type file struct {
	process *mount
	node    *node
	closed  bool
}

func (f *file) Name() string { return f.node.name }

func (f *file) operation(kind opKind, p []byte, off int64) *operation {
	if off < 0 {
		panic("diskmodel: a negative offset in " + f.node.name)
	}
	op := f.process.operation(kind, &f.node.queue)
	op.node, op.p, op.off = f.node, p, off
	if f.closed {
		op.err = fmt.Errorf("%s %s: %w", kind, f.node.name, env.ErrClosed)
	}
	return op
}

func (f *file) WriteAt(p []byte, off int64, done func(error)) {
	op := f.operation(opWrite, p, off)
	op.doneError = done
	f.process.ask(op)
}

func (f *file) ReadAt(p []byte, off int64, done func(n int, err error)) {
	op := f.operation(opRead, p, off)
	op.doneRead = done
	f.process.ask(op)
}

func (f *file) Truncate(size int64, done func(error)) {
	op := f.operation(opTruncate, nil, size)
	op.doneError = done
	f.process.ask(op)
}

func (f *file) Size(done func(size int64, err error)) {
	op := f.operation(opSize, nil, 0)
	op.doneSize = done
	f.process.ask(op)
}

func (f *file) Sync(done func(error)) {
	op := f.operation(opSync, nil, 0)
	op.doneError = done
	f.process.ask(op)
}

func (f *file) Close() {
	if !f.closed && !f.process.dead {
		f.node.handles--
	}
	f.closed = true
}
