package checker

import (
	"cmp"
	"slices"
)

// Linearizability of one partition, checked exactly.
//
// # The object
//
// A partition is a number n, the length of its log (in offsets: the next base
// offset). A produce that answers base o of k records takes n from o to o+k. A
// list-offsets that answers n, and a linearizable fetch with high watermark n,
// read it. A plain fetch makes a weaker promise: what it answers was committed
// before it returned. So its records up to offset L, and its high watermark
// L+1, say that n was at least L+1 at some time before its return, however
// early it was called: an observation. So does a deletion that is answered with
// the log's start L+1.
//
// The agreed log fixes what the produces did. A produce of unknown outcome whose
// batch stands in the log took effect there, at some time after its call, as
// often as it stands there; one whose batch does not stand there never did. A
// batch nobody is known to have produced took effect at some time, and so did
// what is deleted; an acknowledged batch that is deleted stood where it was
// acknowledged.
//
// # The order
//
// Give every operation a key: a read of n gets (n, 0), a produce at base o gets
// (o, 1), an observation of L gets (L, 2). In every sequence that the object
// allows and that ends in the agreed log, operations of different keys stand in
// the order of their keys, reading an observation as "at or after": n only
// grows; the batches partition the log, so the produce at o happens exactly
// when n goes from o to o+k; a read of n stands after all batches below n and
// before the batch at n; an observation of L stands after the batch that holds
// L, whose key is at most (L, 1), and after every read of n <= L.
//
// # The claim
//
// Let every produce stand in the agreed log where it was acknowledged, and let
// no read be beyond the log's end or inside a batch. Then the history is
// linearizable exactly if there are no operations a, b with key(a) < key(b) and
// return(b) < call(a), where an observation counts as called at time 0 and an
// unknown produce as returning never.
//
// Only if: by the order, a must take effect before b, and by their intervals
// after it. If: sort by (key, call). The sequence is allowed by the object. It
// respects real time: if return(x) < call(y), then y does not stand before x,
// for with key(y) < key(x) the pair (y, x) would be one of those excluded, and
// with equal keys call(x) < return(x) < call(y) puts x first. (Equal keys
// belong to reads of one n, or to observations of one L, which commute.) An
// observation that stands late in this order is satisfied there, and as it
// never counts as called after anything, no operation is asked to precede it
// but those below its key.
//
// So one sort and one sweep from the largest key down, which carries the
// earliest return so far, decide it.

// The second parts of keys.
const (
	classRead = iota
	classProduce
	classSeen
)

// step is one operation with its key and interval.
type step struct {
	pos       int64
	class     int8
	call, ret uint64
	size      int64 // records of a produce
	op        *Op   // nil: records that nobody is known to have produced
}

func (s *step) compareKey(o *step) int {
	return cmp.Or(cmp.Compare(s.pos, o.pos), cmp.Compare(s.class, o.class))
}

// conflict is a pair that proves a history illegal: first must take effect
// before second and was called after it had returned.
type conflict struct{ first, second step }

// linearizable judges one partition.
func (j *judge) linearizable(p *partition, o Options) {
	steps, legal := j.steps(p)
	conflicts := conflicts(steps)
	for i := range conflicts {
		j.conflict(p, &conflicts[i])
	}
	if o.Porcupine && legal && p.gapless {
		j.secondOpinion(p, steps, conflicts, o)
	}
}

// steps lists a partition's operations in the order of their keys, and objects
// to those that cannot have any. The latter are left out.
func (j *judge) steps(p *partition) (steps []step, legal bool) {
	legal = true
	for _, c := range p.copies {
		steps = append(steps, produceStep(c))
	}
	for _, o := range p.produces {
		if o.Outcome == OK {
			j.checked[oLinearizability]++
			if !p.holds(o, o.Offset) {
				legal = false
				j.object(oLinearizability, o, "%v: produce %d of client %d answers offset %d, where the agreed log does not hold it", p.key, o.Seq, o.Client, o.Offset)
			}
		}
	}
	inside := p.batches()
	for _, o := range p.lists {
		legal = j.read(p, o, o.Offset, inside, &steps) && legal
	}
	for _, o := range p.fetches {
		if o.Linearizable {
			legal = j.read(p, o, o.HighWatermark, inside, &steps) && legal
			continue
		}
		legal = j.observation(p, o, &steps) && legal
	}
	for _, o := range p.deletes {
		legal = j.observation(p, o, &steps) && legal
	}
	slices.SortFunc(steps, func(a, b step) int {
		return cmp.Or(a.compareKey(&b), cmp.Compare(a.call, b.call), cmp.Compare(a.ret, b.ret))
	})
	return steps, legal && !overlap(steps)
}

// overlap tells whether two batches take the same offsets: who saw both names it.
// Of deleted ones there is no agreed log to say which one stood there.
func overlap(steps []step) bool {
	end := int64(0)
	for i := range steps {
		if s := &steps[i]; s.class == classProduce {
			if s.pos < end {
				return true
			}
			end = s.pos + s.size
		}
	}
	return false
}

// produceStep is a batch that stands in the log. The acknowledged copy has the
// interval of its operation; any other may have been written at any later time.
func produceStep(c placed) step {
	s := step{pos: c.base, class: classProduce, call: c.op.Call, ret: never, size: int64(len(c.op.Values)), op: c.op}
	if c.op.Outcome == OK && c.op.Offset == c.base {
		s.ret = c.op.returned()
	}
	return s
}

// batches maps every offset inside a batch, its base excepted, to the batch.
func (p *partition) batches() map[int64]*Op {
	out := map[int64]*Op{}
	for _, c := range p.copies {
		for i := 1; i < len(c.op.Values); i++ {
			out[c.base+int64(i)] = c.op
		}
	}
	return out
}

// read adds an operation that answered the log's length.
func (j *judge) read(p *partition, o *Op, n int64, inside map[int64]*Op, steps *[]step) bool {
	j.checked[oLinearizability]++
	if n > p.end {
		j.object(oLinearizability, o, "%v: %v %d of client %d answers length %d, the agreed log ends at %d", p.key, o.Kind, o.Seq, o.Client, n, p.end)
		return false
	}
	if batch := inside[n]; batch != nil {
		j.object(oLinearizability, o, "%v: %v %d of client %d answers length %d, inside the batch of produce %d", p.key, o.Kind, o.Seq, o.Client, n, batch.Seq)
		return false
	}
	*steps = append(*steps, step{pos: n, class: classRead, call: o.Call, ret: o.returned(), op: o})
	return true
}

// observation adds a plain fetch: whatever it saw was committed. A deletion sees
// the offset at which it makes the log start.
func (j *judge) observation(p *partition, o *Op, steps *[]step) bool {
	top := max(o.HighWatermark, o.LogStart) - 1
	for _, r := range o.Fetched {
		top = max(top, r.Offset)
	}
	if top < 0 {
		return true
	}
	j.checked[oLinearizability]++
	if top >= p.end {
		j.object(oLinearizability, o, "%v: %v %d of client %d takes offset %d for committed, the agreed log ends at %d", p.key, o.Kind, o.Seq, o.Client, top, p.end)
		return false
	}
	*steps = append(*steps, step{pos: top, class: classSeen, ret: o.returned(), op: o})
	return true
}

// conflicts finds, for each operation that has any, the earliest returned one
// that contradicts it. Steps are sorted by key.
func conflicts(steps []step) []conflict {
	var out []conflict
	earliest := -1 // among the steps of larger keys
	for end := len(steps); end > 0; {
		start := end - 1
		for start > 0 && steps[start-1].compareKey(&steps[end-1]) == 0 {
			start--
		}
		for i := start; i < end && earliest >= 0; i++ {
			if steps[earliest].ret < steps[i].call {
				out = append(out, conflict{steps[i], steps[earliest]})
			}
		}
		for i := start; i < end; i++ {
			if earliest < 0 || steps[i].ret < steps[earliest].ret {
				earliest = i
			}
		}
		end = start
	}
	slices.Reverse(out)
	return out
}

func (j *judge) conflict(p *partition, c *conflict) {
	a, b := c.first.op, c.second.op
	j.object(oLinearizability, a, "%v: %v %d of client %d was called after %v %d of client %d had returned, and %s although %s",
		p.key, a.Kind, a.Seq, a.Client, b.Kind, b.Seq, b.Client, c.first.says(), c.second.says())
}
