package journal

import (
	"encoding/binary"
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Restart makes a group's log void, whatever stands in it, and lets it go on
// after the machine's durable checkpoint {index, term}: a snapshot was installed.
// hs is the hard state that came with it (zero: unchanged; its commit index is at
// least index in any case). The view shows it at once; done, which may be nil,
// runs once it is durable, in the order of the group's appends.
func (j *Journal) Restart(id env.GroupID, hs HardState, checkpointID, index, term uint64, done func()) {
	if j.failed != nil || j.closing {
		return
	}
	g := j.group(id)
	if g.view.fenced {
		return
	}
	c := checkpoint{checkpointID, index, term}
	g.view.newCheckpoint(c)
	if hs == (HardState{}) {
		hs = g.view.hs
	}
	g.view.restart(hs, index, term)
	g.view.applied = max(g.view.applied, index)
	g.commit = max(g.commit, g.view.hs.Commit)
	j.special(request{group: g, special: recordRestart, hs: g.view.hs, checkpoint: c, done: done})
}

// Adopt lets a group that is fenced or blank go on as another replica, whose id
// is greater than any the group had here, from a checkpoint of the machine that
// is durable. The view shows an empty log after {index, term} and no hard state
// at once; done runs once that is durable: before, the new replica must not speak.
//
// Errors: ErrNotFenced if the group serves or the id is not a later one,
// ErrClosed after Close, or what the journal failed with.
func (j *Journal) Adopt(id env.GroupID, replica env.ReplicaID, checkpointID, index, term uint64, done func()) error {
	g := j.group(id)
	v := &g.view
	switch {
	case j.failed != nil:
		return j.failed
	case j.closing:
		return ErrClosed
	case !v.fenced || replica <= v.replica:
		return fmt.Errorf("%w: group %d as replica %d, it is replica %d, fenced: %v", ErrNotFenced, id, replica, v.replica, v.fenced)
	}
	c := checkpoint{checkpointID, index, term}
	v.restart(HardState{}, index, term)
	v.replica, v.fenced, v.applied, v.damage, v.checkpoint = replica, false, index, nil, c
	v.conf, v.snapshot = nil, nil
	g.retain, g.commit = 0, index
	j.special(request{group: g, special: recordAdopt, replica: replica, checkpoint: c, done: done})
	return nil
}

// Fence silences the replica that a group has here, durably with the next batch:
// what it promised cannot be kept. It stays silent in every later process; the
// group goes on by Adopt alone. A group that is fenced already keeps its first
// reason, unless that was one for this process only.
func (j *Journal) Fence(id env.GroupID, reason error) {
	g := j.group(id)
	if j.failed != nil || j.closing || g.view.fenced && !g.unread {
		return
	}
	g.view.fenced = true
	g.view.release()
	j.special(request{group: g, special: recordFence, reason: reason})
}

// Drained calls done once everything appended to the group so far is durable.
func (j *Journal) Drained(id env.GroupID, done func()) {
	if j.failed != nil || j.closing {
		return
	}
	j.queue.push(request{group: j.group(id), done: done})
	j.kick()
}

// Group tells what is known of a group now, as Groups does for what Open found.
// Only after Drained, or done of Adopt, is that what a crash would find.
func (j *Journal) Group(id env.GroupID) Recovered { return j.group(id).report() }

// SpecialRecord tells where the group's last Restart, Adopt or Fence of this
// process was written; no file if there was none yet.
func (j *Journal) SpecialRecord(id env.GroupID) (file string, offset, length int64) {
	x := j.group(id).special
	return x.file, x.offset, x.length
}

// Reopen prepares the view for a RawNode that starts anew in this process: what
// was read back is forgotten, damage that was met too. Everything appended must be
// durable (Drained). It returns what recovery would have told; the commit index
// and what is applied stay, for they were true.
func (v *View) Reopen() Recovered {
	for i := range v.journal.queue.waiting() {
		if r := &v.journal.queue.waiting()[i]; r.group == v.group && !r.empty() {
			panic(fmt.Sprintf("journal: group %d is opened again with appends that wait", v.group.id))
		}
	}
	v.dropCold()
	v.damage, v.missed, v.conf, v.snapshot = nil, false, nil, nil
	return v.group.report()
}

func (j *Journal) special(r request) {
	r.cuts = r.group.view.cuts
	r.group.voids++
	j.queue.push(r)
	j.kick()
}

// putSpecial adds the record of a request that is no Append.
func (j *Journal) putSpecial(r *request) {
	g, c := r.group, r.checkpoint
	g.voids--
	fl := flown{group: g, cuts: r.cuts}
	rec := record{kind: r.special, group: g.id, index: c.index, term: c.term, id: c.id}
	switch r.special {
	case recordRestart:
		fl.tellState = r.hs.Term != g.hs.Term || r.hs.Vote != g.hs.Vote
		g.restart(c, r.hs)
		g.noted = true
		rec.hs = g.hs
		rec.payload = binary.LittleEndian.AppendUint64(nil, c.term)
		rec.payload = binary.LittleEndian.AppendUint64(rec.payload, c.id)
	case recordAdopt:
		g.adopt(r.replica, c, j.current().seq)
		g.noted = true
	case recordFence:
		if g.fenced == nil || g.unread {
			g.fenced, g.unread = r.reason, false
			j.giveUpUnread()
		}
		rec.payload = []byte(reasonText(r.reason))
	case recordAppend, recordCheckpoint:
	}
	rec.replica, fl.hs = g.replica, g.hs
	j.putRecord(&rec, nil, fl)
	fl = j.flight.records[len(j.flight.records)-1]
	j.note(g)
	j.freed()
	g.special = stretch{j.current().name, fl.offset, fl.length}
}
