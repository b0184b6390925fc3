package checker

import (
	"cmp"
	"slices"
)

// offsetOutOfRange is the protocol's error code for a fetch outside of the log.
const offsetOutOfRange = 1

// trimmedTo is how far the partition's log was allowed to delete its records; -1
// if nobody says.
func trimmedTo(p *partition, m *Monitor, h *History) int64 {
	if p.log.TrimmedTo != nil {
		return *p.log.TrimmedTo
	}
	if len(h.Events) == 0 {
		return -1
	}
	for i := range h.Groups {
		if g := &h.Groups[i]; g.Topic == p.key.topic && g.Partition == p.key.id {
			return m.TrimmedTo(g.ID)
		}
	}
	return -1
}

// retained judges what was deleted: no more than the log's own commands say, so
// that the excuse of a lost record is one; no more than clients asked for, or than
// retention lets go; no less than clients were told; and no client is told that
// what still stands in the log is gone.
func (j *judge) retained(p *partition, trimmed int64, complete bool) {
	if trimmed >= 0 {
		j.checked[oRetention]++
		if p.log.StartOffset > trimmed {
			j.fail(oRetention, 0, 0, "%v: the agreed log starts at offset %d, it was told to delete the records below %d", p.key, p.log.StartOffset, trimmed)
		}
	}
	if complete && p.log.Retention != nil {
		j.excess(p, p.log.Retention)
	}
	var told []*Op
	for _, o := range slices.Concat(p.fetches, p.outside) {
		if o.LogStart > 0 {
			told = append(told, o)
		}
	}
	told = append(told, p.deletes...)
	for _, o := range told {
		j.checked[oRetention]++
		if o.LogStart > p.log.StartOffset {
			j.object(oRetention, o, "%v: %v %d of client %d was told that the log starts at offset %d, the agreed log starts at %d", p.key, o.Kind, o.Seq, o.Client, o.LogStart, p.log.StartOffset)
		}
		if o.Kind == DeleteRecords && o.LogStart < o.Offset {
			j.object(oRetention, o, "%v: %v %d of client %d asked for offset %d and was told that the log starts at %d", p.key, o.Kind, o.Seq, o.Client, o.Offset, o.LogStart)
		}
	}
	j.belowStart(p, told)
	j.outside(p)
	j.allDeleted(p)
}

// excess judges that no more is gone than somebody asked for. What retention lets
// go by size leaves so many bytes, and the log has only grown since; by time it may
// let go of everything but the newest segment.
func (j *judge) excess(p *partition, r *LogRetention) {
	j.checked[oRetention]++
	switch {
	case p.log.StartOffset <= p.asked, r.Ms > 0:
		return
	case r.Bytes == 0:
		j.fail(oRetention, 0, 0, "%v: the agreed log starts at offset %d, nobody asked to delete more than the records below %d", p.key, p.log.StartOffset, p.asked)
		return
	}
	for i := range p.log.Replicas {
		bytes := int64(0)
		for _, s := range p.log.Replicas[i].Segments {
			bytes += s.Bytes
		}
		if bytes < r.Bytes {
			j.fail(oRetention, 0, 0, "%v: replica %d has %d bytes of the log, which starts at offset %d: %d have to be kept, and nobody asked to delete more than the records below %d",
				p.key, p.log.Replicas[i].Replica, bytes, p.log.StartOffset, r.Bytes, p.asked)
		}
	}
}

// allDeleted judges that who asked for all records to go was answered with an end
// of the log: not below what had been acknowledged before.
func (j *judge) allDeleted(p *partition) {
	ends := p.acknowledgedEnds()
	for _, o := range byCall(p.deletes) {
		if end, by := ends.before(o.Call); o.Offset < 0 && o.LogStart < end {
			j.object(oRetention, o, "%v: %v %d of client %d asked for all records and was told that the log starts at %d, produce %d had been acknowledged up to %d", p.key, o.Kind, o.Seq, o.Client, o.LogStart, by.Seq, end-1)
		}
	}
}

// acknowledgedEnds are the ends of the log that produces were acknowledged at.
func (p *partition) acknowledgedEnds() *known {
	acked := slices.DeleteFunc(slices.Clone(p.produces), func(o *Op) bool { return o.Outcome != OK })
	return newKnown(acked, func(o *Op) int64 { return o.Offset + int64(len(o.Values)) })
}

// known sorts operations by their return and lets a sweep over calls ask for the
// greatest bound that one of those which returned before had.
type known struct {
	ops   []*Op
	bound func(*Op) int64
	next  int
	most  int64
	by    *Op
}

func newKnown(ops []*Op, bound func(*Op) int64) *known {
	slices.SortFunc(ops, func(a, b *Op) int { return cmp.Compare(a.Return, b.Return) })
	return &known{ops: ops, bound: bound}
}

// before advances to what returned before a stamp.
func (k *known) before(stamp uint64) (int64, *Op) {
	for ; k.next < len(k.ops) && k.ops[k.next].Return < stamp; k.next++ {
		if b := k.bound(k.ops[k.next]); b > k.most {
			k.most, k.by = b, k.ops[k.next]
		}
	}
	return k.most, k.by
}

func byCall(ops []*Op) []*Op {
	return slices.SortedFunc(slices.Values(ops), func(a, b *Op) int { return cmp.Compare(a.Call, b.Call) })
}

// belowStart judges that no linearizable fetch begins below a start that somebody
// was told before it was called. A plain one may be answered by who lags behind.
func (j *judge) belowStart(p *partition, told []*Op) {
	if len(told) == 0 {
		return
	}
	starts := newKnown(told, func(o *Op) int64 { return o.LogStart })
	for _, o := range byCall(p.fetches) {
		if !o.Linearizable {
			continue
		}
		if start, by := starts.before(o.Call); o.Offset < start {
			j.object(oRetention, o, "%v: fetch %d of client %d asked for offset %d and was answered, %v %d had been told that the log starts at %d", p.key, o.Seq, o.Client, o.Offset, by.Kind, by.Seq, start)
		}
	}
}

// outside judges that a linearizable fetch is not told that its offset is out of
// range when that offset stood in the log before and stands in it still, and that
// no answer names a range that has the offset in it.
func (j *judge) outside(p *partition) {
	if len(p.outside) == 0 {
		return
	}
	ends := p.acknowledgedEnds()
	for _, o := range byCall(p.outside) {
		j.checked[oRetention]++
		end, by := ends.before(o.Call)
		if o.Linearizable && o.Offset >= p.log.StartOffset && o.Offset < end {
			j.object(oRetention, o, "%v: fetch %d of client %d was told that offset %d is out of range: the log starts at %d, and produce %d had been acknowledged up to %d", p.key, o.Seq, o.Client, o.Offset, p.log.StartOffset, by.Seq, end-1)
		}
		if o.HighWatermark > 0 && o.LogStart <= o.Offset && o.Offset <= o.HighWatermark {
			j.object(oRetention, o, "%v: fetch %d of client %d was told that offset %d is out of range, which goes from %d to %d", p.key, o.Seq, o.Client, o.Offset, o.LogStart, o.HighWatermark)
		}
	}
}
