package journal

import (
	"fmt"
	"slices"
	"sort"
)

// run says that entries from index on have this term, up to the next run.
type run struct {
	index uint64
	term  uint64
}

// outline is what is known of a group's log without its entries: bounds and
// terms, as runs.
//
// Invariants:
//  1. runs is never empty; runs[0].index is the dummy: the index before the
//     first entry, whose term is known and whose data is gone.
//  2. runs are ordered by index; all indexes are at most last.
type outline struct {
	runs []run
	last uint64
}

// newOutline is an empty log after the entry {index, term}.
func newOutline(index, term uint64) outline {
	return outline{runs: []run{{index, term}}, last: index}
}

func (o *outline) dummy() uint64    { return o.runs[0].index }
func (o *outline) first() uint64    { return o.runs[0].index + 1 }
func (o *outline) lastTerm() uint64 { return o.runs[len(o.runs)-1].term }

// term gives the term of the entry at index i, dummy included.
func (o *outline) term(i uint64) (uint64, bool) {
	if i < o.dummy() || i > o.last {
		return 0, false
	}
	if newest := o.runs[len(o.runs)-1]; i >= newest.index {
		return newest.term, true
	}
	n := sort.Search(len(o.runs), func(n int) bool { return o.runs[n].index > i })
	return o.runs[n-1].term, true
}

// cut removes everything from index from on, which is above the dummy.
func (o *outline) cut(from uint64) {
	if from > o.last {
		return
	}
	if from <= o.dummy() {
		panic(fmt.Sprintf("journal: a log that begins after %d is cut at %d", o.dummy(), from))
	}
	n := len(o.runs)
	for o.runs[n-1].index >= from {
		n--
	}
	o.runs, o.last = o.runs[:n], from-1
}

// add appends one entry.
func (o *outline) add(term uint64) {
	o.last++
	if term != o.lastTerm() {
		o.runs = append(o.runs, run{o.last, term})
	}
}

// compact forgets everything before first, which becomes the first entry.
func (o *outline) compact(first uint64) {
	first = min(first, o.last+1)
	if first <= o.first() {
		return
	}
	term, _ := o.term(first - 1)
	n := sort.Search(len(o.runs), func(n int) bool { return o.runs[n].index > first-1 })
	o.runs = slices.Delete(o.runs, 0, n-1)
	o.runs[0] = run{first - 1, term}
}

// since copies the outline, without what lies before the dummy index from.
func (o *outline) since(from uint64) outline {
	c := outline{runs: slices.Clone(o.runs), last: o.last}
	c.compact(from + 1)
	return c
}
