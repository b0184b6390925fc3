package checker

import (
	"cmp"
	"slices"
)

// partition is one partition of a history, indexed for the oracles.
type partition struct {
	key      partitionKey
	log      *Log
	end      int64 // one after the agreed log's last record
	gapless  bool
	produces []*Op
	fetches  []*Op // with success
	lists    []*Op // with success
	deletes  []*Op // with success
	asked    int64 // the highest offset at which a deletion may have made it start
	outside  []*Op // fetches that were told that their offset is out of range
	owners   map[string]owner
	offsets  map[int64]int    // record by offset; only if the log is not gapless
	values   map[string]int64 // the first offset of each agreed value; made by find
	// copies are the places of the log at which a whole batch stands.
	copies []placed
}

// owner is the operation that produced a value.
type owner struct {
	op    *Op
	place int // in its batch
}

// placed is a produce's batch in the agreed log.
type placed struct {
	op   *Op
	base int64
}

// partitions sorts a history's operations by partition.
func partitions(h *History) []*partition {
	by := make(map[partitionKey]*partition, len(h.Logs))
	var out []*partition
	for i := range h.Logs {
		l := &h.Logs[i]
		p := &partition{key: partitionKey{l.Topic, l.Partition}, log: l, owners: map[string]owner{}}
		by[p.key] = p
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *partition) int {
		return cmp.Or(cmp.Compare(a.key.topic, b.key.topic), cmp.Compare(a.key.id, b.key.id))
	})
	for i := range h.Ops {
		o := &h.Ops[i]
		if p := by[partitionKey{o.Topic, o.Partition}]; p != nil {
			p.add(o)
		}
	}
	for _, p := range out {
		p.index()
	}
	return out
}

func (p *partition) add(o *Op) {
	if o.Kind == DeleteRecords {
		p.asked = max(p.asked, o.deletes())
	}
	switch {
	case o.Kind == Produce:
		p.produces = append(p.produces, o)
		for i, v := range o.Values {
			p.owners[v] = owner{o, i}
		}
	case o.Kind == Fetch && o.Outcome == Failed && o.Code == offsetOutOfRange:
		p.outside = append(p.outside, o)
	case o.Outcome != OK:
	case o.Kind == Fetch:
		p.fetches = append(p.fetches, o)
	case o.Kind == DeleteRecords:
		p.deletes = append(p.deletes, o)
	default:
		p.lists = append(p.lists, o)
	}
}

func (p *partition) index() {
	records := p.log.Records
	p.gapless, p.end = true, p.log.StartOffset
	for i := range records {
		p.gapless = p.gapless && records[i].Offset == p.log.StartOffset+int64(i)
		p.end = max(p.end, records[i].Offset+1)
	}
	if p.gapless {
		return
	}
	p.offsets = make(map[int64]int, len(records))
	for i := range records {
		p.offsets[records[i].Offset] = i
	}
}

// at returns the agreed value at an offset.
func (p *partition) at(offset int64) (string, bool) {
	i := offset - p.log.StartOffset
	if !p.gapless {
		n, ok := p.offsets[offset]
		if !ok {
			return "", false
		}
		i = int64(n)
	}
	if i < 0 || i >= int64(len(p.log.Records)) {
		return "", false
	}
	return p.log.Records[i].Value, true
}

// find returns the first offset of a value in the agreed log.
func (p *partition) find(value string) (int64, bool) {
	if p.values == nil {
		p.values = make(map[string]int64, len(p.log.Records))
		for _, r := range p.log.Records {
			if _, ok := p.values[r.Value]; !ok {
				p.values[r.Value] = r.Offset
			}
		}
	}
	offset, ok := p.values[value]
	return offset, ok
}

// holds says that the whole batch stands at an offset. What was deleted below
// the log's start, or is named as lost, counts as standing.
func (p *partition) holds(o *Op, base int64) bool {
	for i, v := range o.Values {
		offset := base + int64(i)
		if got, ok := p.at(offset); offset >= p.log.StartOffset && !p.log.lost(offset) && (!ok || got != v) {
			return false
		}
	}
	return true
}
