package journal

import (
	"cmp"
	"slices"

	"go.etcd.io/raft/v3/raftpb"
)

// An entry that is not applied keeps its file, and every later one, whatever is
// done for other groups: no checkpoint covers it. A group without a quorum has such
// entries for as long as that lasts, and leaders of different groups, each with a
// full journal, would wait for each other for ever. So these entries, which are in
// memory anyway, are written once more into the next file, behind its head and
// durable with it; then the files behind are needed by nobody.

// stuck gives the entries of a group that no checkpoint can free, and the oldest
// file that they are in; false if there are none or they are not at hand.
func (g *group) stuck() (entries []*raftpb.Entry, oldest *file, ok bool) {
	first, last := g.hardFloor(), g.log.last
	w := &g.view.window
	if g.voids > 0 || g.view.applied > g.checkpoint.index || first > last ||
		w.first > first || w.first+uint64(len(w.entries)) <= last {
		return nil, nil, false
	}
	if oldest, ok = g.oldest(first); !ok {
		return nil, nil, false
	}
	entries = w.from(first, last+1)
	for i, e := range entries {
		// The view runs ahead of what is written: it may have other entries there.
		if term, known := g.log.term(first + uint64(i)); !known || term != e.GetTerm() {
			return nil, nil, false
		}
	}
	return entries, oldest, true
}

// moved lists what the next file takes over: of the groups that keep the oldest
// files first, as much as half a file, and nobody's whose files are half of what is
// allowed, or less, unless all of it is in the way of something.
func (j *Journal) moved() (out []carriedRecord) {
	type blocker struct {
		group   *group
		entries []*raftpb.Entry
		oldest  uint64
	}
	var all []blocker
	for _, g := range j.order {
		g.moving = false
		entries, oldest, ok := g.stuck()
		if ok && (j.refused > 0 || j.bytesFrom(oldest.seq) > j.border()/2) {
			all = append(all, blocker{g, entries, oldest.seq})
		}
	}
	slices.SortStableFunc(all, func(a, b blocker) int { return cmp.Compare(a.oldest, b.oldest) })
	bytes := int64(0)
	for _, b := range all {
		rec := record{kind: recordAppend, group: b.group.id, replica: b.group.replica, hs: b.group.hs, index: b.group.hardFloor(), count: len(b.entries)}
		for _, e := range b.entries {
			rec.payload = appendEntry(rec.payload, e)
		}
		if bytes += int64(len(rec.payload)); bytes > j.cfg.FileBytes/2 {
			break
		}
		b.group.moving = true
		out = append(out, carriedRecord{b.group, rec})
	}
	return out
}

// settleMoved enters where the entries stand now.
func (j *Journal) settleMoved(f *file, records []flown) {
	for i := range records {
		r := &records[i]
		r.group.moving = false
		r.group.logExtent(extent{first: r.first, last: r.last, file: f, offset: r.offset, length: int(r.length)})
	}
}

// moveOn begins the next file if that gives back files that nobody else can.
func (j *Journal) moveOn() {
	if j.rollWanted || j.closing || j.failed != nil {
		return
	}
	now := j.current().seq
	j.rollWanted = slices.ContainsFunc(j.order, func(g *group) bool {
		_, oldest, ok := g.stuck()
		return ok && oldest.seq < now
	})
	if j.rollWanted {
		j.kick()
	}
}
