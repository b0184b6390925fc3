package journal

import (
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// A group begins and ends with a file: the table in a file's head is all there
// is to say which groups there are, it is written twice, and the file has its
// name only once it is durable. So there is no record for it, and no moment at
// which half of it is true. It costs a roll, which as many changes share as wait.

// regroup is a change of the table that waits for the next file.
type regroup struct {
	begin []Genesis
	end   []env.GroupID
	done  func()
}

// Regroup has groups begin, with an empty log, and others end. done runs once
// that is durable; a crash before leaves all of it undone, or done. Meanwhile what
// is asked of the groups that end is ignored, and nothing may be asked of those
// that begin. One that begins with replica 0 is blank: it goes on by Adopt.
//
// A group that ends may begin again, blank. With a replica of its own a group
// begins once in the life of a disk, in the order of ids: see Born. Who begins
// them from a list that may be old can therefore not begin one a second time under
// an id that has voted.
//
// Errors, with which nothing happens: ErrConfig for a group that is there already,
// is named twice or is not above Born; ErrClosed, or what the journal failed with.
func (j *Journal) Regroup(begin []Genesis, end []env.GroupID, done func()) error {
	switch {
	case j.failed != nil:
		return j.failed
	case j.closing:
		return ErrClosed
	}
	born := j.born
	for _, waits := range j.regroups {
		born = highest(born, waits.begin)
	}
	for i, g := range begin {
		switch {
		case g.Group == 0 || j.pending(g.Group) && !slices.Contains(end, g.Group):
			return fmt.Errorf("%w: group %d is 0 or there already", ErrConfig, g.Group)
		case slices.ContainsFunc(begin[:i], func(o Genesis) bool { return o.Group == g.Group }):
			return fmt.Errorf("%w: group %d is named twice", ErrConfig, g.Group)
		case g.Replica != 0 && g.Group <= born:
			return fmt.Errorf("%w: group %d begins with replica %d, and group %d has begun before", ErrConfig, g.Group, g.Replica, born)
		}
		born = highest(born, begin[i:i+1])
	}
	j.regroups = append(j.regroups, regroup{begin: slices.Clone(begin), end: slices.Clone(end), done: done})
	j.kick()
	return nil
}

// highest is the highest group that begins with a replica of its own.
func highest(born env.GroupID, begin []Genesis) env.GroupID {
	for _, g := range begin {
		if g.Replica != 0 {
			born = max(born, g.Group)
		}
	}
	return born
}

// pending tells whether a group is there once all that waits is done.
func (j *Journal) pending(id env.GroupID) bool {
	there := j.groups[id] != nil
	for _, r := range j.regroups {
		there = there && !slices.Contains(r.end, id) ||
			slices.ContainsFunc(r.begin, func(g Genesis) bool { return g.Group == id })
	}
	return there
}

// regroup carries out what waits, for the head that is about to be written.
func (j *Journal) regroup() []regroup {
	changes := j.regroups
	j.regroups = nil
	for _, r := range changes {
		for _, id := range r.end {
			if g := j.groups[id]; g != nil {
				j.dropGroup(g)
			}
		}
		for _, one := range r.begin {
			g := newGroup(one)
			j.addGroup(g)
			g.view.begin(j, g)
			g.view.fenced = g.fenced != nil
		}
		j.born = highest(j.born, r.begin)
	}
	return changes
}

// newGroup is a group without a past; blank, if it has no replica.
func newGroup(one Genesis) *group {
	g := &group{id: one.Group, replica: one.Replica, log: newOutline(0, 0), noted: true}
	if one.Replica == 0 {
		g.fenced, g.blank = ErrBlank, true
	}
	return g
}

// dropGroup forgets a group, and what of it waits to be written.
func (j *Journal) dropGroup(g *group) {
	delete(j.groups, g.id)
	j.order = slices.DeleteFunc(j.order, func(o *group) bool { return o == g })
	j.riders = slices.DeleteFunc(j.riders, func(o *group) bool { return o == g })
	j.queue.remove(g)
	g.view.end()
}

// forgetOthers drops the groups that a head does not name.
func (j *Journal) forgetOthers(table []tableRow) {
	for _, g := range slices.Clone(j.order) {
		if !slices.ContainsFunc(table, func(r tableRow) bool { return r.group == g.id }) {
			delete(j.groups, g.id)
			j.order = slices.DeleteFunc(j.order, func(o *group) bool { return o == g })
		}
	}
}

// drawLife draws a life's number, not 0.
func drawLife(e env.Entropy) (life uint64) {
	for life == 0 {
		life = e.Uint64()
	}
	return life
}
