package checker

// unread judges a partition of whose log a part cannot be read any more. What is
// left is in order, what was acknowledged stands in it or was named as lost, and
// whoever saw an offset saw the same. Whether operations that touched the lost part
// were linearizable nobody can say.
func (j *judge) unread(p *partition) {
	j.unreadGaps(p)
	j.acknowledged(p)
	for _, o := range p.fetches {
		j.contiguous(p, o)
	}
	j.seen(p)
}

// unreadGaps judges that the agreed log's offsets leave out those that are lost,
// and no others.
func (j *judge) unreadGaps(p *partition) {
	next := p.log.StartOffset
	for i := range p.log.Records {
		j.checked[oGaplessOffsets]++
		r := &p.log.Records[i]
		for next < r.Offset && p.log.lost(next) {
			next++
		}
		if r.Offset != next {
			j.fail(oGaplessOffsets, 0, 0, "%v: the agreed log has offset %d where offset %d belongs, which was not named as lost", p.key, r.Offset, next)
		}
		next = r.Offset + 1
	}
}

// lost tells whether an offset is one that cannot be read.
func (l *Log) lost(offset int64) bool {
	for _, u := range l.Unread {
		if offset >= u.Base && offset < u.End {
			return true
		}
	}
	return false
}
