package ship

import (
	"fmt"
	"io"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// Staged are the files of a snapshot, or the one of a repair, on this disk:
// verified and synced, their names durable. It is a machine.Giver. Files that
// the machine said it keeps are not among them.
//
// A later Stage or Clean for the same place voids it: everything answers
// ErrSuperseded then.
type Staged struct {
	Manifest machine.Manifest
	Bytes    int64 // of the files, without those the machine keeps
	Resumed  int64 // of those from an earlier life or an older snapshot

	s    *Ship
	at   place
	void bool
}

var _ machine.Giver = (*Staged)(nil)

// ReadAt implements machine.Source.
func (g *Staged) ReadAt(file string, off int64, n int, done func([]byte, error)) {
	g.s.tasks.Go("ship read", func(t *env.Task) {
		b, err := g.read(t, file, off, n)
		if !g.s.closed {
			done(b, err)
		}
	})
}

func (g *Staged) read(t *env.Task, file string, off int64, n int) ([]byte, error) {
	if g.void {
		return nil, ErrSuperseded
	}
	f, err := t.Open(g.s.env.Disk, g.at.whole(file), env.OpenExisting)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, n)
	got, err := t.ReadAt(f, b, off)
	if got == n {
		return b, nil
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return nil, fmt.Errorf("ship: %s at %d: %w", file, off, err)
}

// Give implements machine.Giver.
func (g *Staged) Give(file, to string, done func(error)) {
	if g.void {
		g.s.env.Clock.Post(func() { done(ErrSuperseded) })
		return
	}
	whole := g.at.whole(file)
	g.s.unlearn(whole)
	g.s.env.Disk.Rename(whole, to, done)
}

// Discard removes what is left of it, and all else that is staged in the same
// place. done may be nil. The removal need not be durable: what is found later
// is verified or removed.
func (g *Staged) Discard(done func(error)) {
	if done == nil {
		done = func(error) {}
	}
	if g.void {
		g.s.env.Clock.Post(func() { done(nil) })
		return
	}
	g.s.wipe(&transfer{s: g.s, at: g.at, wipe: true}, done)
}
