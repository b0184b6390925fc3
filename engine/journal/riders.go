package journal

// Riders are groups with something to write that owes no sync: a commit index
// or a note of a checkpoint. They go with the next batch, as far as it has room.

// note lets the newest checkpoint count, and be written down, unless a record that
// goes first waits in the queue.
func (j *Journal) note(g *group) {
	if g.voids == 0 && g.fenced == nil && g.checkpoint != g.view.checkpoint {
		g.checkpoint, g.noted = g.view.checkpoint, false
		j.ride(g)
		j.freed()
	}
}

// ridersWait tells whether any rider has something the disk does not.
func (j *Journal) ridersWait() bool {
	for _, g := range j.riders {
		if g.fenced == nil && (!g.noted || g.commitWaits()) {
			return true
		}
	}
	return false
}

// commitWaits tells whether a commit index newer than the one on disk can be
// written.
func (g *group) commitWaits() bool { return g.provenCommit() > g.hs.Commit }

// planRiders adds records for riders while batch and file have room.
func (j *Journal) planRiders(p *plan) {
	limit := min(int64(j.cfg.MaxBatchBytes), j.capacity()-j.offset-sectorBytes)
	for _, g := range j.riders {
		g.rideNote, g.rideState = false, false
		if g.voids > 0 || g.fenced != nil {
			continue // what waits in the queue says more, or nobody asks any more
		}
		if batchBytes(p.records+2, p.body+2*recordHeaderBytes) > limit {
			continue
		}
		if !g.noted {
			g.rideNote = true
			p.add(recordHeaderBytes)
		}
		if g.inBatch != j.batchNo && g.commitWaits() {
			g.rideState = true
			p.add(recordHeaderBytes)
		}
	}
}

// putRiders writes what planRiders planned and forgets riders that are done.
func (j *Journal) putRiders() {
	kept := j.riders[:0]
	for _, g := range j.riders {
		if g.rideNote {
			c := g.checkpoint
			rec := record{kind: recordCheckpoint, group: g.id, replica: g.replica, index: c.index, term: c.term, id: c.id}
			j.putRecord(&rec, nil, flown{group: g, cuts: g.view.cuts})
			g.noted = true
		}
		if g.rideState {
			g.hs = g.stateFor(false, HardState{})
			rec := record{kind: recordAppend, group: g.id, replica: g.replica, hs: g.hs}
			j.putRecord(&rec, nil, flown{group: g, hs: g.hs, tellState: true, cuts: g.view.cuts})
		}
		if g.noted && g.commit <= g.hs.Commit || g.fenced != nil {
			g.riding = false
			continue
		}
		kept = append(kept, g)
	}
	clear(j.riders[len(kept):])
	j.riders = kept
}
