package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/replica"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// badRange is a segment of a log that is not what was written.
type badRange struct {
	base, end int64
	lost      bool // no other replica could give it when last asked
	told      bool // the tracer knows that
	gone      int  // times in a row that others said so
}

// foundBad hears from a log of a file that does not verify. Reads of its offsets
// fail; who leads with it should not.
func (p *partition) foundBad(b wal.BadFile) {
	p.traceDamage(b)
	p.mend()
	p.replica.TransferAway(p.node.isFull)
}

func (p *partition) traceDamage(b wal.BadFile) {
	p.trace(env.Event{Kind: env.EventDamaged, File: b.File, Offset: max(b.Pos, 0), Length: b.Bytes, Text: fmt.Sprint(b.Why)})
}

// traceRepaired tells of a file that verifies again. A record of a checkpoint is
// made again in the same step in which it is found bad.
func (p *partition) traceRepaired(r wal.Repaired) {
	if r.Kind == "checkpoint" {
		p.trace(env.Event{Kind: env.EventDamaged, File: r.File, Length: r.Bytes, Text: "a record of the checkpoint is missing or damaged; the other one is good"})
	}
	p.trace(env.Event{Kind: env.EventRepaired, File: r.File, Length: r.Bytes, Text: r.Kind})
}

// lostCheckpoint tells that no record of the checkpoint is good: the log does not
// open, until it is made anew for a fresh replica, or reads again.
func (p *partition) lostCheckpoint(err error) {
	if p.noCheckpoint || !errors.Is(err, wal.ErrDamaged) && !errors.Is(err, wal.ErrUnread) && !errors.Is(err, wal.ErrNotFormatted) {
		return
	}
	p.noCheckpoint = true
	p.trace(env.Event{Kind: env.EventDamaged, File: p.checkpointFile(), Text: err.Error()})
}

// foundCheckpoint tells that the log opens, after it did not.
func (p *partition) foundCheckpoint() {
	if p.noCheckpoint {
		p.noCheckpoint = false
		p.trace(env.Event{Kind: env.EventRepaired, File: p.checkpointFile(), Text: "checkpoint"})
	}
}

// checkpointFile stands for the two records, whatever they are called.
func (p *partition) checkpointFile() string { return machineDir(p.spec.Group) + "/checkpoint" }

// mend repairs the log's bad files, unless that is under way or none is bad.
func (p *partition) mend() {
	k := p.keeper
	if k == nil || !p.node.Ready() || p.mending == k || len(k.Bad()) == 0 {
		return
	}
	p.mending = k
	p.node.tasks.Go("mend", func(t *env.Task) {
		err := p.mendAll(t, k)
		if p.mending == k {
			p.mending = nil
		}
		if err == nil && p.keeper == k && p.state == StateRepairing {
			err = p.reopen(t)
		}
		if err != nil {
			p.node.fail(err)
		}
	})
}

// mendAll works until no file is bad, or the log is not the partition's any
// more. An error is that of this node's own disk.
//
// Each bad file is found, fetched from one source after the other, staged,
// renamed over and read again; a crash anywhere leaves it bad, and found again,
// or whole. Where no source has good bytes it stays, is named in the metadata,
// and is asked for again.
func (p *partition) mendAll(t *env.Task, k keeper) error {
	for p.keeper == k {
		wait := time.Duration(0)
		for _, b := range k.Bad() {
			err := p.mendFile(t, k, b)
			if p.keeper != k {
				return nil
			}
			switch {
			case errors.Is(err, ship.ErrDisk):
				return err
			case err == nil, errors.Is(err, env.ErrNotExist):
				p.forget(b.Base)
				continue
			}
			if again := p.failedToMend(b, err); wait == 0 || again < wait {
				wait = again
			}
			if p.keeper != k || p.state == StateFenced {
				return nil
			}
		}
		if len(k.Bad()) == 0 {
			p.bad = nil
			return nil
		}
		t.Sleep(p.node.env.Clock, max(wait, p.node.cfg.Tick))
	}
	return nil
}

// mostGone is how often those who were asked may say that they have a file no
// more, RepairEvery apart, before a log that does not open without it is given
// up: its replica comes back under a fresh id, and takes what the others have.
const mostGone = 3

// failedToMend notes why a file is still bad, and tells when to try again.
func (p *partition) failedToMend(b wal.BadFile, err error) time.Duration {
	r := p.rangeOf(b)
	r.lost = errors.Is(err, ship.ErrSources)
	if !r.lost {
		return p.node.cfg.Tick
	}
	if !r.told {
		r.told = true
		p.trace(env.Event{Kind: env.EventUnrepairable, Offset: b.Base, Length: b.End - b.Base})
	}
	if r.gone = r.gone + 1; !errors.Is(err, ship.ErrGone) {
		r.gone = 0
	}
	if r.gone >= mostGone && p.state == StateRepairing {
		p.replica.Fence(fmt.Errorf("%w: %w", wal.ErrDamaged, err))
	}
	return p.node.cfg.RepairEvery
}

// mendFile fetches one file from another replica and lets the log put it in the
// place of the bad one.
func (p *partition) mendFile(t *env.Task, k keeper, b wal.BadFile) error {
	p.rangeOf(b)
	var staged *ship.Staged
	var err error
	t.Await(func(done func()) {
		p.node.ship.Fetch(p.spec.Group, machineDir(p.spec.Group), b.Info(), func(s *ship.Staged, e error) { staged, err = s, e; done() })
	})
	if err != nil {
		return err
	}
	defer staged.Discard(nil)
	if p.keeper != k {
		return ship.ErrCanceled
	}
	return k.Repair(t, b.Base, machine.Giver(staged))
}

// rangeOf finds or notes what the metadata says of a bad file.
func (p *partition) rangeOf(b wal.BadFile) *badRange {
	i, found := slices.BinarySearchFunc(p.bad, b.Base, func(r badRange, base int64) int { return int(max(-1, min(1, r.base-base))) })
	if !found {
		p.bad = slices.Insert(p.bad, i, badRange{base: b.Base})
	}
	p.bad[i].end = b.End
	return &p.bad[i]
}

func (p *partition) forget(base int64) {
	p.bad = slices.DeleteFunc(p.bad, func(r badRange) bool { return r.base == base })
}

// Reopen implements replica.Host.
func (n *Node) Reopen(r *replica.Replica) {
	p := n.byGroup[r.Group()]
	if p == nil || p.replica != r {
		return
	}
	p.state, p.why = StateOpening, errReopened
	n.tasks.Go("reopen", func(t *env.Task) {
		if p.replica != r || r.Fenced() != nil {
			return
		}
		if err := p.reopen(t); err != nil {
			n.fail(err)
		}
	})
}

var errReopened = errors.New("engine: it is opened again")

// reopen makes the replica anew from the disk, once everything it appended is
// durable: what a crash of this group alone would do.
func (p *partition) reopen(t *env.Task) error {
	n, g := p.node, p.spec.Group
	t.Await(func(done func()) { n.journal.Drained(g, done) })
	p.close(t)
	return p.open(t, n.journal.View(g).Reopen())
}

// close ends the replica and its machine for another to take their place. What
// the machine has handed to the disk is carried out first: the next one writes
// the same files.
func (p *partition) close(t *env.Task) {
	p.replica.Kill()
	for p.replica.Busy() || p.keeper != nil && p.keeper.Backlog() > 0 && !p.keeper.NoSpace() {
		t.Sleep(p.node.env.Clock, p.node.cfg.Tick)
	}
	p.machine.Close()
	p.keeper, p.bad = nil, nil
}
